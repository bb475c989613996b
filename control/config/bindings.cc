#include "control/config/bindings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <system_error>

#include "control/config/input_source.h"
#include "control/config/key_list.h"
#include "control/config/metric_list.h"
#include "control/config/monitor_blocks.h"
#include "control/config/port_pair.h"
#include "control/config/sampling_text.h"
#include "control/config/tunnel_list.h"
#include "control/export/export_uri.h"
#include "dataplane/input/pcap_filter.h"
#include "dataplane/kernel_port.h"
#include "proto/base/cpu_list.h"
#include "proto/base/ip_address.h"
#include "proto/base/split.h"
#include "proto/schema/control_address.h"
#include "proto/schema/control_socket.h"

namespace weir {
namespace {

constexpr auto kWhenFull = std::to_array<NamedValue<WhenFull>>(
    {{"evict", WhenFull::evict}, {"overflow", WhenFull::overflow}, {"sample", WhenFull::sample}});
constexpr auto kIdleChoices = std::to_array<NamedValue<IdleChoice>>({{"auto", IdleChoice::automatic},
                                                                     {"poll", IdleChoice::poll},
                                                                     {"pause", IdleChoice::pause},
                                                                     {"sleep", IdleChoice::sleep}});
constexpr auto kLayers = std::to_array<NamedValue<Layer>>({{"outer", Layer::outer}, {"inner", Layer::inner}});
constexpr auto kIcmpErrors =
    std::to_array<NamedValue<IcmpErrors>>({{"own", IcmpErrors::own}, {"quoted", IcmpErrors::quoted}});
constexpr auto kRssHashes =
    std::to_array<NamedValue<RssHash>>({{"addresses", RssHash::addresses}, {"ports", RssHash::ports}});

ValueResult parse_key(const ValueContext&, const std::string& text, Settings& settings) {
  return parse_key_list(text).map([&](const KeyFields& key) {
    settings.flow.key = key;
    settings.flow.metrics = for_key(settings.flow.metrics, key);
  });
}

ValueResult parse_metrics(const ValueContext&, const std::string& text, Settings& settings) {
  return parse_metric_list(text).map([&](Metrics metrics) {
    metrics.settings = settings.flow.metrics.settings;  // other options say these
    settings.flow.metrics = for_key(metrics, settings.flow.key);
  });
}

ValueResult parse_sample(const ValueContext&, const std::string& text, Settings& settings) {
  return parse_sampling(text).map([&](Sampling sampling) {
    sampling.seed = settings.flow.sampling.seed;  // another option says it
    settings.flow.sampling = sampling;
  });
}

ValueResult parse_sample_key(const ValueContext& context, const std::string& text, Settings& settings) {
  const auto seed = parse_sampling_key(text);
  if (!seed) return tl::make_unexpected("expected " + context.description.value());
  settings.flow.sampling.seed = *seed;
  return {};
}

ValueResult parse_tunnels(const ValueContext&, const std::string& text, Settings& settings) {
  return parse_tunnel_list(text, settings.flow.parser);
}

/// A capture of another link type may know words that Ethernet does not.
bool other_link_type_knows(const std::string& filter) {
  return PcapFilter::compile(filter, LinkType::ieee80211).has_value() ||
         PcapFilter::compile(filter, LinkType::ppp).has_value() ||
         PcapFilter::compile(filter, LinkType::frame_relay).has_value();
}

ValueResult parse_filter(const ValueContext& context, const std::string& text, Settings&) {
  const auto compiled = PcapFilter::compile_for_flows(text);
  if (compiled) return {};
  return tl::make_unexpected(
      fmt::format("{}; expected {} (man pcap-filter)", compiled.error(), context.description.value()));
}

ValueResult parse_frame_filter(const ValueContext& context, const std::string& text, Settings&) {
  const auto compiled = PcapFilter::compile(text, LinkType::ethernet);
  if (compiled || (context.command == Command::read && other_link_type_knows(text))) return {};
  return tl::make_unexpected(
      fmt::format("{}; expected {} (man pcap-filter)", compiled.error(), context.description.value()));
}

ValueResult parse_export(const ValueContext&, const std::string& text, Settings&) {
  const auto parsed = parse_export_uri(text);
  if (parsed) return {};
  // The exporters' line begins with "export 'URI': ", which the place and the value say already.
  const std::string prefix = fmt::format("export '{}': ", text);
  const std::string& error = parsed.error();
  return tl::make_unexpected(error.starts_with(prefix) ? error.substr(prefix.size()) : error);
}

ValueResult parse_save_rejects(const ValueContext&, const std::string& text, Settings& settings) {
  return parse_reject_target(text).map([&](const RejectTarget& target) { settings.rejects = target; });
}

ValueResult parse_sampler_address(const ValueContext& context, const std::string& text, Settings& settings) {
  const auto address = parse_ip_address(text);
  if (!address) return tl::make_unexpected("expected " + context.description.value());
  settings.sampler_address = *address;
  return {};
}

std::vector<std::string> print_sampler_address(const Settings& settings) {
  return settings.sampler_address.has_value() ? std::vector{settings.sampler_address.text()}
                                              : std::vector<std::string>();
}

ValueResult parse_prefixes(const ValueContext& context, const std::string& text, Settings& settings) {
  for (const std::string_view file : split(text, ',')) {
    if (file.empty()) return tl::make_unexpected("a file without a name; expected " + context.description.value());
    const auto& files = settings.prefix_files;
    if (std::find(files.begin(), files.end(), file) != files.end()) {
      return tl::make_unexpected(fmt::format("{} is there twice; expected each file once", file));
    }
    settings.prefix_files.emplace_back(file);
  }
  return {};
}

ValueResult parse_input(const ValueContext&, const std::string& text, Settings& settings) {
  return parse_input_source(text).map([&](const InputSource& source) { settings.input_source = source; });
}

ValueResult parse_port(const ValueContext& context, const std::string& text, Settings&) {
  if (is_kernel_port(text) && !parse_kernel_port(text)) {
    return tl::make_unexpected(
        "no name of an interface; expected 1 to 15 characters after the colon, none of them a space, '/', ':' or '='");
  }
  if (!device_name(text).empty()) return {};
  return tl::make_unexpected("neither a PCI address nor a vdev; expected " + context.description.value());
}

ValueResult parse_pair(const ValueContext&, const std::string& text, Settings&) {
  return check_port_pair(text);
}

ValueResult parse_cores(const ValueContext&, const std::string& text, Settings& settings) {
  return parse_cpu_list(text).map([&](const std::vector<unsigned>& cpus) { settings.cores = cpus; });
}

std::vector<std::string> print_cores(const Settings& settings) {
  return settings.cores.empty() ? std::vector<std::string>() : std::vector{cpu_list_text(settings.cores)};
}

ValueResult parse_socket(const ValueContext&, const std::string& text, Settings&) {
  if (text.size() > kMaxSocketPath) {
    return tl::make_unexpected(fmt::format("{} octets; expected a path of at most {}", text.size(), kMaxSocketPath));
  }
  if (text.ends_with('/')) return tl::make_unexpected("a folder; expected a file in it");
  return {};
}

ValueResult parse_socket_mode(const ValueContext& context, const std::string& text, Settings& settings) {
  unsigned mode = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, mode, 8);
  if (parsed.ec != std::errc() || parsed.ptr != end || mode > 0777) {
    return tl::make_unexpected("no mode of a file; expected " + context.description.value());
  }
  if ((mode & 0200) == 0) return tl::make_unexpected("weir's own user could not ask; expected a mode such as 0600");
  settings.socket_mode = mode;
  return {};
}

/// As useradd(8) takes it. Whether there is such a user is not the text's to say.
ValueResult parse_user(const ValueContext& context, const std::string& text, Settings&) {
  constexpr std::size_t kLongest = 32;
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-$";
  if (text.empty() || text.size() > kLongest || text.front() == '-' ||
      text.find_first_not_of(kLetters) != std::string::npos) {
    return tl::make_unexpected("no name of a user; expected " + context.description.value());
  }
  if (text == "root" || text.find_first_not_of('0') == std::string::npos) {
    return tl::make_unexpected("root keeps every right; expected " + context.description.value());
  }
  return {};
}

ValueResult parse_control(const ValueContext&, const std::string& text, Settings& settings) {
  return parse_control_address(text).map([&](const ControlAddress& address) { settings.control_address = address; });
}

ValueResult parse_prometheus(const ValueContext&, const std::string& text, Settings&) {
  return text.empty() ? ValueResult() : check_listen_address(text);
}

/// A port alone is one of loopback.
ValueResult parse_http(const ValueContext&, const std::string& text, Settings& settings) {
  const bool port_alone = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  const std::string address = port_alone ? "127.0.0.1:" + text : text;
  if (!address.empty()) {
    if (auto checked = check_listen_address(address); !checked) return checked;
  }
  settings.http = address;
  return {};
}

std::vector<std::string> print_http(const Settings& settings) {
  return settings.http.empty() ? std::vector<std::string>() : std::vector{settings.http};
}

// One row a field, in the order of config.proto.
// NOLINTBEGIN(bugprone-macro-parentheses): the return type of a lambda is not an expression
#define WEIR_MEMBER(member)     \
  [](auto& settings) -> auto& { \
    return settings.member;     \
  }
// NOLINTEND(bugprone-macro-parentheses)
using Row = Rows<Settings>;

}  // namespace

