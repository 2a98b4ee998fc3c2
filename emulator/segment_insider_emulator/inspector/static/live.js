// The table of messages: add new rows on top, and update rows that may still change.
import { onChange } from "./changes.js";
import { columns } from "./columns.js";
import { onReconnect } from "./connection.js";
import { followFilters } from "./filters.js";
import { completeQuery } from "./query_line.js";
import { keepPlace, listSearch } from "./list_place.js";
import { refreshMessage, sideBySide } from "./pane.js";
import { selectRows } from "./selection.js";
import { fetchHtml, fetchPart, load, refresh, spaced } from "./refresh.js";
import { showToast } from "./toast.js";

const MOST = 500; // rows on the page; older ones are on the next page
const AT_ONCE = 100; // rows of one response
const SPACING = 300; // milliseconds between two updates of the table
const TOP = 120; // pixels; below, the page counts as scrolled
const SAME_MOMENT = 60_000; // milliseconds in which messages can overtake each other on arrival

const list = document.getElementById("list");
const totals = document.getElementById("totals");
const pill = document.getElementById("pill");
const pause = document.getElementById("pause");
const form = document.getElementById("filters");

let pending = []; // new rows that are not shown yet, newest first
let gap = false; // whether there were more new rows than one response has
let paused = false;

const isBusy = (part) => part.getAttribute("aria-busy") === "true";
const rows = () => document.getElementById("rows");
const messages = () => [...list.querySelectorAll("tr[data-id]")];
const numbers = (selector) => [...list.querySelectorAll(selector)].map((row) => row.dataset.id);

function newest() {
  const ids = [...pending.map((row) => row.dataset.id), ...numbers("tr[data-id]")];
  return Math.max(0, ...ids.map(Number));
}

async function update() {
  if (isBusy(list)) return; // what is being loaded is newer than this would be
  // Without rows the whole list is refreshed: it shows what to do, or that no message matches.
  if (!rows()) return refresh(list);
  const query = new URLSearchParams([
    ["after", newest()],
    ...numbers("tr[data-unsettled]").map((id) => ["watch", id]),
  ]);
  const asked = listSearch();
  const html = await fetchPart("rows", query);
  if (html && asked === listSearch() && rows()) addRows(html);
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
  const skipped = added.some((row) => row.dataset.gap !== undefined);
  gap ||= skipped;
  pending = skipped ? added : [...added, ...pending].slice(0, MOST);
  if (paused || scrollY > TOP || rows().dataset.live === "no" || mustWait()) count();
  else show();
}

/** Whether showing the pending rows would take away rows that a person has open or focused. */
function mustWait() {
  const reading = rows().contains(document.activeElement) || list.querySelector("tr.requests");
  return reading && isTooMuch();
}

const isTooMuch = () => gap || messages().length + pending.length > MOST;

function replace(shown, row) {
  if (shown.contains(document.activeElement)) return; // do not replace a row that has the focus
  const open = shown.nextElementSibling?.classList.contains("requests");
  shown.replaceWith(row);
  if (open) row.querySelector("[data-open]").setAttribute("aria-expanded", "true");
}

function show() {
  if (rows().dataset.live === "no") return location.assign(newestAddress());
  if (gap) rows().replaceChildren(...pending);
  else for (const row of pending.toReversed()) insert(row);
  const cut = messages().length > MOST ? messages().slice(AT_ONCE) : [];
  for (const row of cut) {
    closeRequests(row);
    row.remove();
  }
  if (gap || cut.length) leadOn();
  forgetPending();
}

/** Have the pager lead on from the last row that is shown. */
function leadOn() {
  const link = document.createElement("a");
  const address = new URLSearchParams(listSearch());
  address.set("before", Math.min(...numbers("tr[data-id]")));
  Object.assign(link, { className: "button", rel: "next", textContent: "Older", href: `?${address}` });
  list.querySelector(".pager").replaceChildren(link);
}

/** Insert a row on top, below those that were received later but stored before it. */
function insert(row) {
  const time = received(row);
  const later = messages().findIndex((other) => {
    const ahead = received(other) - time;
    return ahead <= 0 || ahead > SAME_MOMENT;
  });
  const before = messages()[later];
  row.classList.add("new");
  if (before) before.before(row);
  else rows().append(row);
}

const received = (row) => Date.parse(row.querySelector("time").dateTime);

function closeRequests(row) {
  const line = row.nextElementSibling;
  if (line?.classList.contains("requests")) line.remove();
}

function reopen(row, line) {
  row?.after(line);
  row?.querySelector("[data-open]").setAttribute("aria-expanded", "true");
}

function forgetPending() {
  pending = [];
  gap = false;
  pill.hidden = true;
}

function count() {
  pill.hidden = pending.length === 0;
  pill.textContent = `${pending.length}${gap || pending.length >= AT_ONCE ? "+" : ""} new`;
}

function newestAddress() {
  const address = new URL(location.href);
  for (const name of ["before", "sorted", "last"]) address.searchParams.delete(name);
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
  if (expanded) {
    button.setAttribute("aria-expanded", "false");
    return row.nextElementSibling?.remove();
  }
  const html = await fetchHtml(button.dataset.open);
  if (html === undefined) return showToast("The requests could not be loaded");
  const line = document.createElement("tr");
  line.className = "requests";
  const cell = line.insertCell();
  cell.colSpan = row.cells.length;
  cell.innerHTML = html;
  reopen(row, line);
}

/** Load everything that depends on the filters. */
function loadAll() {
  forgetPending();
  return Promise.all([load(list), load(totals)]);
}

columns(list);
sideBySide();
keepPlace(list);
selectRows(list, document.getElementById("selection"));
followFilters(form, loadAll);
completeQuery(
  form.elements.query,
  document.getElementById("completions"),
  [...document.getElementById("suggestions").children].map((option) => option.value),
);
onReconnect(() => {
  if (!rows()) loadAll(); // what could not be loaded before
});

pill.addEventListener("click", () => {
  scrollTo({ top: 0 });
  show();
});
addEventListener("scroll", () => {
  if (pending.length && scrollY <= TOP && !paused && rows()?.dataset.live === "yes") show();
});
pause.addEventListener("click", () => setPaused(!paused));
list.addEventListener("click", (event) => {
  const button = event.target.closest("[data-open]");
  if (button) open(button);
  if (event.target.closest("[data-load]")) loadAll();
  // While other filters load, an old row still has the address of the old ones.
  const link = event.target.closest("[data-step], .unread");
  if (link) link.search = listSearch();
});
document.addEventListener("keydown", (event) => {
  const bar = event.target.closest(".histogram a");
  if (bar && /^Arrow(Left|Right)$/.test(event.key)) {
    const next = event.key === "ArrowLeft" ? bar.previousElementSibling : bar.nextElementSibling;
    if (!next) return;
    bar.tabIndex = -1;
    next.tabIndex = 0;
    return next.focus();
  }
  if (event.target.closest("input, select, textarea, dialog") || event.ctrlKey || event.metaKey) return;
  if (event.key === "p") setPaused(!paused);
  if (event.key === "e") document.activeElement.closest("tr")?.querySelector("[data-open]")?.click();
});

const updateTable = spaced(update, SPACING);
const updateTotals = spaced(() => isBusy(totals) || refresh(totals));
const updateMessage = spaced(refreshMessage);
onChange(() => {
  updateTable();
  updateTotals();
  updateMessage();
});
