// What an operator does over the control socket: records as they end, drain, stop; and reflection (all that a client
// without weir's .proto knows). The clients are the generated stub, and for reflection one that was written for this.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "control/service/control_service.h"
#include "proto/schema/control.grpc.pb.h"
#include "proto/schema/control_socket.h"
#include "tests/support/temporary_folder.h"

namespace weir::control_operations_test {
namespace {

class FakeStatus : public StatusSource {
 public:
  v1::StatusReply status() override { return {}; }
  v1::Ledger ledger() override { return {}; }
  v1::RssReply rss() override { return {}; }
  v1::MetricsReply metrics() override { return {}; }
};

/// Gives as many records as `left` says, a hundred at a time.
class FakeOperations : public OperatorSource {
 public:
  class Reader : public TailReader {
   public:
    explicit Reader(FakeOperations& operations) : operations_(operations) { ++operations_.readers; }
    ~Reader() override { --operations_.readers; }
    bool next(v1::TailReply& reply) override {
      for (unsigned i = 0; i < 100 && operations_.left != 0; ++i, --operations_.left) {
        reply.add_records()->set_packets(operations_.left);
      }
      return reply.records_size() != 0;
    }
    [[nodiscard]] bool over() const override { return operations_.ends && operations_.left == 0; }

   private:
    FakeOperations& operations_;
  };

  tl::expected<std::unique_ptr<TailReader>, std::string> tail(const v1::TailRequest& request,
                                                              std::function<void()> /*wake*/) override {
    if (request.filter() == "nonsense") return tl::unexpected(std::string("--filter: that is nonsense"));
    return std::make_unique<Reader>(*this);
  }
  v1::SelfCheckReply self_check() override { return {}; }
  tl::expected<void, std::string> drain(std::string_view who) override {
    asked_by = who;
    if (refuses) return tl::unexpected(std::string("not now"));
    return {};
  }
  tl::expected<void, std::string> stop(std::string_view who) override { return drain(who); }

  std::atomic<std::uint64_t> left{0};
  std::atomic<bool> ends{false};
  std::atomic<int> readers{0};
  bool refuses = false;
  std::string asked_by;
};

class ControlOperations : public testing::Test {
 protected:
  void SetUp() override {
    auto service = ControlService::start(socket_, {status_, nullptr, &operations_});
    ASSERT_TRUE(service) << service.error();
    service_ = std::move(*service);
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel_ = grpc::CreateCustomChannel(grpc_target(socket_), grpc::InsecureChannelCredentials(), arguments);
    stub_ = v1::Control::NewStub(channel_);
  }
  static void set_deadline(grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  }

