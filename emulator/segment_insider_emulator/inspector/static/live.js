// The table of messages: add new rows on top, and update rows that may still change.
import { onChange } from "./changes.js";
import { fetchPart, refresh, spaced } from "./refresh.js";
import { showToast } from "./toast.js";

const MOST = 500; // rows on the page; older ones are on the next page
const AT_ONCE = 100; // rows of one response

const list = document.getElementById("list");
const totals = document.getElementById("totals");
const pill = document.getElementById("pill");
const pause = document.getElementById("pause");
const form = document.getElementById("filters");

let pending = []; // new rows that are not shown yet, newest first
let gap = false; // whether there were more new rows than one response has
let paused = false;

const rows = () => document.getElementById("rows");
const numbers = (selector) => [...list.querySelectorAll(selector)].map((row) => row.dataset.id);

function newest() {
  const ids = [...pending.map((row) => row.dataset.id), ...numbers("tr[data-id]")];
  return Math.max(0, ...ids.map(Number));
}

async function update() {
  // Without rows the whole list is refreshed: it shows what to do, or that no message matches.
  if (!rows()) return refresh(list);
  const query = new URLSearchParams([
    ["after", newest()],
    ...numbers("tr[data-unsettled]").map((id) => ["watch", id]),
  ]);
  const html = await fetchPart("rows", query);
  if (html) addRows(html);
}

function addRows(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const added = [];
  for (const row of template.content.querySelectorAll("tr[data-id]")) {
    const shown = document.getElementById(row.id);
    if (shown) replace(shown, row);
    else added.push(row);
  }
  gap ||= added.some((row) => row.dataset.gap !== undefined);
  pending = [...added, ...pending].slice(0, MOST);
  if (paused || scrollY > 120 || rows().dataset.live === "no") count();
  else show();
}

function replace(shown, row) {
  if (shown.contains(document.activeElement)) return; // do not replace a row that has the focus
  const open = shown.nextElementSibling?.classList.contains("requests");
  shown.replaceWith(row);
  if (open) row.querySelector("[data-open]").setAttribute("aria-expanded", "true");
}

function show() {
  if (gap || rows().dataset.live === "no") return location.assign(newestAddress());
  for (const row of pending) row.classList.add("new");
  rows().prepend(...pending);
  pending = [];
  pill.hidden = true;
  for (const row of [...rows().children].slice(MOST)) row.remove();
}

function count() {
  pill.hidden = pending.length === 0;
  pill.textContent = `${pending.length}${gap || pending.length >= AT_ONCE ? "+" : ""} new`;
}

function newestAddress() {
  const address = new URL(location.href);
  address.searchParams.delete("before");
  return address;
}

function setPaused(value) {
  paused = value;
  pause.setAttribute("aria-pressed", String(paused));
  showToast(paused ? "Paused: new messages are only counted" : "Live");
  if (!paused && rows()) show();
}

async function open(button) {
  const row = button.closest("tr");
  const expanded = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!expanded));
  if (expanded) return row.nextElementSibling?.remove();
  const answer = await fetch(button.dataset.open);
  if (!answer.ok) return showToast("The requests could not be loaded");
  const line = document.createElement("tr");
  line.className = "requests";
  const cell = line.insertCell();
  cell.colSpan = row.cells.length;
  cell.innerHTML = await answer.text();
  row.after(line);
}

// Filters: the form updates the URL, then the parts are refreshed.
const filtered = spaced(async () => {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  const address = new URL(location.href);
  address.search = query;
  if (address.href === location.href) return;
  history.replaceState(null, "", address);
  pending = [];
  gap = false;
  pill.hidden = true;
  await Promise.all([refresh(list), refresh(totals)]);
}, 150);

form.addEventListener("input", (event) => {
  if (event.target.closest(".drawer")) return; // incomplete paths are invalid: these fields wait for Apply
  for (const hidden of form.querySelectorAll(`input[type=hidden][name="${event.target.name}"]`)) {
    hidden.remove(); // the chosen verdict replaces several ones
  }
  filtered();
});

pill.addEventListener("click", () => {
  scrollTo({ top: 0 });
  show();
});
addEventListener("scroll", () => {
  if (pending.length && scrollY <= 120 && !paused && rows()?.dataset.live === "yes") show();
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

onChange(spaced(update, 0));
onChange(spaced(() => refresh(totals)));
