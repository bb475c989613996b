// The control service over a real unix socket in a folder of the test's own.
#include "control/service/control_service.h"

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "proto/schema/control.grpc.pb.h"
#include "proto/schema/control_socket.h"

namespace weir::control_service_test {
namespace {

class FakeSource : public StatusSource {
 public:
  v1::StatusReply status() override {
    v1::StatusReply reply;
    reply.set_version("9.8.7");
    reply.set_pid(4711);
    return reply;
  }
  v1::Ledger ledger() override {
    v1::Ledger reply;
    reply.set_balanced(true);
    reply.mutable_received()->set_packets(12);
    (*reply.mutable_rejects())["ether_type_arp"].set_packets(3);
    return reply;
  }
  v1::RssReply rss() override {
    v1::RssReply reply;
    reply.set_ok(true);
    reply.add_ports()->set_name("0000:3b:00.0");
    return reply;
  }
  v1::MetricsReply metrics() override {
    v1::MetricsReply reply;
    reply.add_metrics()->set_name("packets:10");
    return reply;
  }
};

/// Answers about flows once it is let.
class FakeFlows : public FlowSource {
 public:
  tl::expected<v1::TopReply, std::string> top(const v1::TopRequest& request,
                                              const std::function<bool()>& given_up) override {
    if (request.by() == "nonsense") return tl::unexpected(std::string("--by: that is nonsense"));
    ++asked;
    while (held && !given_up()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    v1::TopReply reply;
    reply.set_all_groups(17);
    return reply;
  }
  tl::expected<v1::FlowsReply, std::string> flows(const v1::FlowsRequest& /*request*/,
                                                  const std::function<bool()>& /*given_up*/) override {
    v1::FlowsReply reply;
    reply.add_flows()->set_name("a-b/1");
    return reply;
  }

  std::atomic<bool> held{false};
  std::atomic<unsigned> asked{0};
};

/// Says who asked.
class FakeChanges : public ChangeSource {
 public:
  v1::ConfigReply config() override {
    v1::ConfigReply reply;
    reply.set_text("workers: 1");
    return reply;
  }
  Answer<v1::ChangeReply> change(const v1::ChangeRequest& request, const Asker& asker) override {
    if (request.how() == "wrong") return tl::unexpected(ChangeFault{"that is wrong", true});
    v1::ChangeReply reply;
    reply.add_notes(std::to_string(asker.uid) + " " + std::to_string(asker.pid));
    return reply;
  }
  v1::HistoryReply history() override { return {}; }
  Answer<v1::ChangeReply> exporter(const v1::ExporterRequest& /*request*/, const Asker& /*asker*/) override {
    return tl::unexpected(ChangeFault{"not now", false});
  }
  Answer<v1::LogReply> log(const v1::LogRequest& /*request*/, const Asker& /*asker*/) override {
    return v1::LogReply();
  }
  void denied(const char* /*asked*/, const Asker& /*asker*/) override { ++refusals; }

  std::atomic<int> refusals{0};
};

class ControlServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/weir-service-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    socket_ = folder_ + "/w.sock";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static std::unique_ptr<v1::Control::Stub> stub(const std::string& path) {
    // A channel of its own, not one that gRPC shares with an earlier test of the same path.
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return v1::Control::NewStub(
        grpc::CreateCustomChannel(grpc_target(path), grpc::InsecureChannelCredentials(), arguments));
  }
  static void set_deadline(grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  }
  static bool answers(const std::string& path) {
    grpc::ClientContext context;
    set_deadline(context);
    v1::StatusReply reply;
    return stub(path)->Status(&context, {}, &reply).ok() && reply.version() == "9.8.7";
  }
  /// A socket file that nobody serves, as a killed process leaves it; the returned descriptor, when listening, serves.
  static int bind_socket(const std::string& path, bool listening) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    if (listening) {
      EXPECT_EQ(::listen(fd, 1), 0);
    }
    return fd;
  }

