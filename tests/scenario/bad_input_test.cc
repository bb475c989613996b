// Bad input, as a user meets it: every mistake gets one line on standard error that names what and where, the right
// exit code (2: the text of the command line or configuration alone is wrong; 1: something outside is), and nothing on
// standard output but whole records.
//
// The tables below hold whole command lines; in them {FOLDER} is a folder of the test's own, which holds:
//   good.pcap     1000 packets         cut.pcap      the same, cut inside a record header
//   empty         nothing              garbage       octets of no format
//   folder        a directory          plain         a file of text
//   records.pb    protobuf records     cut.pb        the same, cut inside a record
// and {BIN} is where the programs are.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;

const std::string kBin = WEIR_BIN;

void write(const std::string& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// Lines of `text` that are whole JSON objects; a failure for one that is not.
std::size_t whole_records(const std::string& text) {
  EXPECT_TRUE(text.empty() || text.back() == '\n') << "the last record is cut";
  const auto lines = lines_of(text);
  for (const std::string& line : lines) EXPECT_TRUE(nlohmann::json::parse(line, nullptr, false).is_object()) << line;
  return lines.size();
}

/// A command line (words are separated by blanks; '' is an empty word), its exit code, and the words of its one line.
struct Case {
  std::string command;
  int exit_code;
  std::vector<std::string> says;
};

class BadInput : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    files_ = std::make_unique<TemporaryFolder>();
    const auto path = [](const char* name) { return files_->path(name); };
    ASSERT_EQ(run({kBin + "/weir-gen", "--write", path("good.pcap"), "--packets", "1000", "--flows", "50"}).exit_code,
              0);
    ASSERT_EQ(run({kBin + "/weir", "read", "--export", "protobuf:" + path("records.pb"), path("good.pcap")}).exit_code,
              0);
    // 24 octets of file header, then records of 16 + 60: this is 10 octets into the 527th.
    write(path("cut.pcap"), contents(path("good.pcap")).substr(0, 24 + 526 * 76 + 10));
    const std::string records = contents(path("records.pb"));
    write(path("cut.pb"), records.substr(0, records.size() - 5));
    write(path("empty"), "");
    write(path("garbage"), std::string(64, '\x5a'));
    write(path("plain"), "not a socket\n");
    fs::create_directory(path("folder"));
  }
  static void TearDownTestSuite() { files_.reset(); }

  static std::string path(const std::string& name) { return files_->path(name); }

  static std::string filled(std::string text) {
    for (const auto& [name, value] : {std::pair<std::string, std::string>{"{FOLDER}", files_->folder().string()},
                                      {"{BIN}", kBin},
                                      {"{LONG}", "/tmp/" + std::string(120, 'x')}}) {
      for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos; at += value.size()) {
        text.replace(at, name.size(), value);
      }
    }
    return text;
  }

  static std::vector<std::string> words_of(const std::string& command) {
    std::vector<std::string> words;
    std::istringstream in(filled(command));
    for (std::string word; in >> word;) words.push_back(word == "''" ? "" : word);
    words.front() = kBin + "/" + words.front();
    return words;
  }

  /// Runs each case: its exit code, one line with all of its words, an empty standard output.
  static void expect_refused(const std::vector<Case>& cases) {
    for (const Case& one : cases) {
      SCOPED_TRACE(one.command);
      const Finished done = run(words_of(one.command), std::chrono::seconds(30));
      EXPECT_EQ(done.exit_code, one.exit_code) << done.err;
      EXPECT_FALSE(done.timed_out);
      EXPECT_EQ(done.out, "");
      EXPECT_EQ(lines_of(done.err).size(), 1U) << done.err;
      for (const std::string& words : one.says) EXPECT_NE(done.err.find(filled(words)), std::string::npos) << done.err;
    }
  }

  static std::unique_ptr<TemporaryFolder> files_;
};

std::unique_ptr<TemporaryFolder> BadInput::files_;

TEST_F(BadInput, captures_that_are_none_are_named) {
  expect_refused({
      {"weir read {FOLDER}/absent.pcap", 1, {"{FOLDER}/absent.pcap: No such file or directory"}},
      {"weir read {FOLDER}/folder", 1, {"{FOLDER}/folder: is a directory"}},
      {"weir read {FOLDER}/empty", 1, {"{FOLDER}/empty: empty, not a pcap or pcapng file"}},
      {"weir read {FOLDER}/garbage", 1, {"{FOLDER}/garbage: ", "unknown file format"}},
  });
}

