// The metrics of weir: one line for each. Its place in the list is its bit.
#pragma once

#include "dataplane/metric/dns.h"
#include "dataplane/metric/http.h"
#include "dataplane/metric/icmp.h"
#include "dataplane/metric/ids.h"
#include "dataplane/metric/layer2.h"
#include "dataplane/metric/lengths.h"
#include "dataplane/metric/metric_set.h"
#include "dataplane/metric/packets.h"
#include "dataplane/metric/quic.h"
#include "dataplane/metric/rtt.h"
#include "dataplane/metric/tcp.h"
#include "dataplane/metric/tls.h"
#include "dataplane/metric/wireguard.h"

namespace weir {

using Metrics = MetricSet<Layer2,     //
                          Tcp,        //
                          Rtt,        //
                          Icmp,       //
                          Lengths,    //
                          Packets,    //
                          Dns,        //
                          Tls,        //
                          Http,       //
                          Wireguard,  //
                          Quic,       //
                          Ids>;

}  // namespace weir
