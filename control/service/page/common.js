// What all parts of the page use: elements, numbers as text. Texts of the network reach the page as text nodes only.
const $ = (id) => document.getElementById(id);

// element("td.num", {title: "x"}, child, ...): children are elements or texts.
function element(what, attributes, ...children) {
  const [tag, ...classes] = what.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function drawn(tag, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// Replaces what is in `place`, unless that would change nothing: a selection and the focus stay.
function show(place, ...children) {
  const fresh = element("div", {}, ...children);
  if (place.innerHTML === fresh.innerHTML) return;
  const scrolled = place.scrollLeft;
  place.replaceChildren(...fresh.childNodes);
  place.scrollLeft = scrolled;
}

const exact = new Intl.NumberFormat("en");
const whole = (value) => exact.format(value);

// 1234567 is "1.23 M". Three digits count.
function short(value) {
  for (const [size, unit] of [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(value) >= size * 0.9995) return Number(value / size).toPrecision(3) + " " + unit;
  }
  return Number.isInteger(value) ? String(value) : value.toPrecision(3);
}

// A unit after short(): "1.23 Mbit/s", "12 bit/s".
function measured(value, unit) {
  const text = short(value);
  return /[kMGTP]$/.test(text) ? text + unit : text + " " + unit;
}

function percent(part, all) {
  if (!all || !part) return "0 %";
  const share = (100 * part) / all;
  if (share < 0.01) return "< 0.01 %";
  if (share > 99.99 && share < 100) return "> 99.99 %";
  return (share >= 99.5 && share < 100 ? share.toFixed(2) : share.toPrecision(3)) + " %";
}

function duration(seconds) {
  const s = Math.floor(seconds);
  if (s < 60) return s + " s";
  if (s < 3600) return Math.floor(s / 60) + " min " + (s % 60) + " s";
  if (s < 86400) return Math.floor(s / 3600) + " h " + Math.floor((s % 3600) / 60) + " min";
  return Math.floor(s / 86400) + " d " + Math.floor((s % 86400) / 3600) + " h";
}

function milliseconds(ms) {
  return ms < 1000 ? ms + " ms" : (ms / 1000).toPrecision(3) + " s";
}

// An exact figure that scripts and tests find by its name in the ledger.
function figure(what, name, value) {
  return element(what, { "data-figure": name, "data-value": String(value) }, whole(value));
}

function meter(share, lost) {
  const filled = element(lost ? "i.lost" : "i");
  filled.style.width = Math.max(0, Math.min(100, 100 * share)).toFixed(1) + "%";
  return element("span.meter", { "aria-hidden": "true" }, filled);
}

function bar(share, lost) {
  const made = meter(share, lost);
  made.className = "bar";
  return made;
}

function badge(text, kind) {
  return element("span.badge" + (kind ? "." + kind : ""), {}, text);
}

const sum = (values) => values.reduce((a, b) => a + b, 0);
