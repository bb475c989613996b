// weir-collect: receives flow records, or reads a file of them, and shows what they say.
//
// Records go to standard output, everything else to standard error.
// Exit codes: 0 done; 1 something outside is wrong (a file, a socket, standard output); 2 the command line is.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <initializer_list>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "control/export/file_sink.h"
#include "proto/base/duration.h"
#include "proto/base/number_text.h"
#include "proto/base/quantity.h"
#include "proto/base/split.h"
#include "proto/base/unique_fd.h"
#include "tools/collect/collector.h"
#include "tools/collect/flow_printer.h"
#include "tools/collect/flow_totals.h"
#include "tools/collect/forwarder.h"
#include "tools/collect/given_templates.h"
#include "tools/collect/listen_uri.h"
#include "tools/collect/prefix_adder.h"
#include "tools/collect/sockets.h"
#include "tools/collect/sum_by.h"
#include "tools/collect/summary.h"

namespace {

constexpr int kExitOutside = 1;
constexpr int kExitCommandLine = 2;
constexpr std::uint64_t kLeastMemory = 1 << 20;

int complain(const std::string& line, int code) {
  fmt::print(stderr, "weir-collect: {}\n", weir::printable(line));
  return code;
}

struct Options {
  std::vector<std::string> listen;
  std::vector<std::string> files;
  std::vector<std::string> exports;
  std::vector<std::string> templates;
  std::string templates_file;
  std::string sum_by;
  const CLI::Option* sum_by_option = nullptr;  ///< whether it was given, be it empty
  std::string summary_file;
  std::string duration;
  std::uint64_t top = 0;
  std::uint64_t max_flows = weir::FlowTotals::kDefaultMaxFlows;
  bool json = false;
  bool quiet = false;
  bool options = false;
  bool dump = false;
  bool raw = false;
  bool scale = false;
  bool ports_apart = false;
  std::string max_memory = "512M";
  std::string prefixes;
};

/// Takes "20000", "20k" or "1.5M", and hands CLI11 the digits.
std::string at_least_one(std::string& text) {
  const auto number = weir::parse_count(text);
  if (!number || *number == 0) return fmt::format("'{}' is not a whole number of at least 1", text);
  text = std::to_string(*number);
  return {};
}

/// What is read, and how.
void describe_input(CLI::App& app, Options& options) {
  app.add_option("FILE", options.files,
                 "captures (pcap, pcapng) with NetFlow, IPFIX or sFlow in them, files of IPFIX messages, or files of\n"
                 "length-delimited weir.v1.FlowRecord messages; - is standard input");
  app.add_option("--listen", options.listen,
                 "netflow9://HOST:PORT, netflow1://, netflow5://, netflow7://, ipfix://, sflow5:// (UDP, any of\n"
                 "these formats on any of them), ipfix+tcp://HOST:PORT, protobuf+tcp://HOST:PORT or\n"
                 "protobuf+unix:///PATH; repeatable; port 0 lets the system choose")
      ->type_name("URI")
      ->allow_extra_args(false);
  app.add_option(
         "--template", options.templates,
         "a template for data of NetFlow v9 and IPFIX whose exporter's template is not there, such as\n"
         "256:8/4,12/4,octetDeltaCount/8,29305:1/8,82/v (element/octets, or v for a length that each record says;\n"
         "an enterprise number stands before its element); 'scope ' before a field: of options; repeatable")
      ->type_name("ID:FIELD,...")
      ->allow_extra_args(false);
  app.add_option("--templates", options.templates_file,
                 "such templates, one a line, or what --dump printed; of one id that of --template counts")
      ->type_name("FILE");
}

void describe(CLI::App& app, Options& options) {
  const CLI::Validator whole(at_least_one, "", "at least 1");
  app.set_version_flag("--version", std::string("weir-collect ") + WEIR_VERSION, "Print the version");
  describe_input(app, options);
  app.add_option("--export", options.exports,
                 "send the records on, by the URIs of 'weir run --export'; repeatable; no line for each record then,\n"
                 "unless --json asks for it")
      ->type_name("URI")
      ->allow_extra_args(false);
  CLI::Option* const json = app.add_flag("--json", options.json, "one JSON object a line instead of a table");
  CLI::Option* const quiet = app.add_flag("--quiet", options.quiet, "no line for each record");
  app.add_flag("--options", options.options,
               "show options records (sampling, interface names, counters) and sFlow's counter samples, too")
      ->excludes(quiet);
  CLI::Option* const dump = app.add_flag("--dump", options.dump,
                                         "show each message instead, as text: header, templates, every field of every "
                                         "record, and its octets")
                                ->excludes(json)
                                ->excludes(quiet);
  app.add_flag("--raw", options.raw, "in --dump, each field as its octets in hex instead of what they mean")
      ->needs(dump);
  options.sum_by_option =
      app.add_option(
             "--sum-by", options.sum_by,
             "at the end packets and bytes summed by these fields, such as src_addr,dst_port, the largest first;\n"
             "no line for each record. Fields: those of the JSON lines that are numbers, texts, addresses or tunnels,\n"
             "and sampler_address; 'weir fields' describes them, and a wrong name lists them. Prefixes: src_addr/24 "
             "(IPv4),\n"
             "src_addr/64 (IPv6), src_addr/24/64")
          ->type_name("FIELDS");
  app.add_option("--top", options.top,
                 "at the end the N flows (directional 5-tuples) with the most bytes; with --sum-by its first N lines")
      ->type_name("N")
      ->check(whole);
  app.add_flag("--scale", options.scale,
               "count packets and bytes of the summary, --top and --sum-by times the sampling rate of their records:\n"
               "estimates of the whole traffic; the records themselves stay as they came");
  app.add_option("--duration", options.duration, "stop after this time (10s, 5m); without it at SIGINT or SIGTERM")
      ->type_name("T");
  app.add_option("--summary", options.summary_file, "write the summary as one JSON object; - is standard output")
      ->type_name("FILE");
  app.add_option("--max-flows", options.max_flows, "flows told apart, 112 octets each; more are summed only")
      ->type_name("N")
      ->check(whole)
      ->capture_default_str();
  app.add_option(
         "--max-memory", options.max_memory,
         "memory for all exporters, their templates and the data that waits for these, such as 512M; what comes from\n"
         "one address may have a quarter of it; where it is full the exporter that was silent longest is forgotten")
      ->type_name("SIZE")
      ->capture_default_str();
  app.add_option("--prefixes", options.prefixes,
                 "add AS numbers, prefix lengths, next hops, names and countries from these files, where the exporter\n"
                 "says none, as 'weir run --prefixes' does; SIGHUP reads them again")
      ->type_name("FILE[,FILE...]");
  app.add_flag(
      "--ports-apart", options.ports_apart,
      "NetFlow v9: another source port is another exporter; by RFC 3954 an exporter is its address and source id");
  app.footer(
      "Signals: SIGINT and SIGTERM end it, with the summary; SIGHUP opens the files of --export again by their names, "
      "for\n"
      "a log rotation that moves them away, and reads the files of --prefixes again.\n"
      "Examples:\n"
      "  weir-collect --listen netflow9://127.0.0.1:9995\n"
      "  weir-collect --json --listen protobuf+unix:///run/weir/records.sock | jq .bytes\n"
      "  weir-collect --quiet --top 10 records.pb\n"
      "  weir-collect --dump export.pcap\n"
      "  weir-collect --sum-by src_addr,dst_port --top 20 export.pcap\n"
      "  weir-collect --listen netflow9://0.0.0.0:2055 --export protobuf+tcp://192.0.2.1:7000\n"
      "  weir read --export protobuf:- capture.pcap | weir-collect -\n"
      "Records go to standard output, the summary to standard error.\n"
      "Exit code: 0 done; 1 a file, a socket or the network; 2 the command line.");
}

/// Signals become readable on a descriptor, so that one poll() waits for everything.
weir::UniqueFd signals_as_descriptor(std::initializer_list<int> numbers) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : numbers) sigaddset(&set, number);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  return weir::UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

