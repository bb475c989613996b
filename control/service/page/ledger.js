// The ledger: its three equations with exact figures, and above them the river: what share of the packets went where.

// The terms of an equation: [name, figure's name, packets, octets, kind]. Kind is a colour: where the packets are now.
function terms_of(ledger, monitor, status) {
  const m = monitor || ledger;
  const of = monitor ? "monitor." + monitor.name + "." : "";
  const count = (name, key, from, kind, prefix) => [name, (prefix ?? of) + key, from[key].packets, from[key].octets, kind];
  const reasons = (map, what, prefix, kind) => Object.entries(map).map(
    ([name, value]) => [what + name, prefix + name, value.packets, value.octets, kind]);
  const first = [
    count("counted in flows", "counted", m, "water"),
    count("filtered out, frames", "frame_filtered_out", ledger, "left", ""),
    count("filtered out", "filtered_out", m, "left"),
    count("sampled out", "sampled_out", m, "left"),
    count("duplicate", "duplicate", m, "left"),
    count("between two workers", "in_handover", m, "held"),
    ...reasons(ledger.rejects, "rejected: ", "rejects.", "lost"),
    count("lost: handover_full", "handover_full", m, "lost")];
  const second = [
    count("drained to exporters", "drained", m, "water"),
    count("in the flow table", "in_table", m, "held"),
    count("in the rings", "in_rings", m, "held"),
    count("in the accounter", "in_overflow", m, "held"),
    ...reasons(m.lost, "lost: ", of + "lost.", "lost")];
  const third = exporters_of(ledger, monitor, status).filter((one) => !one.group).map((one) => {
    const prefix = "exporters." + one.name + ".";
    return { exporter: one, prefix, terms: [
      count("exported", "exported", one, "out", prefix),
      count("queued", "queued", one, "held", prefix),
      ...reasons(one.lost, "lost: ", prefix + "lost.", "lost")] };
  });
  return { first, second, third, counted: m.counted_ip, counted_name: of + "counted_ip" };
}

// Those that a monitor's records go to. One that several monitors use is there once for each, named "NAME of MONITOR".
function exporters_of(ledger, monitor, status) {
  const described = monitor && status.monitors.find((one) => one.name === monitor.name);
  if (!described || !described.exporters.length) {
    return ledger.exporters.filter((one) => !monitor || !/ of [^ ]+$/.test(one.name) || one.name.endsWith(" of " + monitor.name));
  }
  const names = described.exporters.flatMap((name) => [name, name + " of " + monitor.name]);
  return ledger.exporters.filter((one) => names.includes(one.name));
}

// What always stands there, and of the rest what is not zero.
const kAlways = new Set(["counted in flows", "drained to exporters", "in the flow table", "exported", "queued"]);

function term_rows(total, terms) {
  const shown = terms.filter((term) => term[2] > 0 || kAlways.has(term[0]));
  const rows = shown.map(([name, figure_name, packets, , kind], i) => element("tr", {},
    element("th", { scope: "row" }, element("span.key.k-" + kind, { "aria-hidden": "true" }), (i ? "+ " : "= ") + name),
    figure("td.num", figure_name, packets), element("td.num.muted", {}, percent(packets, total))));
  const zeros = terms.length - shown.length;
  return [rows, zeros ? element("p.note", {}, "+ " + zeros + " others, each 0") : null];
}

function equation_table(name, figure_name, total, terms, caption) {
  const [rows, zeros] = term_rows(total, terms);
  return element("div.pages", {}, element("table", {},
    caption ? element("caption", {}, caption) : null,
    element("tbody", {}, element("tr.total", {}, element("th", { scope: "row" }, name), figure("td.num", figure_name, total),
      element("td.num.muted", {}, "packets")), ...rows)), zeros);
}

// The ledger says whether it balances. Workers give their counts one after the other, so while packets pass between two
// of them the sum over all may differ by a few packets although each worker's sum is right.
const holds = (ledger, total, terms) => !ledger.violations.length || total === sum(terms.map((term) => term[2]));

function show_equations(ledger, monitor, terms) {
  const stale = ledger.state === "stale";
  const exists = ledger.state !== "none";
  const verdict = (good) => exists ? good ? badge("holds", "good") : stale ? badge("stale", "warn") : badge("does not hold", "bad") : null;
  const third_holds = ledger.exporters.every((one) => one.balanced);
  show($("equations"),
    element("div.equation", {}, element("h3", {}, "1  Wire to flows",
      verdict(holds(ledger, ledger.received.packets, terms.first))),
      equation_table("received", "received", ledger.received.packets, terms.first)),
    element("div.equation", {}, element("h3", {}, "2  Flows to records",
      verdict(holds(ledger, terms.counted.packets, terms.second))),
      equation_table("counted in flows", terms.counted_name, terms.counted.packets, terms.second)),
    element("div.equation", {}, element("h3", {}, "3  Records to collectors", verdict(third_holds)),
      ...(terms.third.length ? terms.third.map((one) => equation_table("drained", one.prefix + "drained",
        one.exporter.drained.packets, one.terms, one.exporter.name))
        : [element("p.empty", {}, exists ? "No exporter: records are counted and go nowhere." : "No exporter yet.")])));
}

// --- the river ---

