// A Kafka broker of the test's own: librdkafka's mock cluster, in this process, on a port of the kernel's.
//
// What includes this links librdkafka. The broker keeps the last 5 MiB or so of a partition.
#pragma once

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace weir::test {

/// One broker, one topic of four partitions, and all that was stored in it.
class MockBroker {
 public:
  MockBroker() {
    std::array<char, 512> text{};
    handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, quiet(), text.data(), text.size());
    cluster_ = rd_kafka_mock_cluster_new(handle_, 1);
    rd_kafka_mock_topic_create(cluster_, "flows", 4, 1);
    consumer_ = rd_kafka_new(RD_KAFKA_CONSUMER, consumer_settings(), text.data(), text.size());
    rd_kafka_topic_partition_list_t* const partitions = rd_kafka_topic_partition_list_new(4);
    for (int i = 0; i < 4; ++i) rd_kafka_topic_partition_list_add(partitions, "flows", i)->offset = 0;
    rd_kafka_assign(consumer_, partitions);
    rd_kafka_topic_partition_list_destroy(partitions);
  }
  MockBroker(const MockBroker&) = delete;
  MockBroker& operator=(const MockBroker&) = delete;
  ~MockBroker() {
    rd_kafka_destroy(consumer_);
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(handle_);
  }

  [[nodiscard]] std::string uri(const std::string& options = "") const {
    return std::string("kafka://") + rd_kafka_mock_cluster_bootstraps(cluster_) + "/flows" + options;
  }
  [[nodiscard]] std::uint16_t port() const {
    const std::string address = rd_kafka_mock_cluster_bootstraps(cluster_);
    return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  }
  void down() { rd_kafka_mock_broker_set_down(cluster_, 1); }
  void up() { rd_kafka_mock_broker_set_up(cluster_, 1); }
  void refuse(int count) {
    for (int i = 0; i < count; ++i) {
      rd_kafka_mock_push_request_errors(cluster_, 0 /* Produce */, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    }
  }

  struct Message {
    int partition;
    std::string value;
  };
  /// The next `count` messages, or fewer if no more come.
  std::vector<Message> consume(std::size_t count, int patience = 100) {
    std::vector<Message> messages;
    for (int silent = 0; messages.size() < count && silent < patience;) {
      rd_kafka_message_t* const message = rd_kafka_consumer_poll(consumer_, 100);
      if (message == nullptr || message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        ++silent;
      } else {
        messages.push_back({message->partition, {static_cast<const char*>(message->payload), message->len}});
      }
      if (message != nullptr) rd_kafka_message_destroy(message);
    }
    return messages;
  }

 private:
  static rd_kafka_conf_t* quiet() {
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
    return conf;
  }
  rd_kafka_conf_t* consumer_settings() const {
    rd_kafka_conf_t* const conf = quiet();
    std::array<char, 512> text{};
    for (const auto& [name, value] : {std::pair<const char*, const char*>{"group.id", "test"},
                                      {"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster_)},
                                      {"auto.offset.reset", "earliest"},
                                      {"enable.auto.commit", "false"},
                                      {"reconnect.backoff.max.ms", "200"}}) {
      EXPECT_EQ(rd_kafka_conf_set(conf, name, value, text.data(), text.size()), RD_KAFKA_CONF_OK) << text.data();
    }
    return conf;
  }

  rd_kafka_t* handle_;
  rd_kafka_mock_cluster_t* cluster_;
  rd_kafka_t* consumer_;
};

}  // namespace weir::test
