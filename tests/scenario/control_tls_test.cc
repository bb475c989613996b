// Who may ask weir: over TCP with a certificate of an authority that it believes, and nobody else; over the socket by
// its mode and group.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/scenario/live_rig.h"
#include "tests/support/udp.h"

namespace weir::test {
namespace {

class ControlTls : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!installed("openssl")) GTEST_SKIP() << "openssl is not installed";
    for (const char* authority : {"site", "other"}) {
      openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj",
               std::string("/CN=authority ") + authority, "-keyout", path(std::string(authority) + ".key"), "-out",
               path(std::string(authority) + ".pem")});
    }
    certify("weir", "site", "subjectAltName=IP:127.0.0.1");
    certify("renamed", "site", "subjectAltName=DNS:probe.example");
    certify("operator", "site", "keyUsage=digitalSignature");
    certify("stranger", "other", "keyUsage=digitalSignature");
  }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_.path(name); }
  static void openssl(const Arguments& what) {
    const Finished done = run(Arguments{"openssl"} + what);
    ASSERT_EQ(done.exit_code, 0) << done.err;
  }
  /// NAME.pem and NAME.key, signed by the authority.
  void certify(const std::string& name, const std::string& authority, const std::string& extension) const {
    openssl({"req",
             "-x509",
             "-newkey",
             "ec",
             "-pkeyopt",
             "ec_paramgen_curve:P-256",
             "-nodes",
             "-days",
             "1",
             "-subj",
             "/CN=" + name,
             "-addext",
             extension,
             "-addext",
             "basicConstraints=critical,CA:FALSE",
             "-CA",
             path(authority + ".pem"),
             "-CAkey",
             path(authority + ".key"),
             "-keyout",
             path(name + ".key"),
             "-out",
             path(name + ".pem")});
  }
  [[nodiscard]] std::string uri(const std::string& who, const std::string& authority, unsigned port) const {
    return "tls://127.0.0.1:" + std::to_string(port) + "?cert=" + path(who + ".pem") + "&key=" + path(who + ".key") +
           "&ca=" + path(authority + ".pem");
  }
  static Finished ask(const std::string& control, const Arguments& what) {
    return run(Arguments{kBin + "/weirctl", "--control", control} + what, seconds(20));
  }

  TemporaryFolder folder_;
};

TEST_F(ControlTls, AnswersWhoHasACertificateOfItsAuthorityAndNobodyElse) {
  const Wire wire = memif();
  const unsigned port = free_tcp_port();
  Probe probe(folder_, wire, {"--control", uri("weir", "site", port)});
  const Finished answered = ask(uri("operator", "site", port), {"-o", "json", "ledger"});
  EXPECT_EQ(answered.exit_code, 0) << answered.err;
  EXPECT_EQ(json::parse(answered.out, nullptr, false).at("balanced"), true);
  const Finished stranger = ask(uri("stranger", "site", port), {"stop"});
  EXPECT_EQ(stranger.exit_code, 1);
  EXPECT_TRUE(stranger.err.starts_with("weirctl: tls://127.0.0.1:" + std::to_string(port) + ": ")) << stranger.err;
  const Finished disbelief = ask(uri("operator", "other", port), {"ledger"});
  EXPECT_EQ(disbelief.exit_code, 1) << "weir's certificate is of no authority that weirctl believes";
  EXPECT_EQ(std::count(disbelief.err.begin(), disbelief.err.end(), '\n'), 1) << disbelief.err;
  const Finished plain =
      run({"bash", "-c",
           "exec 3<>/dev/tcp/127.0.0.1/" + std::to_string(port) +
               "; printf 'PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n' >&3; timeout 10 cat <&3 | wc -c"});
  EXPECT_LT(plain.out.size(), 4U) << "no more than an alert: " << plain.out;
  EXPECT_EQ(probe.ask_json("ledger").at("balanced"), true) << "and the socket answers as ever";
  const Finished stopped = ask(uri("operator", "site", port), {"stop"});
  EXPECT_EQ(stopped.exit_code, 0) << stopped.err;
  const Finished ended = probe.wait();
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_NE(ended.err.find("'operator' at ipv4:127.0.0.1:"), std::string::npos) << ended.err;
}

TEST_F(ControlTls, ChecksTheNameInTheCertificate) {
  const Wire wire = memif();
  const unsigned port = free_tcp_port();
  Probe probe(folder_, wire,
              {"--control", uri("renamed", "site", port), "--socket-mode", "0600", "--socket-group", "1"});
  EXPECT_EQ(ask(uri("operator", "site", port), {"status"}).exit_code, 1) << "it is of no 127.0.0.1";
  EXPECT_EQ(ask(uri("operator", "site", port) + "&name=probe.example", {"status"}).exit_code, 0);
  struct stat info {};
  ASSERT_EQ(stat(probe.socket().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  EXPECT_EQ(info.st_gid, 1U);
  probe.stop();
}

TEST_F(ControlTls, SaysInOneLineWhatIsWrongWithTheOptions) {
  const auto weir = [&](const Arguments& options) {
    return run(Arguments{kBin + "/weir", "run", "--port", "net_null0", "--socket", path("w.sock")} + options);
  };
  const unsigned port = free_tcp_port();
  Finished done = weir({"--control", "tls://127.0.0.1:7443?cert=x&key=y"});
  EXPECT_EQ(done.exit_code, 2);
  EXPECT_EQ(done.err,
            "weir: --control 'tls://127.0.0.1:7443?cert=x&key=y': 'ca' is missing; expected "
            "tls://ADDR:PORT?cert=FILE&key=FILE&ca=FILE\n");
  done = weir({"--control", "tls://127.0.0.1:" + std::to_string(port) + "?cert=/no/x&key=y&ca=z"});
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_EQ(done.err,
            "weir: --control tls://127.0.0.1:" + std::to_string(port) + ": cert=/no/x: No such file or directory\n");
  const std::string crossed = "tls://127.0.0.1:" + std::to_string(port) + "?cert=" + path("weir.pem") +
                              "&key=" + path("operator.key") + "&ca=" + path("site.pem");
  done = weir({"--control", crossed});
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_NE(done.err.find("are not a certificate, its key and certificates\n"), std::string::npos) << done.err;
  done = weir({"--control", uri("weir", "site", 1), "--socket-group", "no-such-group"});
  EXPECT_EQ(done.err, "weir: --socket-group no-such-group: there is no such group\n");
  done = weir({"--socket-mode", "0999"});
  EXPECT_EQ(done.exit_code, 2);
  EXPECT_NE(done.err.find("no mode of a file; expected an octal mode such as 0660"), std::string::npos) << done.err;
}

}  // namespace
}  // namespace weir::test