TEST_F(BadInput, a_cut_capture_is_named_with_the_packet_and_exported_up_to_there) {
  const Finished done = run({kBin + "/weir", "read", "--export", "json:-", path("cut.pcap")});
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_EQ(whole_records(done.out), 50U);
  const auto lines = lines_of(done.err);
  ASSERT_EQ(lines.size(), 2U) << done.err;
  EXPECT_NE(lines[0].find(path("cut.pcap") + ": packet 527: "), std::string::npos) << lines[0];
  EXPECT_NE(lines[0].find("what was read up to there is exported"), std::string::npos) << lines[0];
  EXPECT_NE(lines[1].find("526 packets: 526 counted in 50 flow records"), std::string::npos) << lines[1];
}

TEST_F(BadInput, words_that_no_command_takes_are_named) {
  expect_refused({
      {"weir", 2, {"a command is missing", "weir --help"}},
      {"weir frobnicate", 2, {"'frobnicate' is not a command; expected one of run, read, check", "weir --help"}},
      {"weir read --frobnicate x {FOLDER}/good.pcap", 2, {"unknown option --frobnicate", "weir read --help"}},
      {"weir read --idle-timeuot 3s {FOLDER}/good.pcap", 2, {"--idle-timeuot", "did you mean --idle-timeout?"}},
      {"weir read", 2, {"no capture file", "weir read capture.pcap"}},
      {"weir read {FOLDER}/good.pcap --ledger", 2, {"--ledger: a value is missing"}},
      {"weir read --workers 1 --workers 2 {FOLDER}/good.pcap", 2, {"--workers", "given 2 times; expected once"}},
      {"weir run", 2, {"no port", "--port 0000:3b:00.0"}},
      {"weir run --port net_null0 {FOLDER}/good.pcap", 2, {"{FOLDER}/good.pcap", "not expected here"}},
      {"weirctl", 2, {"a command is missing, one of status, ledger, rss, "}},
      {"weirctl frobnicate", 2, {"frobnicate"}},
      {"weirctl config", 2, {"config: a command is missing: show, diff, apply, history or rollback"}},
      {"weirctl config aply x", 2, {"'aply' is not a command of config; did you mean apply?"}},
      {"weirctl config rollback 0", 2, {"expected the number of an entry, from 1 on"}},
      {"weirctl -o csv config history", 2, {"config, exporters and log print no CSV"}},
      {"weirctl exporters add", 2, {"URI is required"}},
      {"weirctl log loud", 2, {"LEVEL", "loud", "warning"}},
      {"weirctl config apply {FOLDER}/none.conf", 1, {"{FOLDER}/none.conf: No such file", "expected a configuration"}},
      {"weirctl -o xml status", 2, {"--output", "xml", "table"}},
      {"weir-collect", 2, {"--listen URI", "FILE"}},
      {"weir-collect --frobnicate", 2, {"--frobnicate"}},
      {"weir-gen", 2, {"--port DEV", "--write FILE"}},
      {"weir-gen --frobnicate", 2, {"--frobnicate"}},
  });
}

