// Asks weir once a second for status and ledger, every five seconds for live flows, and shows them. Nothing is asked
// while the page is hidden or paused.
const kTopLines = 10;
let paused = false;
let last = null;  // {status, ledger, at}
let previous = null;
let silent_since = 0;

async function ask(what) {
  const answer = await fetch("api/v1/" + what, { cache: "no-store", signal: AbortSignal.timeout(8000) });
  const reply = await answer.json();
  if (!answer.ok && !reply.error) throw new Error(answer.statusText);
  return reply;
}

function show_head(status, ledger) {
  $("facts").textContent = "version " + status.version + ", up " + duration(status.uptime_s);
  document.title = "weir: " + status.phase + ", " + ledger.state;
  const phase = $("phase");
  phase.textContent = status.phase;
  phase.className = "badge " + (status.phase === "running" ? "good" : "warn");
  const balance = $("balance");
  balance.textContent = ledger.state === "none" ? "" : "ledger " + ledger.state;
  balance.className = "badge " + ({ balanced: "good", unbalanced: "bad", stale: "warn" }[ledger.state] || "");
  const down = status.ports.filter((port) => !port.link_up).map((port) => port.name);
  if (status.doing) notice("weir is " + status.phase + ": " + status.doing, "warn");
  else if (ledger.violations.length) notice("The ledger does not balance: " + ledger.violations.join("; "), "bad");
  else if (ledger.state === "stale") notice("A worker does not answer; the counts are those of " + new Date(ledger.stale_since_ns / 1e6).toLocaleTimeString(), "warn");
  else if (down.length) notice((down.length === 1 ? "The link of this port is down: " : "The links of these ports are down: ") + down.join(", "), "bad");
  else if (status.hash_flooding.suspected) notice("Keys crowd in one place of the flow table: somebody may have chosen them.", "warn");
  else notice("");
}

function notice(text, kind) {
  const place = $("notice");
  place.hidden = !text;
  place.className = "notice " + (kind || "");
  if (place.textContent !== text) place.textContent = text;
}

function chosen_monitor(ledger) {
  const select = $("monitor");
  const names = ledger.monitors.map((one) => one.name);
  $("monitor-choice").hidden = !names.length;
  if (select.dataset.names !== names.join("\n")) {
    select.dataset.names = names.join("\n");
    select.replaceChildren(...names.map((name) => element("option", {}, name)));
  }
  return ledger.monitors.find((one) => one.name === select.value) || null;
}

function show_all() {
  if (!last) return;
  const { status, ledger, at } = last;
  const seconds = previous ? (at - previous.at) / 1000 : 0;
  const before = previous ? previous.ledger : null;
  const terms = terms_of(ledger, chosen_monitor(ledger), status);
  show_head(status, ledger);
  show_tiles(status, ledger, before, seconds);
  show_river(ledger, terms);
  show_equations(ledger, chosen_monitor(ledger), terms);
  show_chart();
  show_workers(status);
  show_losses(ledger, before, seconds);
  show_ports(status, ledger);
  show_exporters(ledger);
}

async function look() {
  try {
    const [status, ledger] = await Promise.all([ask("status"), ask("ledger")]);
    previous = last;
    last = { status, ledger, at: Date.now() };
    remember(status);
    document.body.classList.remove("stale");
    silent_since = 0;
    show_all();
    document.body.dataset.shown = String(ledger.received.packets);
  } catch (error) {
    silent_since = silent_since || Date.now();
    document.body.classList.add("stale");
    $("phase").textContent = "no answer";
    $("phase").className = "badge bad";
    $("balance").textContent = "";
    document.title = "weir: no answer";
    notice("weir does not answer since " + new Date(silent_since).toLocaleTimeString() + "; what is below is older. It is asked again every second.", "bad");
  }
}

async function look_at_flows() {
  const sort = $("top-sort").value;
  const monitor = $("monitor").value ? "&monitor=" + encodeURIComponent($("monitor").value) : "";
  const top = (by, most) => ask("top?limit=" + most + "&sort=" + sort + "&by=" + encodeURIComponent(by) + monitor);
  try {
    show_groups($("top"), await top($("top-by").value, kTopLines), sort);
    show_groups($("protocols"), await top("proto", kTopLines), sort);
  } catch (error) {
    // look() says that weir does not answer
  }
}

// Runs `work` again and again, `every_ms` after its last end; at once where wake() is called.
function repeat(work, every_ms) {
  let timer = 0;
  let busy = false;
  const wake = async () => {
    clearTimeout(timer);
    if (busy) return;
    busy = true;
    if (!paused && !document.hidden) await work();
    busy = false;
    timer = setTimeout(wake, every_ms);
  };
  wake();
  return wake;
}

function set_theme(choice) {
  const dark = choice === "dark" || (choice === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.toggleAttribute("data-dark", dark);
  document.documentElement.style.colorScheme = dark ? "dark" : "light";
  $("theme").textContent = "Theme: " + choice;
  $("theme").dataset.choice = choice;
}

function stored(value) {
  try {
    if (value) localStorage.setItem("weir-theme", value);
    return localStorage.getItem("weir-theme") || "auto";
  } catch (error) {
    return value || "auto";  // a browser that keeps nothing
  }
}

function next_theme() {
  const order = ["auto", "light", "dark"];
  set_theme(stored(order[(order.indexOf($("theme").dataset.choice) + 1) % order.length]));
}

set_theme(stored());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => set_theme(stored()));
const wake = repeat(look, 1000);
const wake_flows = repeat(look_at_flows, 5000);

function toggle_pause() {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", String(paused));
  $("pause").textContent = paused ? "Go on" : "Pause";
  if (!paused) wake();
}
$("pause").addEventListener("click", toggle_pause);
$("theme").addEventListener("click", next_theme);
$("zeros").addEventListener("click", () => {
  with_zeros = !with_zeros;
  $("zeros").setAttribute("aria-pressed", String(with_zeros));
  show_all();
});
for (const button of document.querySelectorAll("[data-unit]")) {
  button.addEventListener("click", () => {
    unit = button.dataset.unit;
    for (const one of document.querySelectorAll("[data-unit]")) one.setAttribute("aria-pressed", String(one === button));
    show_chart();
  });
}
for (const id of ["top-by", "top-sort", "monitor"]) $(id).addEventListener("change", () => { show_all(); wake_flows(); });
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || /^(SELECT|INPUT)$/.test(event.target.tagName)) return;
  if (event.key === "p") toggle_pause();
  if (event.key === "t") next_theme();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) wake(); });
addEventListener("resize", show_all);
