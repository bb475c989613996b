// message_json: goldens written by hand from RFC 8259 (JSON), RFC 4648 (base64) and RFC 3629 (UTF-8). Protobuf's own
// well-known types stand in for the shapes that weir's flow.proto does not have (maps, oneofs, types in themselves).
#include "proto/record/message_json.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/type.pb.h>
#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include <limits>

#include "proto/schema/flow.pb.h"

namespace weir::message_json_test {
namespace {

TEST(MessageJson, WritesEveryFieldWithNumbersAsNumbersAndBytesAsBase64) {
  v1::FlowRecord record;
  record.set_type(v1::FlowRecord::IPFIX);
  record.set_src_addr(std::string("\xc0\x00\x02\x01", 4));
  record.set_bytes(std::numeric_limits<std::uint64_t>::max());
  record.set_src_port(443);
  EXPECT_EQ(
      message_json(record),
      R"({"type":"IPFIX","sampling_rate":0,"src_addr":"wAACAQ==","dst_addr":"","bytes":18446744073709551615,)"
      R"("packets":0,"sampler_address":"","next_hop":"","next_hop_as":0,"src_as":0,"dst_as":0,"src_net":0,"dst_net":0,)"
      R"("in_if":0,"out_if":0,"proto":0,"src_port":443,"dst_port":0,"ip_tos":0,"ip_ttl":0,)"
      R"("tcp_flags":0,"src_mac":0,"dst_mac":0,"vlan_id":0,"etype":0,"icmp_type":0,"icmp_code":0,)"
      R"("src_vlan":0,"fragment_id":0,"ipv6_flow_label":0,"mpls_label":[],"bgp_next_hop":"","as_path":[],)"
      R"("time_received_ns":0,"time_flow_start_ns":0,"time_flow_end_ns":0,"rev_packets":0,)"
      R"("rev_bytes":0,"rev_tcp_flags":0,"end_reason":0,"rev_ip_tos":0,"rev_icmp_type":0,"rev_icmp_code":0,)"
      R"("fwd_time_start_ns":0,"fwd_time_end_ns":0,"rev_time_start_ns":0,"rev_time_end_ns":0,)"
      R"("tunnel_type":"NONE","tunnel_id":0,"tunnel_depth":0,"tunnel_src_addr":"","tunnel_dst_addr":"",)"
      R"("esp_spi":0,"inner_vlan_id":0,"rev_ip_ttl":0,"ip_ttl_min":0,"rev_ip_ttl_min":0,"ip_ttl_max":0,)"
      R"("rev_ip_ttl_max":0,"rev_ipv6_flow_label":0,"ip_fragments":0,"rev_ip_fragments":0,"outer_bytes":0,)"
      R"("rev_outer_bytes":0,"rev_fragment_id":0,"ip_payload_bytes":0,"rev_ip_payload_bytes":0,"tcp_initial_flags":0,"rev_tcp_initial_flags":0,"tcp_syn_count":0,)"
      R"("rev_tcp_syn_count":0,"tcp_fin_count":0,"rev_tcp_fin_count":0,"tcp_rst_count":0,"rev_tcp_rst_count":0,)"
      R"("tcp_initial_window":0,"rev_tcp_initial_window":0,"tcp_max_window":0,"rev_tcp_max_window":0,)"
      R"("tcp_zero_window":0,"rev_tcp_zero_window":0,"tcp_mss":0,"rev_tcp_mss":0,"tcp_window_scale":0,)"
      R"("rev_tcp_window_scale":0,"tcp_sack_permitted":0,"rev_tcp_sack_permitted":0,"tcp_timestamps":0,)"
      R"("rev_tcp_timestamps":0,"tcp_syn_bytes":0,"rev_tcp_syn_bytes":0,"tcp_options":0,"rev_tcp_options":0,)"
      R"("payload_bytes":0,"rev_payload_bytes":0,)"
      R"("tcp_stream_bytes":0,"rev_tcp_stream_bytes":0,"tcp_retransmitted_packets":0,)"
      R"("rev_tcp_retransmitted_packets":0,"tcp_retransmitted_bytes":0,"rev_tcp_retransmitted_bytes":0,)"
      R"("tcp_out_of_order":0,"rev_tcp_out_of_order":0,"tcp_duplicate_acks":0,"rev_tcp_duplicate_acks":0,)"
      R"("tcp_keep_alives":0,"rev_tcp_keep_alives":0,"tcp_zero_window_episodes":0,)"
      R"("rev_tcp_zero_window_episodes":0,"tcp_sequence_cut":0,"rev_tcp_sequence_cut":0,"rtt_handshake_ns":0,)"
      R"("rtt_handshake_client_ns":0,"rtt_handshake_server_ns":0,"rtt_client_min_ns":0,)"
      R"("rtt_client_mean_ns":0,"rtt_client_max_ns":0,"rtt_client_samples":0,"rtt_client_last_ns":0,)"
      R"("rtt_server_min_ns":0,"rtt_server_mean_ns":0,"rtt_server_max_ns":0,"rtt_server_samples":0,)"
      R"("rtt_server_last_ns":0,"rtt_by_timestamps":0,"application_latency_ns":0,"community_id":"",)"
      R"("length_min":0,"rev_length_min":0,"length_max":0,"rev_length_max":0,"length_mean":0,"rev_length_mean":0,)"
      R"("length_stddev":0,"rev_length_stddev":0,"length_histogram":[],"rev_length_histogram":[],)"
      R"("iat_min_ns":0,"rev_iat_min_ns":0,"iat_max_ns":0,"rev_iat_max_ns":0,"iat_mean_ns":0,"rev_iat_mean_ns":0,)"
      R"("iat_stddev_ns":0,"rev_iat_stddev_ns":0,"iat_histogram":[],"rev_iat_histogram":[],"first_packets":[],)"
      R"("dns_id":0,"dns_query_name":"","dns_query_name_cut":0,"dns_query_type":0,"dns_query_class":0,"dns_flags":0,)"
      R"("dns_rcode":0,"dns_answers":0,"dns_response_time_ns":0,"dns_queries":0,"dns_responses":0,"dns_errors":0,)"
      R"("icmp_errors":0,"rev_icmp_errors":0,"icmp_error_mtu":0,"rev_icmp_error_mtu":0,"icmp_error_type":0,)"
      R"("rev_icmp_error_type":0,"icmp_error_code":0,"rev_icmp_error_code":0,)"
      R"("tls_client_version":0,"tls_server_version":0,"tls_cipher":0,"tls_sni":"","tls_sni_cut":0,"tls_alpn":"",)"
      R"("tls_alpn_cut":0,"tls_ja3":"","tls_ja4":"","tls_subject_cn":"","tls_subject_cn_cut":0,"tls_issuer_cn":"",)"
      R"("tls_issuer_cn_cut":0,"tls_public_key":"","tls_not_before":0,"tls_not_after":0,)"
      R"("http_method":"","http_host":"","http_host_cut":0,"http_url":"","http_url_cut":0,"http_user_agent":"",)"
      R"("http_user_agent_cut":0,"http_referer":"","http_referer_cut":0,"http_status":0,"http_content_type":"",)"
      R"("http_content_type_cut":0,"http_header_cut":0,)"
      R"("wireguard_sender":0,"wireguard_receiver":0,"wireguard_initiations":0,"wireguard_responses":0,)"
      R"("wireguard_cookies":0,"wireguard_data":0,)"
      R"("quic_version":0,"quic_scid_length":0,"rev_quic_scid_length":0,"quic_dcid_length":0,)"
      R"("rev_quic_dcid_length":0,"quic_initial":0,"rev_quic_initial":0,"quic_0rtt":0,"quic_handshake":0,)"
      R"("rev_quic_handshake":0,"quic_retry":0,"quic_short":0,"rev_quic_short":0,"quic_version_negotiation":0,)"
      R"("quic_id_changes":0,"rev_quic_id_changes":0,"quic_spin_rtt_min_ns":0,"rev_quic_spin_rtt_min_ns":0,)"
      R"("quic_spin_rtt_mean_ns":0,"rev_quic_spin_rtt_mean_ns":0,"quic_spin_rtt_samples":0,)"
      R"("rev_quic_spin_rtt_samples":0,"quic_spin_rtt_half_min_ns":0,"rev_quic_spin_rtt_half_min_ns":0,)"
      R"("quic_handshake_rtt_ns":0,"quic_sni":"","quic_sni_cut":0,"quic_alpn":"","quic_alpn_cut":0,)"
      R"("quic_offered_versions":"","quic_packet_number":0,"rev_quic_packet_number":0,"quic_key_phase":0,)"
      R"("rev_quic_key_phase":0,"quic_measurement_byte":0,"rev_quic_measurement_byte":0,"quic_truncated":0,)"
      R"("quic_unknown_types":0,)"
      R"("rev_next_hop":"","rev_bgp_next_hop":"",)"
      R"("prev_hop_as":0,"in_type":"UNKNOWN","out_type":"UNKNOWN","rev_as_path":[],"as_path_cut":0,)"
      R"("rev_as_path_cut":0,"src_as_name":"","dst_as_name":"","src_country":"","dst_country":"","flow_direction":0,"in_if_name":"",)"
      R"("out_if_name":"","link_bytes":0,"rev_link_bytes":0,"start_mono_ns":0,"end_mono_ns":0,)"
      R"("psample_group":0,"psample_latency_min_ns":0,"rev_psample_latency_min_ns":0,"psample_latency_mean_ns":0,)"
      R"("rev_psample_latency_mean_ns":0,"psample_latency_max_ns":0,"rev_psample_latency_max_ns":0,"psample_queue":0,)"
      R"("rev_psample_queue":0,"psample_queue_bytes_max":0,"rev_psample_queue_bytes_max":0,"psample_tunnel_id":0,)"
      R"("psample_cookie":"","monitor":""})");
}

TEST(MessageJson, WritesAnUnknownEnumValueAsItsNumber) {
  v1::FlowRecord record;
  record.set_type(static_cast<v1::FlowRecord::FlowType>(77));
  EXPECT_EQ(message_json(record).substr(0, 12), R"({"type":77,")");
}

TEST(MessageJson, WritesUnsetSubMessagesWithZerosAndRepeatedFieldsAsLists) {
  google::protobuf::Type type;
  type.set_name("a");
  type.add_oneofs("x");
  type.add_oneofs("y");
  EXPECT_EQ(message_json(type),
            R"({"name":"a","fields":[],"oneofs":["x","y"],"options":[],"source_context":{"file_name":""},)"
            R"("syntax":"SYNTAX_PROTO2"})");
}

TEST(MessageJson, WritesMapsAsObjectsSortedByKeyAndOnlyTheSetMemberOfAOneof) {
  google::protobuf::Struct object;
  (*object.mutable_fields())["b"].set_bool_value(true);
  (*object.mutable_fields())["a"].set_number_value(-0.25);
  (*object.mutable_fields())["c"];
  EXPECT_EQ(message_json(object), R"({"fields":{"a":{"number_value":-0.25},"b":{"bool_value":true},"c":{}}})");
}

TEST(MessageJson, WritesNumbersThatAreNotFiniteAsNull) {
  google::protobuf::DoubleValue number;
  number.set_value(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(message_json(number), R"({"value":null})");
  number.set_value(std::numeric_limits<double>::infinity());
  EXPECT_EQ(message_json(number), R"({"value":null})");
  number.set_value(0.1);
  EXPECT_EQ(message_json(number), R"({"value":0.1})");
}

TEST(MessageJson, WritesNegativeIntegersExactly) {
  google::protobuf::Int64Value number;
  number.set_value(std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(message_json(number), R"({"value":-9223372036854775808})");
}

TEST(MessageJson, PadsBase64ByTheLengthOfTheBytes) {
  // RFC 4648 §10.
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [octets, base64] : vectors) {
    google::protobuf::BytesValue value;
    value.set_value(octets);
    EXPECT_EQ(message_json(value), std::string("{\"value\":\"") + base64 + "\"}");
  }
}

TEST(MessageJson, EscapesWhatAStringMayNotHold) {
  EXPECT_EQ(json_string("a\"b\\c\n\r\t\x01\x1f\x7f"), "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f\x7f\"");
  EXPECT_EQ(json_string(std::string("\0", 1)), "\"\\u0000\"");
  EXPECT_EQ(json_string("\xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82"), "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82\"");
}

TEST(MessageJson, ReplacesOctetsThatAreNotUtf8) {
  const std::string replaced = "\xef\xbf\xbd";
  EXPECT_EQ(json_string("\xff"), "\"" + replaced + "\"");
  EXPECT_EQ(json_string("\xc0\xaf"), "\"" + replaced + replaced + "\"");                 // overlong
  EXPECT_EQ(json_string("\xed\xa0\x80"), "\"" + replaced + replaced + replaced + "\"");  // surrogate
  EXPECT_EQ(json_string("\xe2\x82"), "\"" + replaced + replaced + "\"");                 // cut off
  EXPECT_EQ(json_string("\xf4\x90\x80\x80z"), "\"" + replaced + replaced + replaced + replaced + "z\"");
}

TEST(ReadMessageJson, ReadsWhatWasWritten) {
  v1::FlowRecord record;
  record.set_type(v1::FlowRecord::IPFIX);
  record.set_src_addr(std::string("\xc0\x00\x02\x01", 4));
  record.set_bytes(std::numeric_limits<std::uint64_t>::max());
  record.add_as_path(64512);
  v1::FlowRecord again;
  ASSERT_TRUE(read_message_json(message_json(record), again));
  EXPECT_EQ(message_json(again), message_json(record));
  EXPECT_EQ(again.bytes(), std::numeric_limits<std::uint64_t>::max());
}

TEST(ReadMessageJson, LeavesOutFieldsOfAnotherVersion) {
  v1::FlowRecord record;
  ASSERT_TRUE(read_message_json(R"({"packets":3,"of_tomorrow":{"a":[1]}})", record));
  EXPECT_EQ(record.packets(), 3U);
}

TEST(ReadMessageJson, RefusesWhatIsNoObjectOfTheType) {
  v1::FlowRecord record;
  for (const std::string text :
       {"", "[]", "7", "{\"packets\":", "{\"packets\":-1}", "{\"packets\":{}}", "\xff\xfe", "{} {}"}) {
    EXPECT_FALSE(read_message_json(text, record)) << text;
  }
  EXPECT_FALSE(read_message_json(std::string(1'000'000, '['), record));
  std::string nested;
  for (int i = 0; i < 100'000; ++i) nested += "{\"packets\":";
  EXPECT_FALSE(read_message_json(nested, record));
}

}  // namespace
}  // namespace weir::message_json_test