TEST_F(BadInput, values_out_of_their_range_are_named_with_the_range) {
  expect_refused({
      {"weir read --idle-timeout 30 {FOLDER}/good.pcap", 2, {"--idle-timeout 30: a unit is missing", "1.5s"}},
      {"weir read --idle-timeout -1s {FOLDER}/good.pcap", 2, {"--idle-timeout -1s: not a duration"}},
      {"weir read --idle-timeout abc {FOLDER}/good.pcap", 2, {"--idle-timeout abc: not a duration"}},
      {"weir read --idle-timeout 0s {FOLDER}/good.pcap", 2, {"--idle-timeout 0s: out of range; expected 1ms to 72h"}},
      {"weir read --active-timeout 100h {FOLDER}/good.pcap", 2, {"--active-timeout 100h: out of range; expected"}},
      {"weir read --active-timeout '' {FOLDER}/good.pcap", 2, {"--active-timeout '': empty; expected a duration"}},
      {"weir read --workers 0 {FOLDER}/good.pcap", 2, {"--workers 0: out of range; expected 1 to 64"}},
      {"weir read --workers 65 {FOLDER}/good.pcap", 2, {"--workers 65: out of range; expected 1 to 64"}},
      {"weir read --workers -1 {FOLDER}/good.pcap", 2, {"--workers -1: expected a whole number"}},
      {"weir read --workers two {FOLDER}/good.pcap", 2, {"--workers two: expected a whole number"}},
      {"weir read --max-flows 0 {FOLDER}/good.pcap", 2, {"--max-flows 0: out of range; expected 64 to 2147483648"}},
      {"weir read --max-flows 99999999999999999999 {FOLDER}/good.pcap",
       2,
       {"--max-flows", "out of range; expected 64 to"}},
      {"weir read --tcp-close maybe {FOLDER}/good.pcap", 2, {"--tcp-close maybe: expected on or off"}},
      {"weir run --port net_null0 --duration 0s", 2, {"--duration 0s: out of range"}},
      {"weir run --port net_null0 --rss hash", 2, {"--rss hash: expected addresses or ports"}},
      {"weir run --port net_null0 --cores x", 2, {"--cores x", "0,2-4"}},
      {"weir run --port net_null0 --cores 0", 2, {"--cores 0: 1 CPU; expected 2"}},
      {"weir run --port net_null0 --port net_null0", 2, {"--port net_null0: given twice"}},
      {"weir run --port eth0", 2, {"--port eth0: neither a PCI address nor a vdev; expected"}},
      {"weir run --port ''", 2, {"--port '': empty; expected"}},
      {"weir-collect --listen netflow9://127.0.0.1:2055 --duration x",
       2,
       {"--duration: 'x': not a duration", "such as 1.5s"}},
      {"weir-collect --top -1 x.pcap", 2, {"--top: '-1'", "at least 1"}},
      {"weir-collect --max-flows 0 x.pcap", 2, {"--max-flows: '0'", "at least 1"}},
      {"weir-collect --sum-by nothing x.pcap", 2, {"--sum-by: cannot sum by 'nothing', only by src_addr"}},
      {"weir-collect --dump --json x.pcap", 2, {"--json excludes --dump"}},
      {"weir-collect --raw x.pcap", 2, {"--raw requires --dump"}},
      {"weir-collect --template 255:8/4 x.pcap", 2, {"--template: '255' is no template id; expected 256 to 65535"}},
      {"weir-collect --template 256:8 x.pcap", 2, {"--template: template 256: field '8': expected ELEMENT/LENGTH"}},
      {"weir-collect --templates {FOLDER}/absent x.pcap", 1, {"--templates {FOLDER}/absent: No such file"}},
      {"weir-collect --templates {FOLDER}/folder x.pcap", 1, {"--templates {FOLDER}/folder: Is a directory"}},
      {"weir-collect --templates /dev/null x.pcap", 2, {"--templates /dev/null: there is no template in it"}},
      {"weir-collect --quiet --options x.pcap", 2, {"--quiet excludes --options"}},
  });
}

