// Throughput by worker: the last five minutes as areas upon one another. The history is the page's own: it begins when
// the page is opened.
const kHistory = 300;
const history = [];  // {at, workers: [{packets, bits}]}
let unit = "packets";

function remember(status) {
  history.push({ at: Date.now(), workers: status.workers.map(
    (one) => ({ packets: one.packets_per_second, bits: one.frame_bits_per_second })) });
  while (history.length && history[0].at < Date.now() - kHistory * 1000) history.shift();
}

// 1, 2 or 5 times a power of ten, at least `value`.
function round_up(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((step) => step * power).find((one) => one >= value);
}

function show_chart() {
  const place = $("chart");
  const width = Math.max(300, place.clientWidth);
  const height = width < 560 ? 160 : 200;
  const left = 64, right = 8, top = 8, bottom = 24;
  const now = history.length ? history[history.length - 1].at : Date.now();
  const span = Math.min(kHistory, Math.max(60, history.length ? (now - history[0].at) / 1000 : 60)) * 1000;
  const most = round_up(Math.max(10, ...history.map((one) => sum(one.workers.map((worker) => worker[unit])))));
  const x = (at) => left + (width - left - right) * (1 - (now - at) / span);
  const y = (value) => top + (height - top - bottom) * (1 - value / most);
  const latest = history.length ? sum(history[history.length - 1].workers.map((one) => one[unit])) : 0;
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label":
    "Throughput of all workers, now " + measured(latest, unit === "packets" ? "packets/s" : "bit/s") + ". The table below has each worker." });
  for (const share of [0, 0.5, 1]) {
    svg.append(drawn("line", { class: "grid", x1: left, x2: width - right, y1: y(most * share), y2: y(most * share) }));
    svg.append(drawn("text", { x: left - 8, y: y(most * share) + 4, "text-anchor": "end" }, short(most * share)));
  }
  for (const share of [0, 0.5, 1]) {
    const before = Math.round((span / 1000) * (1 - share));
    svg.append(drawn("text", { x: left + (width - left - right) * share, y: height - 6, "text-anchor": share === 1 ? "end" : share ? "middle" : "start" },
      before ? "−" + duration(before) : "now"));
  }
  const workers = Math.max(0, ...history.map((one) => one.workers.length));
  let below = history.map(() => 0);
  for (let i = 0; i < workers && history.length > 1; ++i) {
    const above = history.map((one, at) => below[at] + (one.workers[i] ? one.workers[i][unit] : 0));
    const upper = history.map((one, at) => x(one.at).toFixed(1) + " " + y(above[at]).toFixed(1));
    const lower = history.map((one, at) => x(one.at).toFixed(1) + " " + y(below[at]).toFixed(1)).reverse();
    const area = drawn("path", { d: "M" + upper.concat(lower).join("L") + "Z" });
    area.style.fill = `var(--s${i % 8})`;
    area.style.opacity = ".75";
    svg.append(area);
    below = above;
  }
  place.replaceChildren(svg);
}

function show_workers(status) {
  if (!status.workers.length) return show($("workers"), element("tbody", {}, element("tr", {}, element("td", {}, "No worker runs."))));
  const rows = status.workers.map((one, i) => {
    const key = element("span.key", { "aria-hidden": "true" });
    key.style.color = `var(--s${i % 8})`;
    return element("tr", {},
      element("th", { scope: "row" }, key, "worker " + one.worker),
      element("td.num", {}, String(one.core)),
      element("td.num", {}, measured(one.packets_per_second, "pkt/s")),
      element("td.num", {}, measured(one.frame_bits_per_second, "bit/s")),
      element("td.num", {}, percent(one.share, 1)),
      element("td", {}, meter(one.busy, one.busy > 0.9)), element("td.num", {}, percent(one.busy, 1)),
      element("td.num", {}, whole(one.flows)),
      element("td", {}, one.idle));
  });
  const heads = [["", 0], ["core", 1], ["packets", 1], ["frames", 1], ["share", 1], ["busy", 0], ["", 1], ["flows", 1], ["without packets", 0]];
  show($("workers"), element("thead", {}, element("tr", {}, ...heads.map(([text, number]) =>
    text ? element(number ? "th.num" : "th", { scope: "col" }, text) : element("td")))),
    element("tbody", {}, ...rows));
}
