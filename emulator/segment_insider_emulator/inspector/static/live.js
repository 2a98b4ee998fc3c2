// The table of messages: new rows on top as they come, and those that may still change.
import { onNews } from "./news.js";
import { fetchPart, refresh, spaced } from "./refresh.js";
import { say } from "./say.js";

const MOST = 500; // rows on the page: older ones go, and are under "Older"
const AT_ONCE = 100; // rows of one answer

const list = document.getElementById("list");
const totals = document.getElementById("totals");
const pill = document.getElementById("pill");
const pause = document.getElementById("pause");
const form = document.getElementById("filters");

let held = []; // rows that came and are not shown yet, newest first
let gap = false; // whether more came than one answer holds
let paused = false;

const rows = () => document.getElementById("rows");
const numbers = (selector) => [...list.querySelectorAll(selector)].map((row) => row.dataset.id);

function newest() {
  const ids = [...held.map((row) => row.dataset.id), ...numbers("tr[data-id]")];
  return Math.max(0, ...ids.map(Number));
}

async function update() {
  // Without rows there is nothing to add to: the whole list says what to do, or that none passes.
  if (!rows()) return refresh(list);
  const query = new URLSearchParams([
    ["after", newest()],
    ...numbers("tr[data-unsettled]").map((id) => ["watch", id]),
  ]);
  const html = await fetchPart("rows", query);
  if (html) take(html);
}

function take(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const came = [];
  for (const row of template.content.querySelectorAll("tr[data-id]")) {
    const shown = document.getElementById(row.id);
    if (shown) replace(shown, row);
    else came.push(row);
  }
  gap ||= came.some((row) => row.dataset.gap !== undefined);
  held = [...came, ...held].slice(0, MOST);
  if (paused || scrollY > 120 || rows().dataset.live === "no") count();
  else show();
}

function replace(shown, row) {
  if (shown.contains(document.activeElement)) return; // not under somebody's fingers
  const open = shown.nextElementSibling?.classList.contains("requests");
  shown.replaceWith(row);
  if (open) row.querySelector("[data-open]").setAttribute("aria-expanded", "true");
}

function show() {
  if (gap || rows().dataset.live === "no") return location.assign(newestAddress());
  for (const row of held) row.classList.add("new");
  rows().prepend(...held);
  held = [];
  pill.hidden = true;
  for (const row of [...rows().children].slice(MOST)) row.remove();
}

function count() {
  pill.hidden = held.length === 0;
  pill.textContent = `${held.length}${gap || held.length >= AT_ONCE ? "+" : ""} new`;
}

function newestAddress() {
  const address = new URL(location.href);
  address.searchParams.delete("before");
  return address;
}

function setPaused(value) {
  paused = value;
  pause.setAttribute("aria-pressed", String(paused));
  say(paused ? "Paused: new messages are counted" : "Live");
  if (!paused && rows()) show();
}

async function open(button) {
  const row = button.closest("tr");
  const expanded = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!expanded));
  if (expanded) return row.nextElementSibling?.remove();
  const answer = await fetch(button.dataset.open);
  if (!answer.ok) return say("The requests cannot be had now");
  const line = document.createElement("tr");
  line.className = "requests";
  const cell = line.insertCell();
  cell.colSpan = row.cells.length;
  cell.innerHTML = await answer.text();
  row.after(line);
}

// Filters: the address follows the form, and the parts follow the address.
const filtered = spaced(async () => {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  const address = new URL(location.href);
  address.search = query;
  if (address.href === location.href) return;
  history.replaceState(null, "", address);
  held = [];
  gap = false;
  pill.hidden = true;
  await Promise.all([refresh(list), refresh(totals)]);
}, 150);

form.addEventListener("input", (event) => {
  if (event.target.closest(".drawer")) return; // half a path is none: these wait for Apply
  for (const hidden of form.querySelectorAll(`input[type=hidden][name="${event.target.name}"]`)) {
    hidden.remove(); // several verdicts give way to the one that was chosen
  }
  filtered();
});

pill.addEventListener("click", () => {
  scrollTo({ top: 0 });
  show();
});
addEventListener("scroll", () => {
  if (held.length && scrollY <= 120 && !paused && rows()?.dataset.live === "yes") show();
});
pause.addEventListener("click", () => setPaused(!paused));
list.addEventListener("click", (event) => {
  const button = event.target.closest("[data-open]");
  if (button) open(button);
});
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, select, textarea, dialog") || event.ctrlKey || event.metaKey) return;
  if (event.key === "p") setPaused(!paused);
  if (event.key === "e") document.activeElement.closest("tr")?.querySelector("[data-open]")?.click();
});

onNews(spaced(update, 0));
onNews(spaced(() => refresh(totals)));
