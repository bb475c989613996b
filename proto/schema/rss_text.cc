#include "proto/schema/rss_text.h"

#include <algorithm>
#include <cstdint>

#include "proto/base/number_text.h"
#include "proto/schema/text_table.h"

namespace weir {

std::string rss_text(const v1::RssReply& reply) {
  if (!reply.doing().empty()) return "no self-check: weir is " + reply.doing() + '\n';
  TextTable ports("llrrrrr");
  TextTable queues("lrrrr");
  for (const auto& port : reply.ports()) {
    if (ports.empty()) ports.row({"port", "hash", "key", "table", "conversations", "split", "off their fragments"});
    const bool checked = port.conversations() != 0;
    ports.row({port.name(), port.hash(), std::to_string(port.key_octets()), std::to_string(port.table_entries()),
               checked ? grouped(port.conversations()) : "not checked", checked ? grouped(port.split()) : "",
               checked ? grouped(port.fragments_split()) : ""});
    std::uint64_t sum = 0;
    for (const std::uint64_t packets : port.queue_packets()) sum += packets;
    for (int queue = 0; queue < port.queue_packets_size(); ++queue) {
      if (queues.empty()) queues.row({"port", "queue", "known conversations", "packets", "share"});
      const std::uint64_t packets = port.queue_packets(queue);
      queues.row({port.name(), std::to_string(queue),
                  queue < port.known_by_queue_size() ? grouped(port.known_by_queue(queue)) : "", grouped(packets),
                  sum == 0 ? "" : percent(static_cast<double>(packets) / static_cast<double>(sum))});
    }
  }
  std::string out = "self-check: known conversations through the key and the table of each device, in software\n" +
                    (ports.empty() ? "  no port\n" : ports.text());
  for (const auto& port : reply.ports()) {
    if (!port.example().empty()) out += "  " + port.name() + " splits " + port.example() + '\n';
  }
  if (reply.split_between_ports() != 0) {
    out += "  split between two ports: " + grouped(reply.split_between_ports()) + " conversations\n";
  }
  out += "\nqueues\n" + (queues.empty() ? "  none\n" : queues.text()) + '\n';
  const bool one_queue = std::all_of(reply.ports().begin(), reply.ports().end(),
                                     [](const auto& port) { return port.queue_packets_size() <= 1; });
  if (one_queue && !reply.ports().empty() && reply.ok())
    return out + "not checked: one queue, so every packet reaches the one worker\n";
  if (reply.meets()) return out + "both directions of every conversation reach one worker\n";
  if (reply.ok()) return out + "the ports do not bring both directions together: workers hand packets over\n";
  return out +
         "SPLIT: both directions of a conversation reach two workers, and each makes a record of its own; "
         "restart weir\n";
}

}  // namespace weir
