#include "control/doctor/run_checks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "control/config/monitor_blocks.h"
#include "control/doctor/reach.h"
#include "control/run_user.h"
#include "control/socket_group.h"
#include "dataplane/input/psample_socket.h"
#include "dataplane/memory.h"
#include "dataplane/monitor.h"
#include "proto/base/number_text.h"
#include "proto/base/unique_fd.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

struct Delete {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
template <typename T>
using Owned = std::unique_ptr<T, Delete>;

Owned<BIO> text_of(const std::string& pem) {
  return Owned<BIO>(BIO_new_mem_buf(pem.data(), static_cast<int>(std::min<std::size_t>(pem.size(), INT32_MAX))));
}

Owned<X509> certificate_of(const std::string& pem) {
  return Owned<X509>(PEM_read_bio_X509(text_of(pem).get(), nullptr, nullptr, nullptr));
}

/// A key with a passphrase is none: nobody would be there to give it.
Owned<EVP_PKEY> key_of(const std::string& pem) {
  const auto no_passphrase = [](char* /*to*/, int /*size*/, int /*writes*/, void* /*context*/) { return 0; };
  return Owned<EVP_PKEY>(PEM_read_bio_PrivateKey(text_of(pem).get(), nullptr, no_passphrase, nullptr));
}

/// Octets of one worker's table for the plan, and of these those in explicit huge pages; nullopt: not to be had.
std::optional<std::pair<std::uint64_t, std::uint64_t>> table_octets(const MonitorPlan& plan, unsigned workers) {
  const std::uint64_t huge_before = huge_octets_mapped();
  const MonitorOptions options{.capacity = plan.capacity(workers),
                               .timeouts = plan.flow.timeouts,
                               .when_full = plan.flow.when_full,
                               .key = plan.flow.key,
                               .pairs = plan.flow.pairs,
                               .metrics = plan.flow.metrics,
                               .sampling = plan.flow.sampling};
  const Monitor monitor(options, KeyHash(KeyHash::random_seed()));
  if (!monitor.ok()) return std::nullopt;
  return std::pair(monitor.octets(), huge_octets_mapped() - huge_before);
}

std::string show(const std::string& certificate) {
  return fmt::format("openssl x509 -in {} -noout -subject -dates", certificate);
}

}  // namespace

void check_tables(const Settings& settings, const MemoryRoom& room, Findings& out) {
  const std::vector<MonitorPlan> plans = monitor_plans(settings);
  TableMemory table{flows_of(plans), 0, 0, settings.monitors.empty() ? "" : greatest_table(settings)};
  for (const MonitorPlan& plan : plans) {
    const auto octets = table_octets(plan, settings.workers);
    if (!octets) {
      out.push_back({Health::problem,
                     "table",
                     fmt::format("no memory for {} flows", plan.max_flows),
                     {fmt::format("# lower {}", greatest_table(settings))}});
      return;
    }
    table.octets += octets->first * settings.workers;
    table.huge_octets += octets->second * settings.workers;
  }
  if (const auto fits = check_memory(table, room); !fits) {
    out.push_back({Health::problem, "table", fits.error(), {"free -h"}});
    return;
  }
  out.push_back({Health::good,
                 "table",
                 fmt::format("{} flows need {}", table.flows, scaled(static_cast<double>(table.octets), "B")),
                 {}});
}

void check_samples(Findings& out) {
  const auto joined = PsampleSocket::join();
  if (joined) {
    out.push_back({Health::good, "samples", "the kernel has psample, and this user may take its packets", {}});
    return;
  }
  std::vector<std::string> commands;
  if (joined.error().find("not permitted") != std::string::npos) {
    commands.emplace_back("setcap cap_net_admin+ep \"$(command -v weir)\"");
  } else {
    commands.emplace_back("modprobe psample");
  }
  out.push_back({Health::problem, "samples", joined.error(), std::move(commands)});
}