TEST_F(BadInput, export_uris_are_refused_with_what_would_be_right) {
  const auto refused = [](const std::string& uri, std::vector<std::string> says) {
    says.push_back("--export");
    says.push_back(uri);
    return Case{"weir read --export " + uri + " {FOLDER}/good.pcap", 2, says};
  };
  expect_refused({
      refused("''", {"empty; expected an export URI"}),
      refused("json", {"unknown form; expected one of netflow9://HOST:PORT"}),
      refused("xyz:foo", {"unknown form; expected one of"}),
      refused("json:", {"no file; expected json:FILE"}),
      refused("protobuf:", {"no file; expected protobuf:FILE"}),
      refused("netflow9:", {"unknown form"}),
      refused("netflow9://", {"no host; expected netflow9://HOST:PORT"}),
      refused("netflow9://:2055", {"no host; expected netflow9://HOST:PORT"}),
      refused("netflow9://127.0.0.1", {"no port; expected netflow9://HOST:PORT"}),
      refused("netflow9://127.0.0.1:", {"no port; expected netflow9://HOST:PORT"}),
      refused("netflow9://127.0.0.1:0", {"port '0' is not a number from 1 to 65535"}),
      refused("netflow9://127.0.0.1:65536", {"port '65536' is not a number from 1 to 65535"}),
      refused("netflow9://127.0.0.1:x", {"port 'x' is not a number from 1 to 65535"}),
      refused("netflow9://::1:2055", {"an IPv6 address stands in brackets"}),
      refused("netflow9://127.0.0.1:2055?bogus=1", {"no option 'bogus'; netflow9 has mtu, template_refresh"}),
      refused("netflow9://127.0.0.1:2055?rate", {"option 'rate' has no value"}),
      refused("netflow9://127.0.0.1:2055?rate=x", {"rate 'x' is not a number"}),
      refused("netflow9://127.0.0.1:2055?mtu=20", {"mtu '20' is not a number from 576 to 9000"}),
      refused("netflow9://127.0.0.1:2055?uniflow=2", {"uniflow '2' is not a number from 0 to 1"}),
      refused("netflow9://127.0.0.1:2055?rate=1&rate=2", {"option 'rate' is given twice"}),
      refused("netflow9://127.0.0.1:2055?template_refresh=0s", {"template_refresh '0s' is not a duration from"}),
      refused("json:x?rate=1", {"no option 'rate'; json has append, rotate, rotate_size, compression"}),
      refused("protobuf+tcp://x", {"no port; expected protobuf+tcp://HOST:PORT"}),
      refused("protobuf+unix://x", {"'x' is not an absolute path; expected protobuf+unix:///PATH"}),
      {"weir read --export json:- --export protobuf:- {FOLDER}/good.pcap", 2, {"standard output is written by json:-"}},
      {"weir read --export json:- --export json:- {FOLDER}/good.pcap", 2, {"--export 'json:-': given twice"}},
      {"weir read --export json:- --ledger - {FOLDER}/good.pcap", 2, {"--ledger -: standard output is written by"}},
      {"weir-collect --listen foo", 2, {"--listen 'foo': not one of netflow9://HOST:PORT"}},
      {"weir-collect --listen netflow9://", 2, {"netflow9://", "the port is missing"}},
      {"weir-collect --listen netflow9://127.0.0.1:65536", 2, {"the port must be a number up to 65535"}},
      {"weir-collect --listen netflow9://::1:2055", 2, {"an IPv6 address needs brackets"}},
      {"weir-collect --listen protobuf+unix://x", 2, {"the path must be absolute"}},
  });
}

TEST_F(BadInput, outputs_that_cannot_be_opened_are_named_before_the_work_begins) {
  expect_refused({
      {"weir read --export json:/nonexistent/x {FOLDER}/good.pcap", 1, {"'/nonexistent/x': No such file or directory"}},
      {"weir read --export json:{FOLDER}/folder {FOLDER}/good.pcap", 1, {"'{FOLDER}/folder': Is a directory"}},
      {"weir read --export protobuf:{FOLDER}/folder {FOLDER}/good.pcap", 1, {"'{FOLDER}/folder': Is a directory"}},
      {"weir read --ledger /nonexistent/x {FOLDER}/good.pcap", 1, {"--ledger /nonexistent/x: No such file"}},
      {"weir read --ledger {FOLDER}/folder {FOLDER}/good.pcap", 1, {"--ledger {FOLDER}/folder: Is a directory"}},
      {"weir read --export netflow9://host.invalid:2055 {FOLDER}/good.pcap", 1, {"cannot resolve host 'host.invalid'"}},
      // Port 1 (tcpmux) is nobody's on loopback.
      {"weir read --export protobuf+tcp://127.0.0.1:1 {FOLDER}/good.pcap",
       1,
       {"cannot connect to 127.0.0.1:1: Connection refused; start the collector first"}},
      {"weir read --export protobuf+unix:///nonexistent/s {FOLDER}/good.pcap", 1, {"cannot connect to /nonexistent/s"}},
      {"weir run --port net_null0 --socket {FOLDER}/s.sock --export json:/nonexistent/x", 1, {"'/nonexistent/x'"}},
      {"weir run --port net_null0 --socket {FOLDER}/s.sock --ledger /nonexistent/x", 1, {"--ledger /nonexistent/x"}},
  });
}