  test::TemporaryFolder folder_;
  const std::string socket_ = folder_.path("w.sock");
  FakeStatus status_;
  FakeOperations operations_;
  std::unique_ptr<ControlService> service_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Control::Stub> stub_;
};

TEST_F(ControlOperations, AStreamHasAllRecordsInOrderAndEndsWithTheSource) {
  operations_.left = 10'000;
  operations_.ends = true;
  grpc::ClientContext context;
  set_deadline(context);
  const auto reader = stub_->Tail(&context, {});
  v1::TailReply reply;
  std::uint64_t expected = 10'000;
  while (reader->Read(&reply)) {
    for (const v1::FlowRecord& record : reply.records()) EXPECT_EQ(record.packets(), expected--);
  }
  EXPECT_EQ(expected, 0U);
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(ControlOperations, AStreamWithoutRecordsSaysThatWeirIsAliveAndEndsWhenItsClientLeaves) {
  grpc::ClientContext context;
  set_deadline(context);
  const auto reader = stub_->Tail(&context, {});
  v1::TailReply reply;
  EXPECT_TRUE(reader->Read(&reply)) << "the first message comes at once";
  EXPECT_EQ(reply.records_size(), 0);
  EXPECT_EQ(operations_.readers, 1);
  context.TryCancel();
  EXPECT_FALSE(reader->Read(&reply));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  for (int i = 0; i < 2000 && operations_.readers != 0; ++i) usleep(5000);
  EXPECT_EQ(operations_.readers, 0) << "nobody holds the reader of a client that is gone";
}

TEST_F(ControlOperations, TheNinthStreamAndAWrongRequestAreRefusedInOneLine) {
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::TailReply>>> readers;
  v1::TailReply reply;
  for (unsigned i = 0; i < 8; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    set_deadline(*contexts.back());
    readers.push_back(stub_->Tail(contexts.back().get(), {}));
    EXPECT_TRUE(readers.back()->Read(&reply));
  }
  grpc::ClientContext context;
  set_deadline(context);
  const auto ninth = stub_->Tail(&context, {});
  EXPECT_FALSE(ninth->Read(&reply));
  const grpc::Status refused = ninth->Finish();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(refused.error_message(), "8 others read records already");

  v1::TailRequest wrong;
  wrong.set_filter("nonsense");
  grpc::ClientContext again;
  set_deadline(again);
  const auto none = stub_->Tail(&again, wrong);
  EXPECT_FALSE(none->Read(&reply));
  EXPECT_EQ(none->Finish().error_message(), "--filter: that is nonsense");
  service_.reset();  // which ends the eight
  for (const auto& reader : readers) {
    while (reader->Read(&reply)) {
    }
    EXPECT_TRUE(reader->Finish().ok());
  }
}

TEST_F(ControlOperations, DrainAndStopSayWhoAsksAndWhyNot) {
  const std::string who = "user " + std::to_string(getuid()) + ", process " + std::to_string(getpid());
  {
    grpc::ClientContext context;
    set_deadline(context);
    v1::DrainReply reply;
    EXPECT_TRUE(stub_->Drain(&context, {}, &reply).ok());
    EXPECT_EQ(operations_.asked_by, who);
  }
  operations_.asked_by.clear();
  operations_.refuses = true;
  grpc::ClientContext context;
  set_deadline(context);
  v1::StopReply reply;
  const grpc::Status status = stub_->Stop(&context, {}, &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(status.error_message(), "not now");
  EXPECT_EQ(operations_.asked_by, who);
}

/// A call of ServerReflectionInfo (grpc.reflection.v1alpha, reflection.proto) with one request; the octets of the
/// answer.
std::string reflect(const std::shared_ptr<grpc::Channel>& channel, const std::string& request) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  grpc::CompletionQueue queue;
  const auto next = [&] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  const auto call =
      stub.PrepareCall(&context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
  call->StartCall(nullptr);
  if (!next()) return {};
  const grpc::Slice slice(request);
  call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
  if (!next()) return {};
  grpc::ByteBuffer answer;
  call->Read(&answer, nullptr);
  if (!next()) return {};
  std::vector<grpc::Slice> slices;
  if (!answer.Dump(&slices).ok()) return {};
  std::string text;
  for (const grpc::Slice& one : slices) text.append(reinterpret_cast<const char*>(one.begin()), one.size());
  context.TryCancel();
  return text;
}

TEST_F(ControlOperations, ReflectionNamesTheServiceItsCallsAndTheirMessages) {
  // ServerReflectionRequest: list_services is field 7, file_containing_symbol field 4, both strings.
  EXPECT_NE(reflect(channel_, std::string("\x3a\x01*", 3)).find("weir.v1.Control"), std::string::npos);
  const std::string name = "weir.v1.Control";
  const std::string file = reflect(channel_, std::string("\x22") + static_cast<char>(name.size()) + name);
  for (const char* word : {"proto/schema/control.proto", "Tail", "TailRequest", "Drain", "Flows", "StatusReply"}) {
    EXPECT_NE(file.find(word), std::string::npos) << word;
  }
}

}  // namespace
}  // namespace weir::control_operations_test