std::span<const Binding<Settings>> setting_bindings() {
  static const auto rows = std::to_array<Binding<Settings>>({
      Row::text<parse_input>("input", WEIR_MEMBER(input)),
      Row::number("account_entries", WEIR_MEMBER(account.max_entries)),
      Row::duration("account_timeout", WEIR_MEMBER(account.timeout_ns)),
      Row::on_off("account_others", WEIR_MEMBER(account_others)),

      Row::text<parse_port>("port", WEIR_MEMBER(ports)),
      Row::text<parse_pair>("pair", WEIR_MEMBER(pairs)),
      Row::value("cores", parse_cores, print_cores),
      Row::choice<kRssHashes>("rss", WEIR_MEMBER(rss)),
      Row::choice<kIdleChoices>("idle", WEIR_MEMBER(idle)),
      Row::text("eal", WEIR_MEMBER(eal_arguments)),

      Row::text<parse_socket>("socket", WEIR_MEMBER(socket)),
      Row::text<parse_socket_mode>("socket_mode", WEIR_MEMBER(socket_mode_text)),
      Row::text("socket_group", WEIR_MEMBER(socket_group)),
      Row::text<parse_control>("control", WEIR_MEMBER(control)),
      Row::text<parse_prometheus>("prometheus", WEIR_MEMBER(prometheus)),
      Row::value("http", parse_http, print_http),
      Row::text("state", WEIR_MEMBER(state_folder)),
      Row::text<parse_user>("user", WEIR_MEMBER(user)),
      Row::duration("duration", WEIR_MEMBER(duration_ns)),
      Row::duration("stop_timeout", WEIR_MEMBER(stop_timeout_ns)),

      Row::duration("idle_timeout", WEIR_MEMBER(flow.timeouts.idle_ns)),
      Row::duration("active_timeout", WEIR_MEMBER(flow.timeouts.active_ns)),
      Row::on_off("tcp_close", WEIR_MEMBER(flow.timeouts.tcp_close)),
      Row::duration("tcp_linger", WEIR_MEMBER(flow.timeouts.linger_ns)),
      Row::on_off("icmp_close", WEIR_MEMBER(flow.metrics.settings.icmp_close)),
      Row::duration("max_reordering", WEIR_MEMBER(max_reordering_ns)),
      Row::number("max_flows", WEIR_MEMBER(max_flows)),
      Row::number("workers", WEIR_MEMBER(workers)),
      Row::choice<kWhenFull>("when_full", WEIR_MEMBER(flow.when_full)),
      Row::number("overflow_entries", WEIR_MEMBER(overflow.max_entries)),
      Row::duration("overflow_timeout", WEIR_MEMBER(overflow.timeout_ns)),
      Row::text<parse_key>("key", WEIR_MEMBER(key_list)),
      Row::text<parse_metrics>("metrics", WEIR_MEMBER(metric_list)),
      Row::number("community_id_seed", WEIR_MEMBER(community_id_seed)),
      Row::text<parse_sample>("sample", WEIR_MEMBER(sample)),
      Row::text<parse_sample_key>("sample_key", WEIR_MEMBER(sample_key)),
      monitor_row(),

      Row::choice<kLayers>("layer", WEIR_MEMBER(flow.parser.layer)),
      Row::text<parse_tunnels>("tunnels", WEIR_MEMBER(tunnels)),
      Row::number("tunnel_depth", WEIR_MEMBER(flow.parser.tunnel_depth)),
      Row::choice<kIcmpErrors>("icmp_errors", WEIR_MEMBER(flow.parser.icmp_errors)),
      Row::text<parse_filter>("filter", WEIR_MEMBER(filter)),
      Row::text<parse_frame_filter>("frame_filter", WEIR_MEMBER(frame_filter)),

      Row::text<parse_export>("export", WEIR_MEMBER(exports)),
      Row::value("sampler_address", parse_sampler_address, print_sampler_address),
      Row::text<parse_prefixes>("prefixes", WEIR_MEMBER(prefix_list)),
      Row::text("interfaces", WEIR_MEMBER(interfaces)),
      Row::number("interface", WEIR_MEMBER(interface)),
      Row::text<parse_save_rejects>("save_rejects", WEIR_MEMBER(save_rejects)),
      Row::text("ledger", WEIR_MEMBER(ledger_file)),
  });
  return rows;
}
#undef WEIR_MEMBER

}  // namespace weir