// Before anything is opened for writing, so that the input is what it was.
TEST_F(BadInput, no_output_takes_the_place_of_an_input) {
  const std::string capture = path("precious.pcap");
  const std::string records = path("precious.pb");
  write(capture, contents(path("good.pcap")));
  write(records, contents(path("records.pb")));
  fs::create_hard_link(capture, path("link"));
  write(path("port.conf"), "port: \"net_null0\"\n");
  write(path("own.conf"), "export: \"json:" + path("own.conf") + "\"\n");
  expect_refused({
      {"weir read --export json:{FOLDER}/precious.pcap {FOLDER}/precious.pcap",
       1,
       {"export 'json:{FOLDER}/precious.pcap': that is the input {FOLDER}/precious.pcap itself; name another file"}},
      {"weir read --export protobuf:{FOLDER}/link {FOLDER}/good.pcap {FOLDER}/precious.pcap",
       1,
       {"that is the input {FOLDER}/precious.pcap itself"}},
      {"weir read --export json:{FOLDER}/x --ledger {FOLDER}/link {FOLDER}/precious.pcap",
       1,
       {"--ledger {FOLDER}/link: that is the input {FOLDER}/precious.pcap itself; name another file"}},
      {"weir read --config {FOLDER}/own.conf {FOLDER}/good.pcap",
       1,
       {"export 'json:{FOLDER}/own.conf': that is the input {FOLDER}/own.conf itself; name another file"}},
      {"weir run --config {FOLDER}/port.conf --ledger {FOLDER}/port.conf --socket {FOLDER}/s.sock",
       1,
       {"--ledger {FOLDER}/port.conf: that is the input {FOLDER}/port.conf itself; name another file"}},
      {"weir-collect --quiet --summary {FOLDER}/precious.pb {FOLDER}/precious.pb",
       1,
       {"--summary {FOLDER}/precious.pb: that is the input"}},
  });
  const Finished sent = run({kBin + "/weir-collect", "--export", "protobuf:" + records, records});
  EXPECT_EQ(sent.exit_code, 1);
  EXPECT_NE(sent.err.find("that is the input " + records + " itself"), std::string::npos) << sent.err;
  EXPECT_EQ(contents(capture), contents(path("good.pcap")));
  EXPECT_EQ(contents(records), contents(path("records.pb")));
}

// A disk that is full from the first octet. What is lost is said in one line, which takes the place of a table.
TEST_F(BadInput, a_write_that_fails_is_one_line_with_the_number_of_records_lost) {
  for (const std::string form : {"json", "protobuf"}) {
    const Finished done = run({kBin + "/weir", "read", "--export", form + ":/dev/full", path("good.pcap")});
    EXPECT_EQ(done.exit_code, 1);
    EXPECT_EQ(done.out, "");
    const auto lines = lines_of(done.err);
    ASSERT_EQ(lines.size(), 2U) << done.err;
    EXPECT_NE(lines[0].find("export '" + form + ":/dev/full': failed: /dev/full: No space left on device; 50 of 50"),
              std::string::npos)
        << lines[0];
    expect_balanced(lines[1]);
  }
  const Finished ledger =
      run({kBin + "/weir", "read", "--export", "json:" + path("l.json"), "--ledger", "/dev/full", path("good.pcap")});
  EXPECT_EQ(ledger.exit_code, 1);
  EXPECT_NE(ledger.err.find("--ledger /dev/full: No space left on device"), std::string::npos) << ledger.err;
  const Finished pipe =
      run({"sh", "-c", "exec " + kBin + "/weir read --export json:- " + path("good.pcap") + " >/dev/full"});
  EXPECT_EQ(pipe.exit_code, 1);
  EXPECT_NE(pipe.err.find("No space left on device"), std::string::npos) << pipe.err;
}

// A disk of 64 KiB in a mount namespace of its own, and records of some 400 KiB: the file keeps those that fit, whole.
TEST_F(BadInput, a_disk_that_becomes_full_leaves_whole_records) {
  const std::string mounted = "mount -t tmpfs -o size=64k none " + path("folder") + " && ";
  if (run({"unshare", "-m", "sh", "-c", mounted + "true"}).exit_code != 0) GTEST_SKIP() << "no right to mount";
  const std::string capture = path("many.pcap");
  ASSERT_EQ(run({kBin + "/weir-gen", "--write", capture, "--packets", "10000", "--flows", "1000"}).exit_code, 0);
  for (const std::string form : {"json", "protobuf"}) {
    SCOPED_TRACE(form);
    const std::string ledger_file = path("full-" + form + ".ledger");
    // The records leave the namespace over standard output; the exit code is weir's.
    const Finished done =
        run({"unshare", "-m", "sh", "-c",
             mounted + kBin + "/weir read --export " + form + ":" + path("folder") + "/out --ledger " + ledger_file +
                 " " + capture + "; code=$?; cat " + path("folder") + "/out; exit $code"});
    EXPECT_EQ(done.exit_code, 1) << done.err;
    const auto lines = lines_of(done.err);
    ASSERT_EQ(lines.size(), 2U) << done.err;
    EXPECT_NE(lines[0].find("/out: No space left on device"), std::string::npos) << lines[0];
    const auto ledger = nlohmann::json::parse(contents(ledger_file));
    EXPECT_EQ(ledger.at("balanced"), true);
    const auto& exporter = ledger.at("exporters").at(0);
    const std::uint64_t exported = exporter.at("exported").at("records");
    EXPECT_GT(exporter.at("lost").at("send_failed").at("records"), 0);
    EXPECT_GT(exported, 0U);
    EXPECT_GT(done.out.size(), 32U * 1024);
    if (form == "json") {
      EXPECT_EQ(whole_records(done.out), exported);
    } else {
      const std::string kept = path("kept.pb");
      write(kept, done.out);
      const Finished decoded = run({kBin + "/weir-collect", "--json", kept});
      EXPECT_EQ(decoded.exit_code, 0) << decoded.err;
      EXPECT_EQ(whole_records(decoded.out), exported);
    }
  }
}