/// Where the summary goes. Opened at the start, so that a wrong name is told of then, not after a day of collecting;
/// what the file holds is replaced when the summary is written, and not by a start that fails.
class SummaryFile {
 public:
  tl::expected<void, std::string> open(const std::string& path) {
    path_ = path;
    if (path.empty() || path == "-") return {};
    errno = 0;
    file_.open(path, std::ios::app);
    return file_ ? tl::expected<void, std::string>() : error();
  }
  tl::expected<void, std::string> write(const std::string& line) {
    if (path_.empty()) return {};
    errno = 0;
    if (path_ == "-") {
      if (std::fwrite(line.data(), 1, line.size(), stdout) == line.size() && std::fflush(stdout) == 0) return {};
      return tl::make_unexpected(fmt::format("--summary: standard output: {}", std::strerror(errno)));
    }
    file_.close();
    file_.open(path_, std::ios::trunc);
    file_ << line;
    file_.close();
    return file_ ? tl::expected<void, std::string>() : error();
  }

 private:
  [[nodiscard]] tl::expected<void, std::string> error() const {
    return tl::make_unexpected(fmt::format("--summary {}: {}", path_, std::strerror(errno)));
  }
  std::string path_;
  std::ofstream file_;
};

/// What the options say, read.
struct Settings {
  std::uint64_t duration_ns = 0;  ///< 0: without end
  weir::FlowDecoder::Limits limits;
  std::vector<weir::ListenUri> uris;
  std::optional<weir::SumBy> sums;
  std::vector<std::string> prefix_files;
  std::vector<weir::TemplateRecord> templates;
};

