// List and message side by side: on a wide page, a row opens beside the list instead of over it.
// The address names the list and the message; without script, and on phones, a row is a link.
import { listSearch } from "./list_place.js";
import { fetchHtml, swap } from "./refresh.js";

const WIDE = matchMedia("(min-width: 1001px)"); // live.css has the same
const SECTIONS = ".findings, #sent, #segment, #subscriptions, #requests, #profile";

const list = document.getElementById("list");
const pane = document.getElementById("pane");
const content = document.getElementById("pane-content");
const whole = document.getElementById("pane-whole");
const title = document.title;

let loading; // controller of the message on the way
let shownId; // of the message in the pane

const openId = () => new URLSearchParams(location.search).get("message");
const rowOf = (id) => document.getElementById(`m${id}`);

export function sideBySide() {
  list.addEventListener("click", (event) => {
    const link = event.target.closest("[data-step], .unread");
    if (!link || !WIDE.matches || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    openRow(link).then(() => event.detail === 0 && pane.focus()); // opened by Enter: read on there
  });
  list.addEventListener("step", (event) => openId() && openRow(event.target));
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: "j", ArrowUp: "k" }[event.key];
    if (!step || !openId() || event.target.closest("input, select, textarea, pre")) return;
    event.preventDefault();
    event.target.dispatchEvent(new KeyboardEvent("keydown", { key: step, bubbles: true }));
  });
  pane.addEventListener("click", (event) => {
    if (event.target.closest("[data-load]")) show(openId());
    const anchor = event.target.closest('a[href^="#"]');
    if (!anchor) return;
    event.preventDefault(); // the address stays the one of the message
    pane.querySelector(anchor.getAttribute("href"))?.scrollIntoView();
  });
  document.getElementById("pane-close").addEventListener("click", close);
  addEventListener("popstate", followAddress);
  new MutationObserver(markRow).observe(list, { childList: true, subtree: true });
  followAddress();
}

/** Refresh the open message if it still changes, as while it is retried. */
export async function refreshMessage() {
  if (openId() && content.querySelector("[data-refresh]")) await show(openId());
}

/** Open the message of a link in the list; the first one is a step of the browser's history. */
function openRow(link) {
  const id = link.closest("tr").dataset.id;
  const address = new URL(location.href);
  address.searchParams.set("message", id);
  if (openId()) history.replaceState(history.state, "", address);
  else history.pushState({ opened: true }, "", address);
  return show(id, link.hash);
}

function close() {
  const id = openId();
  if (!id) return;
  if (history.state?.opened) history.back();
  else {
    history.replaceState(null, "", location.pathname + listSearch());
    followAddress();
  }
  rowOf(id)?.querySelector("[data-step]").focus({ preventScroll: true });
}

function followAddress() {
  const id = openId();
  if (!id) return hide();
  if (!WIDE.matches) return location.replace(messageAddress(id));
  show(id);
}

function hide() {
  loading?.abort();
  document.body.classList.remove("side-by-side");
  pane.hidden = true;
  document.title = title;
  markRow();
}

function messageAddress(id) {
  return pane.dataset.messages.replace(/0$/, encodeURIComponent(id)) + listSearch();
}

async function show(id, hash = "") {
  loading?.abort();
  const { signal } = (loading = new AbortController());
  document.body.classList.add("side-by-side");
  pane.hidden = false;
  whole.href = messageAddress(id);
  if (id !== shownId) pane.setAttribute("aria-busy", "true");
  markRow();
  const html = await fetchHtml(messageAddress(id), signal);
  if (signal.aborted) return;
  pane.removeAttribute("aria-busy");
  if (html === undefined) return fail();
  shownId = id;
  const restore = keepSection();
  const page = new DOMParser().parseFromString(html, "text/html");
  page.querySelector(".event-head > nav")?.remove(); // the list leads to the others
  swap(content, page.querySelector("main").innerHTML);
  document.title = page.title;
  restore();
  if (hash) pane.querySelector(hash)?.scrollIntoView();
}

function fail() {
  shownId = undefined;
  content.replaceChildren(document.getElementById("message-failed").content.cloneNode(true));
  content.lastHtml = undefined;
}

/** Note which section is at the top; the function that is returned scrolls there again. */
function keepSection() {
  const top = pane.getBoundingClientRect().top;
  const offset = (section) => section.getBoundingClientRect().top - top;
  const passed = [...pane.querySelectorAll(SECTIONS)].filter((section) => offset(section) <= 60);
  const section = passed.at(-1);
  const name = section && (section.id ? `#${section.id}` : ".findings");
  const before = section && offset(section);
  return () => {
    const again = name && pane.querySelector(name);
    if (again && pane.scrollTop) pane.scrollTop += offset(again) - before;
  };
}

function markRow() {
  const id = openId();
  for (const row of list.querySelectorAll("tr[data-id]")) {
    if (row.dataset.id === id) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}