TEST_F(BadInput, a_configuration_file_is_refused_with_its_line) {
  write(path("syntax.conf"), "workers: 2\nidle_timeout \"30s\"\n");
  write(path("field.conf"), "workers: 2\n\nworkres: 3\n");
  write(path("value.conf"), "workers: 2\nactive_timeout: \"30\"\n");
  write(path("range.conf"), "workers: 100\n");
  write(path("uri.conf"), "export: \"json:x\"\nexport: \"xyz\"\n");
  write(path("port.conf"), "port: \"net_null0\"\nport: \"eth0\"\n");
  expect_refused({
      {"weir check --config {FOLDER}/syntax.conf", 2, {"{FOLDER}/syntax.conf:2:", "expected"}},
      {"weir check --config {FOLDER}/field.conf",
       2,
       {"{FOLDER}/field.conf:3:1:", "\"workres\"", "did you mean workers?"}},
      {"weir check --config {FOLDER}/value.conf",
       2,
       {"{FOLDER}/value.conf:2:", "active_timeout 30: a unit is missing"}},
      {"weir check --config {FOLDER}/range.conf", 2, {"{FOLDER}/range.conf:1:", "workers 100", "1 to 64"}},
      {"weir check --config {FOLDER}/uri.conf", 2, {"{FOLDER}/uri.conf:2:", "export 'xyz': unknown form"}},
      {"weir run --config {FOLDER}/port.conf", 2, {"{FOLDER}/port.conf:2:", "port eth0: neither a PCI address"}},
      {"weir read --config {FOLDER}/value.conf {FOLDER}/good.pcap", 2, {"{FOLDER}/value.conf:2:"}},
      {"weir check --config {FOLDER}/garbage", 2, {"{FOLDER}/garbage:1:"}},
      {"weir check --config {FOLDER}/absent.conf", 1, {"{FOLDER}/absent.conf: No such file or directory"}},
      {"weir check --config {FOLDER}/folder", 1, {"{FOLDER}/folder: Is a directory"}},
      {"weir check --config", 2, {"--config: a value is missing"}},
  });
}

// One line each: what DPDK itself has to say goes into it.
TEST_F(BadInput, ports_that_cannot_be_are_named) {
  const std::string probe = "weir run --socket {FOLDER}/s.sock --duration 1s ";
  expect_refused({
      {probe + "--port net_nosuch0", 1, {"net_nosuch0", "no driver has that name"}},
      {probe + "--port 0000:ff:00.0", 1, {"port '0000:ff:00.0': DPDK did not bring up this device", "vfio-pci"}},
      {probe + "--port net_memif0,role=client,socket=weir-test-absent,socket-abstract=yes",
       1,
       {"net_memif0", "a memif client needs its server to be there first", "weir-test-absent"}},
      {probe + "--port net_pcap0,rx_pcap={FOLDER}/absent.pcap", 1, {"net_pcap0", "{FOLDER}/absent.pcap"}},
      {probe + "--port net_null0 --cores 0,1023", 1, {"CPU 1023 is not available"}},
      {probe + "--port net_null0 --eal --frobnicate", 1, {"DPDK did not start", "--frobnicate"}},
      {"weir-gen --packets 10 --port net_nosuch0", 1, {"net_nosuch0", "no driver has that name"}},
      {"weir-gen --packets 10 --port 0000:ff:00.0", 1, {"port '0000:ff:00.0': DPDK did not bring up this device"}},
  });
  // Packet sockets are root's.
  if (geteuid() == 0) {
    expect_refused({
        {probe + "--port net_af_packet0,iface=nosuch0", 1, {"net_af_packet0,iface=nosuch0", "No such device"}},
        {probe + "--port net_af_packet0,iface=lo --workers 2",
         1,
         {"net_af_packet0: 2 receive queues are needed (one per worker), the device has 1; --port "
          "net_af_packet0,iface=...,qpairs=2 gives it as many"}},
        {"weir-gen --packets 10 --port net_af_packet0,iface=nosuch0", 1, {"net_af_packet0,iface=nosuch0"}},
        {"weir-gen --packets 10 --port net_af_packet0,iface=lo --queues 4",
         1,
         {"4 transmit queues", "the device has 1"}},
    });
  }
  EXPECT_FALSE(fs::exists(path("s.sock"))) << "a start that failed left its socket behind";
}