/// The error is a line for the user.
tl::expected<Settings, std::string> read_settings(const Options& options) {
  Settings settings;
  if (!options.duration.empty()) {
    const auto parsed = weir::parse_duration(options.duration, 1, weir::kGreatestRunNs);
    if (!parsed) {
      return tl::make_unexpected(fmt::format("--duration: '{}': {}", options.duration, parsed.error()));
    }
    settings.duration_ns = *parsed;
  }
  if (options.listen.empty() == options.files.empty()) {
    return tl::make_unexpected("give either --listen URI or a FILE (--help shows examples)");
  }
  if (!options.files.empty() && settings.duration_ns != 0) {
    return tl::make_unexpected("--duration goes with --listen; a FILE is read to its end");
  }
  settings.limits.netflow9_by_port = options.ports_apart;
  const auto max_memory = weir::parse_size(options.max_memory);
  if (!max_memory) return tl::make_unexpected("--max-memory: " + max_memory.error());
  if (*max_memory < kLeastMemory) return tl::make_unexpected("--max-memory: must be at least 1M");
  settings.limits.memory_octets = *max_memory;
  for (const std::string& text : options.listen) {
    auto uri = weir::parse_listen_uri(text);
    if (!uri) return tl::make_unexpected("--listen " + uri.error());
    settings.uris.push_back(std::move(*uri));
  }
  if (options.sum_by_option->count() != 0) {
    auto fields = weir::SumBy::parse(options.sum_by);
    if (!fields) return tl::make_unexpected("--sum-by: " + fields.error());
    settings.sums.emplace(std::move(*fields), options.max_flows);
  }
  for (const std::string_view file : weir::split(options.prefixes, ',')) {
    if (options.prefixes.empty()) break;
    if (file.empty()) return tl::make_unexpected("--prefixes: a file without a name; expected FILE[,FILE...]");
    settings.prefix_files.emplace_back(file);
  }
  for (const std::string& text : options.templates) {
    auto one = weir::parse_given_template(text);
    if (!one) return tl::make_unexpected("--template: " + one.error());
    settings.templates.push_back(std::move(*one));
  }
  for (const std::string& uri : options.exports) {
    if (auto good = weir::check_export_uri(uri); !good) return tl::make_unexpected(good.error());
  }
  return settings;
}

/// Puts the templates of --templates before those of --template. The exit code; 0: they are good, or there are none.
int read_templates(const std::string& path, std::vector<weir::TemplateRecord>& templates) {
  if (path.empty()) return 0;
  const weir::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char block[4096];
  ssize_t octets = file.get() < 0 ? -1 : 1;
  while (octets > 0 && (octets = ::read(file.get(), block, sizeof block)) > 0)
    text.append(block, static_cast<std::size_t>(octets));
  if (octets < 0) return complain(fmt::format("--templates {}: {}", path, std::strerror(errno)), kExitOutside);
  auto given = weir::parse_given_templates(text);
  if (given && given->empty()) given = tl::make_unexpected(std::string("there is no template in it"));
  if (!given) return complain(fmt::format("--templates {}: {}", path, given.error()), kExitCommandLine);
  templates.insert(templates.begin(), given->begin(), given->end());
  return 0;
}

/// Whether --summary names no file that is read.
bool is_no_input(const std::string& summary_file, const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    const auto identity = weir::FileSink::identity_of(file);
    if (!identity || weir::FileSink::identity_of(summary_file) != identity) continue;
    complain(fmt::format("--summary {}: that is the input {} itself; name another file", summary_file, file),
             kExitOutside);
    return false;
  }
  return true;
}

/// Files that are read, which no exporter may write to.
std::vector<std::string> inputs_of(const Options& options, const Settings& settings) {
  std::vector<std::string> inputs = options.files;
  if (!options.templates_file.empty()) inputs.push_back(options.templates_file);
  inputs.insert(inputs.end(), settings.prefix_files.begin(), settings.prefix_files.end());
  return inputs;
}

/// SIGHUP.
void hang_up(int descriptor, const Options& options, weir::Forwarder& forwarder, weir::PrefixAdder* prefixes) {
  signalfd_siginfo signal{};
  static_cast<void>(::read(descriptor, &signal, sizeof signal));
  if (!options.exports.empty()) forwarder.reopen();
  if (prefixes != nullptr) prefixes->reload();
}

