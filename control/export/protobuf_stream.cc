// protobuf+tcp://HOST:PORT, protobuf+tls://HOST:PORT and protobuf+unix:///PATH, length-delimited weir.v1.FlowRecord
// messages over a connection.
#include <sys/socket.h>

#include <array>
#include <memory>
#include <utility>

#include "control/export/exporter_kinds.h"
#include "control/export/protobuf_options.h"
#include "control/export/record_buffer.h"
#include "control/export/socket_exporter.h"
#include "control/export/tls_options.h"

namespace weir {
namespace {

constexpr auto kTcpOptions = std::to_array<OptionRow<ProtobufTcp>>({
    kMessageUniflowOption<ProtobufTcp>,
    kSourceOption<ProtobufTcp>,
    kInterfaceOption<ProtobufTcp>,
    kDscpOption<ProtobufTcp>,
});
struct ProtobufTls : ProtobufTcp, TlsOptions {
  [[nodiscard]] OptionResult check() const { return check_tls(*this); }
};
constexpr auto kTlsOptions = std::to_array<OptionRow<ProtobufTls>>({
    kCaOption<ProtobufTls>,
    kCertOption<ProtobufTls>,
    kKeyOption<ProtobufTls>,
    kHostnameOption<ProtobufTls>,
    kVerifyOption<ProtobufTls>,
    kMessageUniflowOption<ProtobufTls>,
    kSourceOption<ProtobufTls>,
    kInterfaceOption<ProtobufTls>,
    kDscpOption<ProtobufTls>,
});
constexpr auto kUnixOptions = std::to_array<OptionRow<ProtobufUnix>>({kMessageUniflowOption<ProtobufUnix>});

std::unique_ptr<StreamBuffer> make_buffer(const MessageOptions& options, const ExportContext& context) {
  // 4 MiB fill 40 MB a second over a path of 100 ms.
  return std::make_unique<RecordBuffer>(protobuf_encoding(options.uniflow, context), 0, std::size_t{4} * 1024 * 1024);
}

OpenResult open_tcp(const ProtobufTcp& peer, const ExportContext& context, ExportQueue& books) {
  return open_socket_exporter(Lookup(peer, SOCK_STREAM, context.resolver), peer.text(), context, books,
                              make_buffer(peer, context), peer);
}

OpenResult open_tls(const ProtobufTls& peer, const ExportContext& context, ExportQueue& books) {
  return open_tls_exporter(Lookup(peer, SOCK_STREAM, context.resolver), peer, context, books,
                           make_buffer(peer, context), peer, peer);
}

OpenResult open_unix(const ProtobufUnix& peer, const ExportContext& context, ExportQueue& books) {
  return open_socket_exporter(Lookup({unix_endpoint(peer.path)}), peer.path, context, books,
                              make_buffer(peer, context));
}

}  // namespace

constinit const ExporterKind protobuf_tcp_kind = exporter_kind<ProtobufTcp, kTcpOptions, open_tcp>({
    .scheme = "protobuf+tcp",
    .form = "protobuf+tcp://HOST:PORT",
    .help = "Length-delimited weir.v1.FlowRecord messages over TCP",
    .example = "protobuf+tcp://192.0.2.1:7000",
});

constinit const ExporterKind protobuf_tls_kind = exporter_kind<ProtobufTls, kTlsOptions, open_tls>({
    .scheme = "protobuf+tls",
    .form = "protobuf+tls://HOST:PORT",
    .help = "The same over TLS; the collector's certificate is verified",
    .example = "protobuf+tls://collector.example:7443?ca=/etc/weir/ca.pem",
});

constinit const ExporterKind protobuf_unix_kind = exporter_kind<ProtobufUnix, kUnixOptions, open_unix>({
    .scheme = "protobuf+unix",
    .form = "protobuf+unix:///PATH",
    .help = "Length-delimited weir.v1.FlowRecord messages over a unix stream socket",
    .example = "protobuf+unix:///run/weir/records.sock",
});

}  // namespace weir