TEST_F(BadInput, control_sockets_that_cannot_be_are_named) {
  expect_refused({
      {"weir run --port net_null0 --socket {LONG}", 2, {"--socket {LONG}: 125 octets; expected a path of at most 107"}},
      {"weir run --port net_null0 --socket ''", 2, {"--socket '': empty"}},
      {"weir run --port net_null0 --socket {FOLDER}/plain",
       1,
       {"{FOLDER}/plain exists and is not a socket; remove it"}},
      {"weir run --port net_null0 --socket {FOLDER}/folder", 1, {"{FOLDER}/folder exists and is not a socket"}},
      {"weir run --port net_null0 --socket /nonexistent/s", 1, {"/nonexistent: No such file or directory; make"}},
      {"weirctl --socket {FOLDER}/absent.sock status",
       1,
       {"{FOLDER}/absent.sock: No such file", "is weir run running?"}},
      {"weirctl --socket {FOLDER}/absent.sock ledger",
       1,
       {"{FOLDER}/absent.sock: No such file", "is weir run running?"}},
      {"weirctl --socket {FOLDER}/plain status", 1, {"{FOLDER}/plain", "is weir run running?"}},
      {"weirctl --socket {LONG} status", 2, {"--socket", "1 to 107 octets"}},
  });
  EXPECT_EQ(contents(path("plain")), "not a socket\n");
}

TEST_F(BadInput, a_second_probe_on_the_same_socket_is_refused_and_the_first_goes_on) {
  const std::string socket = path("used.sock");
  Process first({kBin + "/weir", "run", "--port", "net_null0", "--max-flows", "1024", "--socket", socket});
  ASSERT_TRUE(first.wait_for_error_text("control socket " + socket)) << first.error_text();
  expect_refused({{"weir run --port net_null0 --socket {FOLDER}/used.sock",
                   1,
                   {"{FOLDER}/used.sock is served by process ", "use --socket for another one"}}});
  EXPECT_EQ(run({kBin + "/weirctl", "--socket", socket, "status"}).exit_code, 0);
  first.signal(SIGTERM);
  const Finished done = first.wait();
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_FALSE(fs::exists(socket));
}

TEST_F(BadInput, the_generator_refuses_what_it_cannot_make) {
  const std::string file = "weir-gen --write {FOLDER}/made.pcap ";
  expect_refused({
      {file + "--packets 10 --port net_null0", 2, {"--port DEV", "--write FILE"}},
      {file, 2, {"--write needs --packets or --duration"}},
      {file + "--packets 0", 2, {"--packets: 0; expected 1 or more"}},
      {file + "--packets 10 --size 63", 2, {"--size: 63", "at least 64"}},
      {file + "--packets 10 --size 0", 2, {"--size: 0", "at least 64"}},
      {file + "--packets 10 --size 64 --ipv6 100 --tcp 0", 2, {"--size: 64", "IPv6 and UDP: at least 66"}},
      {file + "--packets 10 --size 77 --ipv6 50 --tcp 50", 2, {"--size: 77", "IPv6 and TCP: at least 78"}},
      {file + "--packets 10 --size 100000", 2, {"--size: 100000 is more than"}},
      {file + "--packets 10 --size abc", 2, {"--size: 'abc' is neither a number of octets nor imix"}},
      {file + "--packets 10 --rate 0", 2, {"--rate: '0' is neither packets per second"}},
      {file + "--packets 10 --rate fast", 2, {"--rate: 'fast' is neither packets per second"}},
      {file + "--duration fast", 2, {"--duration: 'fast': not a duration", "such as 1.5s"}},
      {file + "--packets 10 --ipv6 101", 2, {"--ipv6: a share is 0 to 100 percent"}},
      {file + "--packets 10 --tcp -1", 2, {"--tcp = -1: expected a number"}},
      {file + "--packets 10 --zipf -1", 2, {"--zipf: the exponent is 0"}},
      {file + "--packets 10 --flows 0", 2, {"--flows: 0 is not in 1.."}},
      {file + "--packets 10 --queues 0", 2, {"--queues"}},
      {"weir-gen --port net_null0 --packets 10 --cores x",
       2,
       {"--cores: 'x' is not a CPU number or range; expected CPU numbers"}},
      {"weir-gen --write /nonexistent/x --packets 10", 1, {"cannot write /nonexistent/x: No such file"}},
      {"weir-gen --write {FOLDER}/folder --packets 10", 1, {"cannot write {FOLDER}/folder: Is a directory"}},
      {"weir-gen --write /dev/full --packets 1000", 1, {"cannot write /dev/full: No space left on device"}},
      {file + "--packets 10 --manifest /nonexistent/x", 1, {"cannot write /nonexistent/x: No such file"}},
  });
}

