#include "control/config/tunnel_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace weir::tunnel_list_test {
namespace {

/// The tunnels and ports that a list gives: "gre vxlan vxlan=8472"; or the error.
std::string parsed(const char* text) {
  ParserOptions options;
  if (const auto good = parse_tunnel_list(text, options); !good) return "error: " + good.error();
  std::string out;
  for (std::size_t i = 1; i < kTunnelTypes.size(); ++i) {
    if (options.walks(static_cast<TunnelType>(i))) out += std::string(kTunnelTypes[i].name) + ' ';
  }
  for (const TunnelPort& port : options.udp_ports) {
    out += std::string(tunnel_name(port.type)) + '=' + std::to_string(port.port) + ' ';
  }
  return out.empty() ? out : out.substr(0, out.size() - 1);
}

TEST(TunnelList, names_tunnels_and_ports) {
  EXPECT_EQ(parsed("none"), "");
  EXPECT_EQ(parsed("gre"), "gre");
  EXPECT_EQ(parsed("vxlan"), "vxlan vxlan=4789");
  EXPECT_EQ(parsed("vxlan=8472"), "vxlan vxlan=8472");
  EXPECT_EQ(parsed("vxlan,vxlan=8472,vxlan"), "vxlan vxlan=4789 vxlan=8472");
  EXPECT_EQ(parsed("gtp-u,ipip"), "ipip gtp-u gtp-u=2152");
}

TEST(TunnelList, knows_the_default_and_everything) {
  EXPECT_EQ(parsed("default"),
            "ipip gre erspan vxlan geneve gtp-u l2tp mpls-udp mpls-ip ah gre-udp capwap ayiya vxlan=4789 geneve=6081 "
            "gtp-u=2152 l2tp=1701 mpls-udp=6635 gre-udp=4754 capwap=5247 ayiya=5072");
  EXPECT_EQ(parsed("all"),
            "ipip gre erspan vxlan geneve gtp-u l2tp mpls-udp mpls-ip ah vxlan-gpe nsh teredo etherip l2tpv3 mpls-pw "
            "gre-udp capwap tzsp wccp aruba ayiya vxlan=4789 geneve=6081 gtp-u=2152 l2tp=1701 mpls-udp=6635 "
            "vxlan-gpe=4790 teredo=3544 l2tpv3=1701 "
            "gre-udp=4754 capwap=5247 tzsp=37008 ayiya=5072");
  const ParserOptions defaults = ParserOptions::defaults();
  ParserOptions named;
  ASSERT_TRUE(parse_tunnel_list("default", named));
  EXPECT_EQ(named.tunnels, defaults.tunnels);
  EXPECT_EQ(named.udp_ports.size(), defaults.udp_ports.size());
}

TEST(TunnelList, says_what_is_wrong) {
  EXPECT_TRUE(parsed("vxlna").starts_with(
      "error: 'vxlna' is not a tunnel; did you mean vxlan?; expected all, none, default or names of ipip "))
      << parsed("vxlna");
  EXPECT_TRUE(parsed("").starts_with("error: '' is not a tunnel")) << parsed("");
  EXPECT_TRUE(parsed("gre,").starts_with("error: '' is not a tunnel")) << parsed("gre,");
  EXPECT_TRUE(parsed("gre=47").starts_with("error: gre has no UDP port")) << parsed("gre=47");
  for (const char* text : {"vxlan=", "vxlan=0", "vxlan=65536", "vxlan=x", "vxlan=1x", "vxlan=-1"}) {
    EXPECT_EQ(parsed(text), "error: '" + std::string(text) + "': expected a UDP port of 1 to 65535");
  }
  for (const char* text : {"none,gre", "gre,none", "all,none"}) {
    EXPECT_TRUE(
        parsed(text).starts_with("error: 'none' cannot stand beside other names; expected all, none, default or "))
        << parsed(text);
  }
  std::string many = "vxlan=1";
  for (int port = 2; port <= 65; ++port) many += ",vxlan=" + std::to_string(port);
  EXPECT_EQ(parsed(many.c_str()), "error: more than 64 ports");
}

}  // namespace
}  // namespace weir::tunnel_list_test