// A ribbon from a span at x0 to a span at x1.
function ribbon(x0, top0, bottom0, x1, top1, bottom1, kind) {
  const middle = (x0 + x1) / 2;
  return drawn("path", { class: "flow f-" + kind, d:
    `M${x0} ${top0}C${middle} ${top0} ${middle} ${top1} ${x1} ${top1}V${bottom1}C${middle} ${bottom1} ${middle} ${bottom0} ${x0} ${bottom0}Z` });
}

// Terms by kind, in the order in which they leave: what goes on, what is held, what was left out, what was lost.
function by_kind(terms) {
  const sums = { water: 0, out: 0, held: 0, left: 0, lost: 0 };
  for (const term of terms) sums[term[4]] += term[2];
  return Object.entries(sums).filter(([, packets]) => packets > 0);
}

// Heights of parts within `height`: by share, at least 2 pixels for what is not nothing.
function heights(parts, height) {
  const all = sum(parts.map(([, packets]) => packets)) || 1;
  const least = 2.5;
  const raw = parts.map(([, packets]) => Math.max(least, (height * packets) / all));
  const scale = height / Math.max(sum(raw), 1);
  return raw.map((one) => one * Math.min(scale, 1));
}

// The parts of a span that begins at `top`, drawn as blocks at x; gives the place of each.
function blocks(svg, parts, x, width, top, height, gap) {
  const places = {};
  let y = top;
  heights(parts, height).forEach((part_height, i) => {
    const [kind, packets] = parts[i];
    const block = drawn("rect", { class: "f-" + kind, x, y, width, height: part_height, rx: 2 });
    block.append(drawn("title", {}, kNames[kind] + ": " + whole(packets) + " packets"));
    svg.append(block);
    places[kind] = [y, y + part_height];
    y += part_height + gap;
  });
  return places;
}

const kNames = { water: "goes on", out: "exported", held: "held now", left: "left out by your options", lost: "dropped or lost" };

function show_river(ledger, terms) {
  const place = $("river");
  const received = ledger.received.packets;
  if (received === 0) return show(place, element("p.empty", {}, "No packet has come yet."));
  const width = Math.max(300, place.clientWidth);
  const narrow = width < 560;
  const rows = Math.max(terms.third.length, 1);
  const flow_height = narrow ? 96 : 132;
  const top = 26;
  const height = Math.max(top + flow_height + 40, top + rows * 26 + 14);
  const block = narrow ? 10 : 16;
  const label = narrow ? 20 : 190;
  const xs = (narrow ? [0, 0.31, 0.62] : [0, 0.34, 0.68]).map((share) => share * (width - label - block)).concat(width - label - block);
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img",
    "aria-label": "Flow of packets from the wire to the collectors. The exact figures are in the equations below." });
  const name = (x, text, anchor) => svg.append(drawn("text", { x, y: 15, "text-anchor": anchor || "start" }, text));
  name(0, narrow ? "wire" : "wire: received");
  name(xs[1], narrow ? "flows" : "counted in flows");
  name(xs[2], narrow ? "records" : "drained records");
  name(narrow ? width : xs[3], "collectors", narrow ? "end" : "start");

  svg.append(drawn("rect", { class: "f-water", x: 0, y: top, width: block, height: flow_height, rx: 2 }));
  // From each wall on, what goes on takes its share of the height, and what leaves lies under it.
  const gap = 5;
  const first = blocks(svg, by_kind(terms.first), xs[1], block, top, flow_height, gap);
  connect(svg, block, top, top + flow_height, xs[1], first);
  const second = first.water
    ? blocks(svg, by_kind(terms.second), xs[2], block, first.water[0], first.water[1] - first.water[0], gap) : {};
  if (first.water) connect(svg, xs[1] + block, first.water[0], first.water[1], xs[2], second);
  if (second.water) show_collectors(svg, terms.third, { from: second.water, x0: xs[2] + block, x1: xs[3], block, top, height, narrow });
  const kinds = ["water", "held", "left", "lost", "out"];
  place.replaceChildren(svg, element("p.note", {}, ...kinds.map((kind) => element("span", {},
    element("span.key.k-" + kind, { "aria-hidden": "true" }), kNames[kind] + "   "))));
}

function connect(svg, x0, from, to, x1, places) {
  const all = sum(Object.values(places).map(([a, b]) => b - a));
  let y = from;
  for (const [kind, [top, bottom]] of Object.entries(places)) {
    const part = ((bottom - top) / all) * (to - from);
    svg.append(ribbon(x0, y, y + part, x1, top, bottom, kind));
    y += part;
  }
}

// Each exporter gets every drained record, so each has a block of its own and the ribbon goes to all.
function show_collectors(svg, third, { from, x0, x1, block, top, height, narrow }) {
  const room = (height - top - 14) / Math.max(third.length, 1);
  third.forEach((one, i) => {
    const tall = Math.min(room - 8, 60);
    const y = top + i * room;
    const places = blocks(svg, by_kind(one.terms), x1, block, y, tall, 0);
    svg.append(ribbon(x0, from[0], from[1], x1, y, y + tall, "water"));
    if (!narrow) svg.append(drawn("text", { class: "small", x: x1 + block + 8, y: y + Math.min(tall / 2 + 4, 20) }, cut(one.exporter.name, 24)));
    if (!Object.keys(places).length) svg.append(drawn("rect", { class: "wall", x: x1, y, width: block, height: tall, rx: 2 }));
  });
}

const cut = (text, most) => text.length > most ? text.slice(0, most - 1) + "…" : text;
