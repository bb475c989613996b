// The lines of an HTTP/1.x request and response (RFC 9112) that a worker copied, to method, host, URL and the rest.
//
// The worker chose the lines: the first one of each message and the fields that have a place in the section. Here they
// are taken apart: the target between method and version, values without the white space around them, lines that go on
// (obs-fold, section 5.2) joined by a space. The work is bounded by the octets that are there, whatever they are.
#pragma once

#include "proto/record/section/http.h"

namespace weir {

/// Decodes the lines of a section as the worker made it. One that was decoded is left as it is.
void decode_http_header(HttpSection& section);

}  // namespace weir
