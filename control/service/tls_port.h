// The TCP port of `--control tls://`: mutual TLS, by gRPC's own listener.
//
// Only who shows a certificate of an authority in `ca` gets past the handshake, for which a client has 5 s. So these
// clients do not pass the connection guard; gRPC's limits (control_service.cc) hold for them, too.
#pragma once

#include <grpcpp/grpcpp.h>

#include <string>
#include <tl/expected.hpp>

#include "proto/schema/control_address.h"

namespace weir {

/// Makes the builder's server listen there, too. `port` is 0 after BuildAndStart() if that failed. Error: one line.
tl::expected<void, std::string> add_tls_port(grpc::ServerBuilder& builder, const ControlAddress& address, int& port);

/// Why there is no port, in one line: somebody else has it, or the files do not belong together.
std::string why_no_tls_port(const ControlAddress& address);

}  // namespace weir
