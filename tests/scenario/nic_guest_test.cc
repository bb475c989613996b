// weir on NICs of the PCI bus: the models that QEMU has, in a guest (nic_guest, beside this file). Where QEMU, the
// kernel's package or root is absent the tests are skipped, and say why.
#include <gtest/gtest.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/scenario/live_rig.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"

namespace weir::test {
namespace {

struct Model {
  std::string name;
  std::string driver;  ///< DPDK's
  unsigned queues = 0;
  std::string rss;
  unsigned descriptors = 0;  ///< of a receive queue
  std::string idle;          ///< how a worker waits; the beginning
  std::string in_the_way;    ///< of DPDK at first: the text of weir doctor after the address
  std::string last_command;  ///< that mends it; its beginning
  std::string bound;         ///< what weir doctor says of the driver that has it then
  unsigned octets_more = 0;  ///< per frame, in the device's own counter
};

// Rings: 256 is QEMU's default for virtio-net; of vmxnet3 each queue has two rings, which share the 4096 buffers.
const std::vector<Model>& models() {
  static const std::vector<Model> all{
      {"virtio", "net_virtio", 4, "addresses", 256, "interrupt",
       "the kernel's driver virtio-pci has the device; DPDK cannot take it", "dpdk-devbind.py --bind=vfio-pci ",
       "driver vfio-pci, IOMMU group ", 0},
      {"vmxnet3", "net_vmxnet3", 2, "none", 2048, "sleep ",
       "the kernel's driver vmxnet3 has the device; DPDK cannot take it", "dpdk-devbind.py --bind=uio_pci_generic ",
       "driver uio_pci_generic gives the device access to all memory", 0},
      {"e1000", "net_e1000_em", 1, "none", 4096, "sleep ", "no driver has the device",
       "dpdk-devbind.py --bind=uio_pci_generic ", "driver uio_pci_generic gives the device access to all memory", 4},
  };
  return all;
}

class NicGuest : public testing::TestWithParam<Model> {
 protected:
  void SetUp() override {
    out_ = folder_.path("out");
    const Finished done = run({std::string(WEIR_SCENARIOS) + "/nic_guest", kBin, GetParam().name, out_}, seconds(1000));
    if (done.exit_code == 77) GTEST_SKIP() << done.out;
    ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
    ASSERT_EQ(contents(out_ + "/weir.code"), "0\n") << log();
  }
  [[nodiscard]] json read(const std::string& name) const { return json::parse(contents(out_ + "/" + name)); }
  [[nodiscard]] std::string log() const { return contents(out_ + "/weir.err"); }
  /// The first finding of `check` that speaks of the device.
  [[nodiscard]] json finding(const std::string& file, const std::string& check) const {
    for (const json& line : json_lines(out_ + "/" + file)) {
      if (line.at("check") == check && line.at("text").get<std::string>().starts_with(kAddress)) return line;
    }
    ADD_FAILURE() << file << ": nothing of " << check << "\n" << contents(out_ + "/" + file);
    return {};
  }
  void expect_doctor() const;
  void expect_link() const;
  void expect_queues() const;
  void expect_counts() const;