void check_control_keys(const ControlAddress& address, std::time_t now, Findings& out) {
  const auto problem = [&](const std::string& text, const std::string& command) {
    out.push_back({Health::problem, "control", fmt::format("--control {}: {}", address.title(), text), {command}});
  };
  const auto keys = read_control_keys(address);
  if (!keys) return problem(keys.error(), fmt::format("ls -l {} {} {}", address.cert, address.key, address.ca));
  const Owned<X509> certificate = certificate_of(keys->cert);
  if (certificate == nullptr) return problem(address.cert + ": no certificate in PEM", "head -1 " + address.cert);
  const Owned<EVP_PKEY> key = key_of(keys->key);
  if (key == nullptr) {
    return problem(address.key + ": no private key in PEM without a passphrase", "head -1 " + address.key);
  }
  if (certificate_of(keys->ca) == nullptr) {
    return problem(address.ca + ": no certificate in PEM", "head -1 " + address.ca);
  }
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return problem(
        fmt::format("{} is not the key of {}", address.key, address.cert),
        fmt::format("openssl x509 -in {} -noout -pubkey && openssl pkey -in {} -pubout", address.cert, address.key));
  }
  constexpr std::time_t kSoon = std::time_t{14} * 24 * 3600;
  std::time_t at = now;
  if (X509_cmp_time(X509_get0_notBefore(certificate.get()), &at) > 0) {
    return problem(address.cert + ": does not hold yet", show(address.cert));
  }
  if (X509_cmp_time(X509_get0_notAfter(certificate.get()), &at) < 0) {
    return problem(address.cert + ": has expired", show(address.cert));
  }
  at = now + kSoon;
  const bool soon = X509_cmp_time(X509_get0_notAfter(certificate.get()), &at) < 0;
  out.push_back({soon ? Health::advice : Health::good, "control",
                 fmt::format("--control {}: {}", address.title(),
                             soon ? address.cert + " expires within 14 days" : "certificate and key belong together"),
                 soon ? std::vector{show(address.cert)} : std::vector<std::string>{}});
}

void check_state(const std::string& folder, Findings& out) {
  const auto problem = [&](const std::string& text, const std::string& command) {
    out.push_back({Health::problem, "state", fmt::format("--state {}: {}", folder, text), {command}});
  };
  std::error_code ignored;
  const std::string history = folder + "/history";
  const fs::path above = fs::absolute(folder, ignored).parent_path();
  const bool there = access(folder.c_str(), F_OK) == 0;
  const std::string place = access(history.c_str(), F_OK) == 0 ? history : there ? folder : above.string();
  if (eaccess(place.c_str(), W_OK | X_OK) != 0 && !RunUser::is_given(folder)) {
    const int error = errno;
    return problem(fmt::format("{}: {}", place, std::strerror(error)),
                   error == ENOENT ? fmt::format("mkdir -p {}", folder) : fmt::format("ls -ld {}", place));
  }
  const UniqueFd inner(open(history.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (inner.valid() && flock(inner.get(), LOCK_EX | LOCK_NB) != 0) {
    return problem("another weir uses it", fmt::format("fuser -v {}", history));
  }
  out.push_back({Health::good, "state", fmt::format("--state {}: can be written", folder), {}});
}

void check_socket_group(const std::string& group, Findings& out) {
  const auto number = socket_group(group);
  if (!number) {
    out.push_back({Health::problem, "listen", number.error(), {fmt::format("groupadd --system {}", group)}});
    return;
  }
  std::vector<gid_t> own(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
  own.resize(static_cast<std::size_t>(std::max(getgroups(static_cast<int>(own.size()), own.data()), 0)));
  own.push_back(getegid());
  if (geteuid() != 0 && std::find(own.begin(), own.end(), *number) == own.end()) {
    out.push_back({Health::problem,
                   "listen",
                   fmt::format("--socket-group {}: this user is not in the group", group),
                   {fmt::format("usermod -a -G {} \"$(id -un)\"", group), "# and log in again"}});
    return;
  }
  out.push_back({Health::good, "listen", fmt::format("--socket-group {}: there is such a group", group), {}});
}

void act_as_user(const Settings& settings, Findings& out) {
  const auto user = RunUser::find(settings.user);
  const auto acts = user ? user->act() : tl::make_unexpected(user.error());
  if (!acts) {
    const bool known = acts.error().find("no such user") == std::string::npos;
    out.push_back({Health::problem,
                   "user",
                   acts.error(),
                   {known ? "# run this, and weir, as root" : fmt::format("useradd --system {}", settings.user)}});
    return;
  }
  out.push_back(
      {Health::good, "user", fmt::format("--user {}: files are looked at with its rights", user->name()), {}});
}

void check_memif_server(const std::string& port, const std::string& path, Findings& out) {
  if (path.size() >= sizeof(sockaddr_un{}.sun_path)) {
    out.push_back(
        {Health::problem,
         "port",
         fmt::format("{}: the path of a unix socket has at most {} octets", port, sizeof(sockaddr_un{}.sun_path) - 1),
         {"# give a shorter socket="}});
    return;
  }
  if (try_unix_socket(path, SOCK_SEQPACKET) == 0) {
    out.push_back({Health::problem,
                   "port",
                   fmt::format("{}: another process serves {}", port, path),
                   {fmt::format("ss -xlp | grep {}", path), "# or give this one a socket= of its own"}});
    return;
  }
  check_written(fmt::format("{}: {}", port, path), path, out);
}

}  // namespace weir
