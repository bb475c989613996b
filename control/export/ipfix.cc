// ipfix://HOST:PORT, ipfix+tcp://HOST:PORT and ipfix+tls://HOST:PORT, IPFIX over UDP, TCP and TLS.
#include <sys/socket.h>

#include <array>
#include <memory>
#include <utility>

#include "control/export/datagram_exporter.h"
#include "control/export/exporter_kinds.h"
#include "control/export/ipfix_buffer.h"
#include "control/export/outgoing.h"
#include "control/export/socket_exporter.h"
#include "control/export/template_options.h"
#include "control/export/tls_options.h"
#include "proto/encode/ipfix_encoder.h"

namespace weir {
namespace {

OpenResult open_udp(const TemplateDatagramOptions& options, const ExportContext& context, ExportQueue& books) {
  IpfixOptions encoder;
  options.put(encoder, Dialect::ipfix);
  encoder.domain = options.source_id + context.source_offset;
  encoder.header_time = header_time(context.mode);
  encoder.start_ns = stream_start_ns(context);
  return open_datagram_exporter<IpfixEncoder>(encoder, options, options, context, books);
}

struct OverTcp : HostPort, TemplateOptions, OutgoingOptions {};

constexpr auto kTcpOptions = std::to_array<OptionRow<OverTcp>>({
    kOptionsDataRefreshOption<OverTcp>,
    kUniflowOption<OverTcp>,
    kSourceIdOption<OverTcp>,
    kProfileOption<OverTcp>,
    kFieldsOption<OverTcp>,
    kOwnElementsOption<OverTcp>,
    kSourceOption<OverTcp>,
    kInterfaceOption<OverTcp>,
    kDscpOption<OverTcp>,
});

OpenResult open_tcp(const OverTcp& options, const ExportContext& context, ExportQueue& books) {
  return open_socket_exporter(Lookup(options, SOCK_STREAM, context.resolver), options.text(), context, books,
                              std::make_unique<IpfixBuffer>(options, context, books), options);
}

struct OverTls : OverTcp, TlsOptions {
  [[nodiscard]] OptionResult check() const { return check_tls(*this); }
};

constexpr auto kTlsOptions = std::to_array<OptionRow<OverTls>>({
    kCaOption<OverTls>,
    kCertOption<OverTls>,
    kKeyOption<OverTls>,
    kHostnameOption<OverTls>,
    kVerifyOption<OverTls>,
    kOptionsDataRefreshOption<OverTls>,
    kUniflowOption<OverTls>,
    kSourceIdOption<OverTls>,
    kProfileOption<OverTls>,
    kFieldsOption<OverTls>,
    kOwnElementsOption<OverTls>,
    kSourceOption<OverTls>,
    kInterfaceOption<OverTls>,
    kDscpOption<OverTls>,
});

OpenResult open_tls(const OverTls& options, const ExportContext& context, ExportQueue& books) {
  return open_tls_exporter(Lookup(options, SOCK_STREAM, context.resolver), options, context, books,
                           std::make_unique<IpfixBuffer>(options, context, books), options, options);
}

}  // namespace

constinit const ExporterKind ipfix_kind = exporter_kind<TemplateDatagramOptions, kTemplateDatagramOptions, open_udp>({
    .scheme = "ipfix",
    .form = "ipfix://HOST:PORT",
    .help = "IPFIX (RFC 7011) over UDP; uniflow=0 makes biflows by RFC 5103",
    .example = "ipfix://192.0.2.1:4739?uniflow=0",
    .names_source = true,
});

constinit const ExporterKind ipfix_tcp_kind = exporter_kind<OverTcp, kTcpOptions, open_tcp>({
    .scheme = "ipfix+tcp",
    .form = "ipfix+tcp://HOST:PORT",
    .help = "IPFIX over TCP (RFC 7011 section 10.4)",
    .example = "ipfix+tcp://192.0.2.1:4739?profile=nfdump",
    .names_source = true,
});

constinit const ExporterKind ipfix_tls_kind = exporter_kind<OverTls, kTlsOptions, open_tls>({
    .scheme = "ipfix+tls",
    .form = "ipfix+tls://HOST:PORT",
    .help = "IPFIX over TLS (RFC 7011 section 11.1); the collector's certificate is verified",
    .example = "ipfix+tls://collector.example:4740?ca=/etc/weir/ca.pem",
    .names_source = true,
});

}  // namespace weir
