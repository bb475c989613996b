// A certificate's names, validity and key algorithm (RFC 5280 section 4.1), from its beginning as a worker kept it.
//
// The beginning alone is no certificate to OpenSSL. So the few elements that lead to what is looked for are walked
// here, each of them bounded by what is there, and OpenSSL decodes what they lead to: names, times, object identifiers.
// Nothing is verified.
#pragma once

#include "proto/record/section/tls_certificate.h"

namespace weir {

/// Decodes a section as the worker made it. One that was decoded is left as it is.
void decode_tls_certificate(TlsCertificateSection& section);

}  // namespace weir
