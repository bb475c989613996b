// Tiles, losses, ports, exporters, top talkers and protocols.

// --- losses: each with where it happened, and how many in the last second ---
function losses_of(ledger) {
  const list = [];
  const add = (where, name, packets, figure_name) => list.push({ where, name, packets, figure_name });
  for (const port of ledger.ports) {
    add(port.name, "missed by the device (imissed)", port.imissed, "ports." + port.name + ".imissed");
    add(port.name, "bad for the device (ierrors)", port.ierrors, "ports." + port.name + ".ierrors");
    add(port.name, "no buffer (rx_nombuf)", port.rx_nombuf, "ports." + port.name + ".rx_nombuf");
  }
  for (const [name, count] of Object.entries(ledger.rejects)) add("rejected", name, count.packets, "reject." + name);
  add("between workers", "handover_full", ledger.handover_full.packets, "loss.handover_full");
  for (const [name, count] of Object.entries(ledger.lost)) add("before the exporters", name, count.packets, "loss." + name);
  for (const one of ledger.exporters) {
    for (const [name, count] of Object.entries(one.lost)) {
      add(one.name, name, count.packets, "exporter." + one.name + ".loss." + name);
    }
  }
  return list;
}

let with_zeros = false;

function show_losses(ledger, before, seconds) {
  const old = new Map(before ? losses_of(before).map((one) => [one.figure_name, one.packets]) : []);
  const all = losses_of(ledger);
  const shown = all.filter((one) => with_zeros || one.packets > 0).sort((a, b) => b.packets - a.packets);
  const most = Math.max(1, ...shown.map((one) => one.packets));
  const rows = shown.map((one) => {
    const rate = old.has(one.figure_name) && seconds > 0 ? (one.packets - old.get(one.figure_name)) / seconds : 0;
    return element("div.row", {},
      element("span.name", {}, one.name, element("span.where", {}, one.where)),
      element("span.num", {}, figure("span", one.figure_name, one.packets), " ",
        element("span.rate", {}, rate > 0 ? "+" + short(Math.round(rate)) + "/s" : "")),
      one.packets ? bar(one.packets / most, true) : null);
  });
  const note = element("p.note", {}, "Packets since the start; 'weir reasons' says what each name means.");
  show($("losses"), ...(rows.length ? rows : [element("p.empty", {}, "None: " + all.length + " counts are 0.")]), note);
}

// --- exporters ---

// The upper end of the bucket in which a share of the records lies.
function late_by(lateness, share) {
  const all = sum(lateness.buckets.map((one) => one.records));
  let seen = 0;
  for (const bucket of lateness.buckets) {
    seen += bucket.records;
    if (seen >= all * share) return bucket.below_ms ? "< " + milliseconds(bucket.below_ms) : "more";
  }
  return "–";
}

function histogram(lateness) {
  const most = Math.max(1, ...lateness.buckets.map((one) => one.records));
  const bars = lateness.buckets.map((one) => {
    const made = element(one.below_ms === 0 || one.below_ms > 5000 ? "i.late" : "i",
      { title: (one.below_ms ? "below " + milliseconds(one.below_ms) : "later") + ": " + whole(one.records) + " records" });
    made.style.height = Math.max(3, (100 * one.records) / most) + "%";
    return made;
  });
  return bars.length ? element("div.histogram", { "aria-hidden": "true" }, ...bars) : null;
}

function pair(name, ...value) {
  return element("div", {}, element("dt", {}, name), element("dd", {}, ...value));
}

function exporter_item(one) {
  const [state, ...why] = one.state.split(": ");
  const lost = sum(Object.values(one.lost).map((count) => count.records));
  const prefix = "exporters." + one.name + ".";
  const lost_place = pair("lost", figure("span", prefix + "lost_records", lost), " records");
  if (lost) lost_place.lastChild.className = "lost";
  return element("article.item", {},
    element("div.title", {}, element("b", {}, one.name),
      badge(state, state === "up" || state === "drained" ? "good" : state === "connecting" || state === "reopening" ? "warn" : "bad"),
      one.group ? element("span.muted", {}, "member of " + one.group) : null,
      one.members.length ? element("span.muted", {}, "group of " + one.members.join(", ")) : null),
    why.length ? element("p.why", {}, why.join(": ")) : null,
    element("dl.figures", {},
      pair("exported", figure("span", prefix + "exported_records", one.exported.records), " records"),
      lost_place,
      pair("queued", figure("span", prefix + "queued_records", one.queued.records), " records"),
      pair("queue", measured(one.queue_octets, "B") + " of " + measured(one.queue_limit_octets, "B"),
        meter(one.queue_octets / Math.max(1, one.queue_limit_octets), one.queue_octets > one.queue_limit_octets / 2)),
      pair("lateness, half of them", late_by(one.lateness, 0.5)),
      pair("99 of 100", late_by(one.lateness, 0.99)),
      pair("latest", one.lateness.buckets.length ? milliseconds(one.lateness.greatest_ms) : "–"),
      element("div", {}, element("dt", {}, "by lateness"), element("dd", {}, histogram(one.lateness) || "–"))));
}

function show_exporters(ledger) {
  show($("exporters"), ...(ledger.exporters.length ? ledger.exporters.map(exporter_item)
    : [element("p.empty", {}, "No exporter.")]));
}

