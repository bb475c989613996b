// What weir looks at in an HTTP request before anything answers it: where the head ends, which header lines count, and
// whether the Host is one that a stranger's web page cannot have chosen.
//
// A page of any site may send requests to loopback by a name of its own that it lets point there (DNS rebinding). Its
// requests then carry that name. So a Host that is neither an address, nor localhost, nor this machine's name, is
// refused. Functions of text alone.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weir {

/// Octets of the head of a request, its empty line included (RFC 9112 section 2.1); 0: it is not whole yet.
std::size_t http_head_length(std::string_view octets);

/// The request line and the header lines that an answer depends on: Host and Sec-Fetch-Site. All others are left out,
/// so that no parser works on what does not count. `head` is whole.
std::string http_head_that_counts(std::string_view head);

/// The path of a request line, without what follows a question mark; empty: there is none.
std::string_view http_path(std::string_view head);

/// Whether a Host (RFC 9110 section 7.2), with or without a port, is an IP address, localhost or `machine`. Letters of
/// either case.
bool is_own_host(std::string_view host, std::string_view machine);

}  // namespace weir