int collect(const Options& options) {
  auto settings = read_settings(options);
  if (!settings) return complain(settings.error(), kExitCommandLine);
  if (const int code = read_templates(options.templates_file, settings->templates); code != 0) return code;
  const std::vector<weir::ListenUri>& uris = settings->uris;
  std::optional<weir::SumBy>& sums = settings->sums;
  weir::Forwarder forwarder(options.exports, inputs_of(options, *settings),
                            uris.empty() ? weir::ExportMode::capture : weir::ExportMode::live);

  using Format = weir::FlowPrinter::Format;
  const bool silent = options.quiet || options.dump || sums || (!options.exports.empty() && !options.json);
  weir::FlowTotals totals(options.max_flows);
  weir::FlowPrinter printer(silent ? Format::none : options.json ? Format::json : Format::table, STDOUT_FILENO);
  weir::Collector collector(totals, printer, settings->limits);
  collector.give_templates(settings->templates);
  const auto prefixes = weir::PrefixAdder::open(settings->prefix_files);
  if (!prefixes) return complain(prefixes.error(), kExitOutside);
  collector.set_outputs({.sums = sums ? &*sums : nullptr,
                         .forwarder = options.exports.empty() ? nullptr : &forwarder,
                         .prefixes = prefixes->get(),
                         .hang_up = [&](int descriptor) { hang_up(descriptor, options, forwarder, prefixes->get()); },
                         .options = options.options,
                         .dump = options.dump,
                         .raw = options.raw,
                         .scale = options.scale});
  if (!is_no_input(options.summary_file, options.files)) return kExitOutside;
  SummaryFile summary;
  if (const auto opened = summary.open(options.summary_file); !opened) return complain(opened.error(), kExitOutside);
  ::signal(SIGPIPE, SIG_IGN);  // a reader that left is an error of write(), with a name
  const weir::UniqueFd signals = signals_as_descriptor({SIGINT, SIGTERM});
  weir::UniqueFd hangups;
  if (uris.empty() || (options.exports.empty() && *prefixes == nullptr)) {
    ::signal(SIGHUP, SIG_IGN);  // no file is to be opened or read again
  } else {
    hangups = signals_as_descriptor({SIGHUP});
  }
  for (const weir::ListenUri& uri : uris) {
    const auto lines = collector.listen(uri);
    if (!lines) return complain(lines.error(), kExitOutside);
    for (const std::string& line : *lines) complain(line, 0);
  }

  if (!options.exports.empty()) {
    if (const auto started = forwarder.start(); !started) return complain(started.error(), kExitOutside);
  }

  // Records before the error are shown, and the other files are read.
  tl::expected<void, std::string> done;
  int code = 0;
  if (!uris.empty()) done = collector.run(signals.get(), hangups.get(), settings->duration_ns);
  for (const std::string& file : options.files) {
    if (printer.reader_left()) break;
    if (!done) code = complain(done.error(), kExitOutside);
    done = collector.read_file(file, signals.get());
  }
  if (!options.exports.empty()) {
    for (const std::string& problem : forwarder.finish()) code = complain(problem, kExitOutside);
  }
  if (sums) {
    printer.print_sums(*sums, options.top, options.json);
  } else if (options.top != 0) {
    printer.print_top(totals.top(options.top), options.json);
  }
  const auto flushed = printer.flush();
  if (done && !flushed) done = flushed;
  if (printer.reader_left()) return code;  // `| head` had enough: what a summary would say is not all
  if (done || totals.records() != 0) fmt::print(stderr, "weir-collect: {}", weir::summary_text(collector, totals));
  if (const auto written = summary.write(weir::summary_json(collector, totals)); !written) {
    code = complain(written.error(), kExitOutside);
  }
  if (sums && sums->remainder().records != 0) {
    complain(fmt::format("--sum-by: {} packets, {} bytes came with more keys than --max-flows {} holds",
                         sums->remainder().packets, sums->remainder().octets, options.max_flows),
             0);
  }
  return done ? code : complain(done.error(), kExitOutside);
}

int parse_and_collect(int argc, char** argv) {
  CLI::App app("Collector and decoder of flow records: NetFlow v1, v5, v7, v9, IPFIX, sFlow v5, and weir's protobuf.",
               "weir-collect");
  Options options;
  describe(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    return complain(error.what(), kExitCommandLine);
  }
  return collect(options);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return parse_and_collect(argc, argv);
  } catch (const std::bad_alloc&) {  // nothing that input could cause throws anything else
    return complain("out of memory", kExitOutside);
  } catch (const std::exception& error) {
    return complain(error.what(), kExitOutside);
  }
}