  std::string folder_;
  std::string socket_;
  FakeSource source_;
};

TEST_F(ControlServiceTest, TellsAChangeWhoAsksForIt) {
  FakeChanges changes;
  const auto service = ControlService::start(socket_, {source_, nullptr, nullptr, &changes});
  ASSERT_TRUE(service) << service.error();
  const auto ask = stub(socket_);
  grpc::ClientContext first;
  set_deadline(first);
  v1::ConfigReply config;
  ASSERT_TRUE(ask->Config(&first, {}, &config).ok());
  EXPECT_EQ(config.text(), "workers: 1");
  for (unsigned turn = 0; turn < 3; ++turn) {  // each by a connection of its own
    grpc::ClientContext context;
    set_deadline(context);
    v1::ChangeReply reply;
    ASSERT_TRUE(stub(socket_)->Change(&context, {}, &reply).ok());
    ASSERT_EQ(reply.notes_size(), 1);
    EXPECT_EQ(reply.notes(0), std::to_string(::getuid()) + " " + std::to_string(::getpid()));
  }
  grpc::ClientContext wrong;
  set_deadline(wrong);
  v1::ChangeRequest request;
  request.set_how("wrong");
  v1::ChangeReply reply;
  const grpc::Status refused = ask->Change(&wrong, request, &reply);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(refused.error_message(), "that is wrong");
  grpc::ClientContext later;
  set_deadline(later);
  EXPECT_EQ(ask->Exporter(&later, {}, &reply).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(ControlServiceTest, KeepsItsLockFileToItsUser) {
  FakeSource source;
  std::ofstream(socket_ + ".lock") << "999999\n";  // of an earlier weir, for all to open
  ASSERT_EQ(::chmod((socket_ + ".lock").c_str(), 0644), 0);
  const auto service = ControlService::start(socket_, source);
  ASSERT_TRUE(service) << service.error();
  struct stat info {};
  ASSERT_EQ(::stat((socket_ + ".lock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U) << "whoever can open it can lock it, and keep weir from starting";
}

TEST_F(ControlServiceTest, AnswersStatusAndLedgerOnTheSocket) {
  const auto service = ControlService::start(socket_, source_);
  ASSERT_TRUE(service) << service.error();
  EXPECT_TRUE(answers(socket_));
  grpc::ClientContext context;
  set_deadline(context);
  v1::Ledger ledger;
  ASSERT_TRUE(stub(socket_)->Ledger(&context, {}, &ledger).ok());
  EXPECT_TRUE(ledger.balanced());
  EXPECT_EQ(ledger.received().packets(), 12U);
  EXPECT_EQ(ledger.rejects().at("ether_type_arp").packets(), 3U);
}

TEST_F(ControlServiceTest, PassesQuestionsAboutFlowsOnAndSaysWhatIsWrongWithThem) {
  FakeFlows flows;
  const auto service = ControlService::start(socket_, {source_, &flows});
  ASSERT_TRUE(service) << service.error();
  const auto to_weir = stub(socket_);
  grpc::ClientContext first;
  grpc::ClientContext second;
  grpc::ClientContext third;
  for (auto* context : {&first, &second, &third}) set_deadline(*context);
  v1::TopReply top;
  ASSERT_TRUE(to_weir->Top(&first, {}, &top).ok());
  EXPECT_EQ(top.all_groups(), 17U);
  v1::TopRequest nonsense;
  nonsense.set_by("nonsense");
  const grpc::Status status = to_weir->Top(&second, nonsense, &top);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "--by: that is nonsense");
  v1::FlowsReply reply;
  ASSERT_TRUE(to_weir->Flows(&third, {}, &reply).ok());
  EXPECT_EQ(reply.flows(0).name(), "a-b/1");
}

TEST_F(ControlServiceTest, AnswersStatusWhileAQuestionAboutFlowsTakesItsTime) {
  FakeFlows flows;
  flows.held = true;
  const auto service = ControlService::start(socket_, {source_, &flows});
  ASSERT_TRUE(service) << service.error();
  bool answered = false;
  std::thread asker([&] {
    grpc::ClientContext context;
    set_deadline(context);
    v1::TopReply reply;
    answered = stub(socket_)->Top(&context, {}, &reply).ok();
  });
  while (flows.asked == 0) std::this_thread::yield();
  EXPECT_TRUE(answers(socket_));
  flows.held = false;
  asker.join();
  EXPECT_TRUE(answered);
}

TEST_F(ControlServiceTest, AnswersTheRssSelfCheck) {
  const auto service = ControlService::start(socket_, source_);
  ASSERT_TRUE(service) << service.error();
  grpc::ClientContext context;
  set_deadline(context);
  v1::RssReply reply;
  ASSERT_TRUE(stub(socket_)->Rss(&context, {}, &reply).ok());
  EXPECT_TRUE(reply.ok());
  ASSERT_EQ(reply.ports_size(), 1);
  EXPECT_EQ(reply.ports(0).name(), "0000:3b:00.0");
}

TEST_F(ControlServiceTest, AnswersWhichMetricsAreOn) {
  const auto service = ControlService::start(socket_, source_);
  ASSERT_TRUE(service) << service.error();
  grpc::ClientContext context;
  set_deadline(context);
  v1::MetricsReply reply;
  ASSERT_TRUE(stub(socket_)->Metrics(&context, {}, &reply).ok());
  ASSERT_EQ(reply.metrics_size(), 1);
  EXPECT_EQ(reply.metrics(0).name(), "packets:10");
}

TEST_F(ControlServiceTest, GivesTheSocketToUserAndGroupOnly) {
  const auto service = ControlService::start(socket_, source_);
  ASSERT_TRUE(service) << service.error();
  struct stat info {};
  ASSERT_EQ(::stat(socket_.c_str(), &info), 0);
  EXPECT_TRUE(S_ISSOCK(info.st_mode));
  EXPECT_EQ(info.st_mode & 07777, 0660U);
}

TEST_F(ControlServiceTest, LeavesNothingBehindWhenItStops) {
  { ASSERT_TRUE(ControlService::start(socket_, source_)); }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
  EXPECT_FALSE(answers(socket_));
  EXPECT_TRUE(ControlService::start(socket_, source_)) << "the path is free again";
}

TEST_F(ControlServiceTest, RefusesASecondInstanceAndNamesTheProcess) {
  const auto first = ControlService::start(socket_, source_);
  ASSERT_TRUE(first) << first.error();
  const auto second = ControlService::start(socket_, source_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(),
            socket_ + " is served by process " + std::to_string(getpid()) + "; use --socket for another one");
  EXPECT_TRUE(answers(socket_)) << "the first is unharmed";
}

TEST_F(ControlServiceTest, TakesOverWhatAKilledProcessLeft) {
  ::close(bind_socket(socket_, false));
  std::ofstream(socket_ + ".lock") << "999999\n";
  const auto service = ControlService::start(socket_, source_);
  ASSERT_TRUE(service) << service.error();
  EXPECT_TRUE(answers(socket_));
  std::string pid;
  std::getline(std::ifstream(socket_ + ".lock") >> std::ws, pid);
  EXPECT_EQ(pid, std::to_string(getpid()));
}

TEST_F(ControlServiceTest, NamesTheOwnerThatStandsInALockedFile) {
  // The lock of another process, as its file says: a child holds it.
  const std::string lock = socket_ + ".lock";
  std::ofstream(lock) << "31337\n";
  int ready[2];
  int done[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(done), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const int fd = ::open(lock.c_str(), O_RDWR);
    char byte = ::flock(fd, LOCK_EX) == 0 ? 'y' : 'n';
    ::close(done[1]);
    if (::write(ready[1], &byte, 1) != 1 || ::read(done[0], &byte, 1) < 0) ::_exit(1);
    ::_exit(0);
  }
  char byte = 'n';
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  const auto service = ControlService::start(socket_, source_);
  ::close(done[1]);
  ::waitpid(child, nullptr, 0);
  for (const int fd : {ready[0], ready[1], done[0]}) ::close(fd);
  ASSERT_FALSE(service);
  EXPECT_EQ(service.error(), socket_ + " is served by process 31337; use --socket for another one");
}

TEST_F(ControlServiceTest, LeavesAFileThatIsNoSocketAlone) {
  std::ofstream(socket_) << "precious";
  const auto service = ControlService::start(socket_, source_);
  ASSERT_FALSE(service);
  EXPECT_EQ(service.error(), socket_ + " exists and is not a socket; remove it; use --socket for another one");
  std::string text;
  std::getline(std::ifstream(socket_), text);
  EXPECT_EQ(text, "precious");
}

TEST_F(ControlServiceTest, LeavesTheSocketOfAnotherProgramAlone) {
  const int other = bind_socket(socket_, true);
  const auto service = ControlService::start(socket_, source_);
  ASSERT_FALSE(service);
  EXPECT_EQ(service.error(), socket_ + " belongs to another program; use --socket for another one");
  EXPECT_TRUE(std::filesystem::is_socket(socket_));
  ::close(other);
}

TEST_F(ControlServiceTest, WantsTheFolderOfAChosenPathToBeThere) {
  const std::string path = folder_ + "/no/w.sock";
  const auto service = ControlService::start(path, source_);
  ASSERT_FALSE(service);
  EXPECT_EQ(service.error(),
            folder_ + "/no: No such file or directory; make the folder of the socket " + path + " or use --socket");
}

TEST_F(ControlServiceTest, MakesTheFolderOfTheDefaultPath) {
  if (geteuid() == 0) GTEST_SKIP() << "root's default is /run/weir, which may be in use";
  const std::string path = default_socket_path();
  if (!path.starts_with("/tmp/")) GTEST_SKIP() << "XDG_RUNTIME_DIR is made by the login";
  const auto service = ControlService::start(path, source_);
  ASSERT_TRUE(service) << service.error();
  EXPECT_TRUE(answers(path));
}

TEST_F(ControlServiceTest, ServesPathsOfUnusualLettersAndOfTheGreatestLength) {
  for (const std::string& name : {std::string("a b%41?c#d.sock"), std::string(106 - folder_.size(), 'x')}) {
    const std::string path = folder_ + "/" + name;
    const auto service = ControlService::start(path, source_);
    ASSERT_TRUE(service) << service.error();
    EXPECT_TRUE(std::filesystem::is_socket(path)) << path;
    EXPECT_TRUE(answers(path)) << path;
  }
  const std::string path = folder_ + "/" + std::string(107 - folder_.size(), 'x');
  ASSERT_EQ(path.size(), 108U);
  EXPECT_FALSE(ControlService::start(path, source_));
}

}  // namespace
}  // namespace weir::control_service_test