// --- ports ---
function show_ports(status, ledger) {
  const items = status.ports.map((port) => {
    const counted = ledger.ports.find((one) => one.name === port.name);
    const dropped = counted ? counted.imissed + counted.ierrors + counted.rx_nombuf : 0;
    const place = pair("dropped there", whole(dropped), " packets");
    if (dropped) place.lastChild.className = "lost";
    return element("article.item", {},
      element("div.title", {}, element("b", {}, port.name), badge(port.link_up ? "link up" : "link down", port.link_up ? "good" : "bad")),
      element("dl.figures", {},
        pair("driver", port.driver),
        pair("speed", port.link_up ? measured(port.link_mbps * 1e6, "bit/s") : "–"),
        pair("queues", port.queues + " of " + whole(port.rx_descriptors)),
        pair("RSS", port.rss),
        counted ? pair("device received", figure("span", "ports." + port.name + ".ipackets", counted.ipackets), " packets") : null,
        place));
  });
  const input = ledger.input && ledger.input.name ? [element("article.item", {},
    element("div.title", {}, element("b", {}, ledger.input.name)),
    element("dl.figures", {}, pair("raw records", whole(ledger.input.records)), pair("cut", whole(ledger.input.partial_records)),
      pair("connections", ledger.input.open_connections + " open of " + whole(ledger.input.connections))))] : [];
  const all = items.concat(input);
  show($("ports"), ...(all.length ? all : [element("p.empty", {}, "No port is open yet.")]));
}

// --- tiles ---
function tile(name, value, more, bad) {
  return element(bad ? "div.tile.bad" : "div.tile", {}, element("small", {}, name), element("b", {}, value), element("small", {}, more));
}

function show_tiles(status, ledger, before, seconds) {
  const rate = (now, then) => (before && seconds > 0 ? Math.max(0, Math.round((now - then) / seconds)) : 0);
  const lost_of = (one) => sum(losses_of(one).map((loss) => loss.packets));
  const exported_of = (one) => sum(one.exporters.filter((exporter) => !exporter.group).map((exporter) => exporter.exported.records));
  const busiest = status.workers.reduce((a, b) => (b.busy > a.busy ? b : a), { busy: 0, worker: 0 });
  const lost = lost_of(ledger);
  show($("tiles"),
    tile("received", measured(sum(status.workers.map((one) => one.packets_per_second)), "pkt/s"),
      measured(sum(status.workers.map((one) => one.frame_bits_per_second)), "bit/s")),
    tile("flows", short(status.flows), percent(status.flows, status.capacity) + " of " + short(status.capacity)),
    tile("exported", measured(rate(exported_of(ledger), before ? exported_of(before) : 0), "rec/s"), short(exported_of(ledger)) + " records"),
    tile("dropped and lost", measured(rate(lost, before ? lost_of(before) : 0), "pkt/s"), short(lost) + " packets", lost > 0),
    tile("busiest worker", percent(busiest.busy, 1), status.workers.length ? "worker " + busiest.worker + " of " + status.workers.length : "none runs"),
    tile("evicted flows", short(status.evictions), "table full: " + (status.when_full || "–")));
}

// --- live flows ---
const kProtocols = { 1: "ICMP", 2: "IGMP", 4: "IPv4", 6: "TCP", 17: "UDP", 41: "IPv6", 47: "GRE", 50: "ESP", 51: "AH", 58: "ICMPv6", 89: "OSPF", 112: "VRRP", 132: "SCTP" };
const protocol = (number) => kProtocols[number] ? kProtocols[number] + " (" + number + ")" : "protocol " + number;
const kSorted = { bytes: (one) => one.bytes, packets: (one) => one.packets, rate: (one) => one.bits_per_second, flows: (one) => one.flows };

function group_name(fields, values) {
  const of = (field) => values[fields.indexOf(field)];
  if (fields.length === 1) return fields[0] === "proto" ? protocol(values[0]) : values[0];
  if (fields.length === 2) return values.join(" → ");
  return `${of("src_addr")} ${of("src_port")} → ${of("dst_addr")} ${of("dst_port")}, ${protocol(of("proto"))}`;
}

function show_groups(place, reply, sort) {
  if (reply.error) return show(place, element("p.empty", {}, reply.error));
  if (reply.scope.doing) return show(place, element("p.empty", {}, "weir is " + reply.scope.doing));
  const value = kSorted[sort];
  const all = value(reply.all) || 1;
  const texts = { bytes: (one) => measured(one.bytes, "B"), packets: (one) => measured(one.packets, "pkt"),
    rate: (one) => measured(Math.round(one.bits_per_second), "bit/s"), flows: (one) => short(one.flows) + " flows" };
  const rows = reply.groups.map((group) => element("div.row", {},
    element("span.name", {}, group_name(reply.fields, group.values)),
    element("span.num", {}, texts[sort](group) + " ", element("span.rate", {}, percent(value(group), all))),
    bar(value(group) / (value(reply.groups[0]) || 1))));
  const late = reply.scope.missing_workers.length ? " Workers that did not answer: " + reply.scope.missing_workers.join(", ") + "." : "";
  show(place, ...(rows.length ? rows : [element("p.empty", {}, "No live flow.")]),
    element("p.note", {}, `${whole(reply.scope.flows)} live flows, ${whole(reply.all_groups)} groups; counts since the last report of each flow.` + late));
}