  inline static const std::string kAddress = "0000:00:01.0";
  TemporaryFolder folder_;
  std::string out_;
};

/// What stands in the way is named with the commands that mend it, and is gone after them.
void NicGuest::expect_doctor() const {
  const Model& model = GetParam();
  const json before = finding("doctor_before.json", "port");
  EXPECT_EQ(before.at("health"), "problem");
  EXPECT_EQ(before.at("text"), kAddress + ": " + model.in_the_way);
  const json& commands = before.at("commands");
  EXPECT_EQ(commands.back(), model.last_command + kAddress);
  const bool has_interface = model.name != "e1000";  // this kernel has no driver for it
  EXPECT_EQ(commands.front() == "ip link set eth0 down", has_interface) << commands;

  const json after = finding("doctor.json", "port");
  EXPECT_NE(after.at("health"), "problem");
  EXPECT_TRUE(after.at("text").get<std::string>().starts_with(kAddress + ": " + model.bound)) << after;
  EXPECT_EQ(finding("doctor.json", "queues").at("health"), "ok");
  if (model.queues == 1) return;
  const bool by_rss = model.rss == "addresses";
  EXPECT_EQ(finding("doctor.json", "rss").at("health"), by_rss ? "ok" : "advice");
}

void NicGuest::expect_link() const {
  EXPECT_EQ(read("status.json").at("ports").at(0).at("link_up"), true);
  EXPECT_EQ(read("status_down.json").at("ports").at(0).at("link_up"), false);
  EXPECT_EQ(read("status_up.json").at("ports").at(0).at("link_up"), true);
  const std::size_t down = log().find(kAddress + ": link down");
  EXPECT_NE(down, std::string::npos) << log();
  EXPECT_NE(log().find(kAddress + ": link up", down), std::string::npos) << log();
}

void NicGuest::expect_queues() const {
  const Model& model = GetParam();
  const json status = read("status.json");
  const json& port = status.at("ports").at(0);
  EXPECT_EQ(port.at("driver"), model.driver);
  EXPECT_EQ(port.at("queues"), model.queues);
  EXPECT_EQ(port.at("rss"), model.rss);
  EXPECT_EQ(port.at("rx_descriptors"), model.descriptors);
  ASSERT_EQ(status.at("workers").size(), model.queues);
  for (const json& worker : status.at("workers")) {
    EXPECT_TRUE(worker.at("idle").get<std::string>().starts_with(model.idle)) << worker;
  }
  const json rss = read("rss.json");
  EXPECT_EQ(rss.at("ports").at(0).at("hash"), model.rss);
  EXPECT_EQ(rss.at("meets"), model.rss == "addresses" || model.queues == 1);
  EXPECT_EQ(rss.at("handing_over"), model.rss == "none" && model.queues > 1);
  std::uint64_t packets = 0;
  for (const json& queue : rss.at("ports").at(0).at("queue_packets")) packets += queue.get<std::uint64_t>();
  EXPECT_EQ(packets, packets_of(read("ledger.json").at("received")));
}

/// What weir-gen sent before and after the link was down is what was received, counted and exported.
void NicGuest::expect_counts() const {
  const Model& model = GetParam();
  const json first = read("sent_1.json");
  const json second = read("sent_2.json");
  const auto sent = [&](const char* of) {
    return first.at(of).get<std::uint64_t>() + second.at(of).get<std::uint64_t>();
  };
  const json ledger = read("ledger.json");
  EXPECT_TRUE(ledger.at("balanced"));
  EXPECT_EQ(packets_of(read("first_ledger.json").at("received")), first.at("packets"));
  EXPECT_EQ(packets_of(ledger.at("received")), sent("packets"));
  EXPECT_EQ(octets_of(ledger.at("received")), sent("frame_octets"));
  EXPECT_EQ(packets_of(ledger.at("counted")), sent("packets"));
  EXPECT_EQ(octets_of(ledger.at("counted_ip")), sent("octets"));
  EXPECT_EQ(packets_of(ledger.at("exporters").at(0).at("exported")), sent("packets"));
  const json& port = ledger.at("ports").at(0);
  EXPECT_EQ(port.at("ipackets"), sent("packets"));
  EXPECT_EQ(port.at("ibytes"), sent("frame_octets") + model.octets_more * sent("packets"));

  // 400 biflows of random addresses: each worker owns its share of them, give or take a half.
  ASSERT_EQ(ledger.at("workers").size(), model.queues);
  for (const json& worker : ledger.at("workers")) {
    EXPECT_GT(packets_of(worker.at("counted")), sent("packets") / model.queues / 2) << worker;
    if (model.rss == "addresses") {
      EXPECT_EQ(packets_of(worker.at("taken_over")), 0) << worker;
    }
  }
  // One record each: both directions met.
  const std::vector<json> flows = json_lines(out_ + "/flows.json");
  EXPECT_EQ(flows.size(), sent("biflows"));
  for (const json& flow : flows) EXPECT_GT(flow.at("rev_packets"), 0) << flow;
}

TEST_P(NicGuest, CountsWhatWasSentOverALinkThatGoesDownAndComesUp) {
  expect_doctor();
  expect_link();
  expect_queues();
  expect_counts();
  EXPECT_EQ(contents(out_ + "/console").find("nobody cared"), std::string::npos)
      << "an interrupt line was taken out of service";
  EXPECT_EQ(log().find("DPDK"), std::string::npos) << log();
}

INSTANTIATE_TEST_SUITE_P(Models, NicGuest, testing::ValuesIn(models()),
                         [](const auto& model) { return model.param.name; });

}  // namespace
}  // namespace weir::test