TEST_F(BadInput, the_collector_names_files_that_are_no_records) {
  expect_refused({
      {"weir-collect {FOLDER}/absent", 1, {"{FOLDER}/absent: No such file or directory"}},
      {"weir-collect {FOLDER}/folder", 1, {"{FOLDER}/folder: Is a directory"}},
      {"weir-collect --json {FOLDER}/garbage", 1, {"{FOLDER}/garbage: record 1 at octet 0", "pcapng"}},
      {"weir-collect --summary /nonexistent/s {FOLDER}/good.pcap", 1, {"--summary /nonexistent/s: No such file"}},
      {"weir-collect --json {FOLDER}/good.pcap",
       1,
       {"{FOLDER}/good.pcap: no NetFlow, IPFIX or sFlow message among its "}},
      {"weir-collect --listen netflow9://host.invalid:2055", 1, {"host.invalid: "}},
      {"weir-collect --listen protobuf+unix:///nonexistent/s", 1, {"/nonexistent/s: cannot listen: No such file"}},
      {"weir-collect --listen protobuf+unix://{FOLDER}/plain", 1, {"{FOLDER}/plain: exists and is no socket"}},
      {"weir-collect --listen protobuf+unix://{LONG}", 2, {"at most 107 octets"}},
  });
  const Finished cut = run({kBin + "/weir-collect", "--json", path("cut.pb")});
  EXPECT_EQ(cut.exit_code, 1);
  EXPECT_EQ(whole_records(cut.out), 49U);
  const auto lines = lines_of(cut.err);
  ASSERT_EQ(lines.size(), 2U) << cut.err;
  EXPECT_NE(lines[1].find(path("cut.pb") + ": record 50 at octet "), std::string::npos) << lines[1];
  EXPECT_NE(lines[1].find("is cut off"), std::string::npos) << lines[1];
}

/// A socket of `type` (SOCK_DGRAM, SOCK_STREAM) that holds a port of 127.0.0.1 which the system chose.
class HeldPort {
 public:
  explicit HeldPort(int type) : fd_(socket(AF_INET, type, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0 && (type != SOCK_STREAM || listen(fd_, 1) == 0) &&
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
      number_ = ntohs(address.sin_port);
    }
  }
  HeldPort(const HeldPort&) = delete;
  HeldPort& operator=(const HeldPort&) = delete;
  ~HeldPort() { close(fd_); }
  [[nodiscard]] std::string number() const { return std::to_string(number_); }

 private:
  int fd_;
  unsigned number_ = 0;
};

TEST_F(BadInput, the_collector_names_a_port_that_is_in_use) {
  const HeldPort udp(SOCK_DGRAM);
  const HeldPort tcp(SOCK_STREAM);
  ASSERT_NE(udp.number(), "0");
  ASSERT_NE(tcp.number(), "0");
  expect_refused({
      {"weir-collect --duration 1s --listen netflow9://127.0.0.1:" + udp.number(),
       1,
       {"127.0.0.1:" + udp.number() + ": in use: another process listens on this UDP port"}},
      {"weir-collect --duration 1s --listen protobuf+tcp://127.0.0.1:" + tcp.number(),
       1,
       {"127.0.0.1:" + tcp.number() + ": in use: another process listens on this TCP port"}},
  });
}

}  // namespace
}  // namespace weir::test
