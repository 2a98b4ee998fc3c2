// Click a value of a message to filter by it, exclude it, or show it as a column.
//   <… data-query="properties.price">8.5</…>       a JSON value and its path in the query language
//   <… data-filter="user" data-value="ada">…</…>    a field of the query language
//   <… data-copyable>"Ada"</…>                      a JSON value that no query names: it is copied
// Without script, what is a link still filters. In trees, arrow keys move between the values.
import { MAX_COLUMNS, rememberColumns } from "./columns.js";
import { copy } from "./copy.js";
import { showToast } from "./toast.js";

const VALUES = "[data-query], [data-filter], [data-copyable]";
const GROUPS = ".tree, .facts, .timeline"; // Tab leads to the first value, arrow keys to the others
const PARTS = "#pane-content, [data-part=moment]"; // are replaced
const MAX_LENGTH = 300; // characters of a value that a query compares
const PLAIN = /^[^\s()"=!<>~:][^\s()"]*$/;

let menu;
let opener; // what has the focus again when the menu closes

export function valueMenus() {
  document.addEventListener("click", (event) => {
    if (menu?.contains(event.target)) return;
    close();
    const value = event.target.closest(VALUES);
    if (!value || event.ctrlKey || event.metaKey || event.shiftKey || !getSelection().isCollapsed) return;
    event.preventDefault();
    open(value, [value]);
  });
  document.addEventListener("keydown", (event) => {
    const value = event.target.closest?.(VALUES);
    if (value && isTreeValue(value) && /^Arrow(Up|Down)$/.test(event.key)) return moveInTree(event, value);
    if (value && event.target === value && value.role === "button" && /^(Enter| )$/.test(event.key)) {
      event.preventDefault();
      return open(value, [value]);
    }
    if (event.key !== "f" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea, dialog")) return;
    const row = event.target.closest("tr[data-id]") ?? document.querySelector("tr[aria-current]");
    if (!row) return;
    event.preventDefault();
    open(row.querySelector("[data-step]"), [...row.querySelectorAll(VALUES)]);
  });
  addEventListener("scroll", () => menu && (opener.isConnected ? position() : close()), { passive: true, capture: true });
  makeReachable(document);
  for (const part of document.querySelectorAll(PARTS)) {
    new MutationObserver(() => makeReachable(part)).observe(part, { childList: true });
  }
}

/** Make the values of each group reachable by keyboard. */
function makeReachable(root) {
  for (const value of root.querySelectorAll(":is(span, code):is([data-query], [data-copyable]), .event-head [data-filter]")) {
    if (value.closest("tr[data-id]")) continue; // a row of the list has one menu, by `f`
    value.role = "button";
    value.ariaHasPopup = "menu";
    const group = value.closest(GROUPS);
    value.tabIndex = group && group.querySelector(VALUES) !== value ? -1 : 0;
  }
}

const isTreeValue = (value) => value.closest(GROUPS) !== null && !value.matches("[data-filter]");

function moveInTree(event, value) {
  const values = [...value.closest(GROUPS).querySelectorAll(VALUES)].filter((each) => each.checkVisibility());
  const next = values[values.indexOf(value) + (event.key === "ArrowDown" ? 1 : -1)];
  event.preventDefault();
  next?.focus();
}

function open(place, values) {
  close();
  opener = place;
  menu = document.createElement("div");
  menu.className = "value-menu";
  menu.role = "menu";
  menu.ariaLabel = "Use this value";
  menu.append(...values.flatMap((value) => items(value, values.length > 1)));
  document.body.append(menu);
  menu.addEventListener("keydown", onKey);
  menu.addEventListener("click", onClick);
  menu.addEventListener("focusout", (event) => event.relatedTarget && !menu?.contains(event.relatedTarget) && close());
  position();
  menu.querySelector("[role=menuitem]")?.focus({ preventScroll: true });
}

function position() {
  const { left, top, bottom } = opener.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = bottom + 2 + height <= innerHeight;
  menu.style.left = `${Math.max(4, Math.min(left, innerWidth - width - 4))}px`;
  menu.style.top = `${Math.max(4, below ? bottom + 2 : top - height - 2)}px`;
}

function close() {
  const closing = menu;
  menu = undefined; // first: removing it moves the focus
  closing?.remove();
}

function closeAndReturn() {
  close();
  opener?.focus?.({ preventScroll: true });
}

function onKey(event) {
  const all = [...menu.querySelectorAll("[role=menuitem]")];
  const at = all.indexOf(document.activeElement);
  const act = {
    ArrowDown: () => all[(at + 1) % all.length].focus(),
    ArrowUp: () => all[(at - 1 + all.length) % all.length].focus(),
    Home: () => all[0].focus(),
    End: () => all.at(-1).focus(),
    Escape: closeAndReturn,
    Tab: closeAndReturn,
    " ": () => document.activeElement.click(),
  }[event.key];
  event.stopPropagation(); // Esc closes the menu, not the message
  if (!act) return;
  event.preventDefault();
  act();
}

/** In the list, the query line follows at once; other items are links. */
function onClick(event) {
  if (event.target.closest("button")) return closeAndReturn();
  const item = event.target.closest("a");
  if (!item || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const line = document.querySelector("#filters [name=query]");
  if (item.dataset.columns !== undefined) rememberColumns(JSON.parse(item.dataset.columns));
  else if (line) {
    event.preventDefault();
    line.value = new URL(item.href).searchParams.get("query");
    line.dispatchEvent(new Event("input", { bubbles: true }));
    line.dispatchEvent(new Event("blur")); // no suggestions for what is complete
    closeAndReturn();
  }
}

/** The items of one value; several values are named. */
function items(value, isNamed) {
  const { query: path, filter: field, secret } = value.dataset;
  const found = field ? { text: formatText(value.dataset.value) } : parse(value, secret);
  const list = [];
  if (found.text !== undefined) {
    const is = field ? `${field}:${found.text}` : `${path} = ${found.text}`;
    const isNot = `${path ?? field} != ${found.text}`;
    list.push(item("Filter by", is, filterAddress(is)), item("Exclude", isNot, filterAddress(isNot)));
  } else if (path) {
    list.push(item("Filter by", `has:${path}`, filterAddress(`has:${path}`)));
  }
  if (path && !isNamed) list.push(columnItem(path));
  if (!isNamed) list.push(copyItem(value));
  return list;
}

function copyItem(value) {
  const button = document.createElement("button");
  button.type = "button";
  button.role = "menuitem";
  button.tabIndex = -1;
  button.textContent = "Copy the value";
  button.addEventListener("click", async () => {
    await copy(readText(value));
    showToast("Copied");
  });
  return button;
}

/** The whole value: a text without quotes, anything else as JSON. */
function readText(value) {
  if (value.dataset.filter) return value.dataset.value;
  const rest = value.nextElementSibling;
  const folded = rest?.matches("details.rest") ? rest.lastElementChild.textContent : "";
  const json = value.dataset.json ?? value.textContent + folded;
  try {
    const found = JSON.parse(json);
    return typeof found === "string" ? found : json;
  } catch {
    return json; // shortened
  }
}

/** The value as a query writes it; undefined if it is too long, not a scalar, or redacted. */
function parse(value, secret) {
  if (secret !== undefined) return {};
  const isWhole = value.dataset.json !== undefined || !value.nextElementSibling?.matches("details.rest");
  try {
    const json = JSON.parse(value.dataset.json ?? value.textContent);
    if (!isWhole || (typeof json === "object" && json !== null)) return {};
    if (typeof json !== "string") return { text: String(value.dataset.json ?? value.textContent).trim() };
    return { text: json.length > MAX_LENGTH || /[\0-\x1f]/.test(json) ? undefined : quote(json) };
  } catch {
    return {}; // shortened
  }
}

const quote = (text) => `"${text.replace(/[\\"]/g, "\\$&")}"`;
function formatText(text) {
  if (text.length > MAX_LENGTH || /[\0-\x1f]/.test(text)) return undefined;
  return PLAIN.test(text) ? text : quote(text);
}

/** The address of the list with its current query, columns and order. */
function listAddress() {
  const address = new URL(document.querySelector(".brand").href);
  const isOfList = document.querySelector("#filters, .event-head");
  const current = new URLSearchParams(isOfList ? location.search : "");
  for (const name of ["query", "column", "sort", "message"]) {
    for (const each of current.getAll(name)) address.searchParams.append(name, each);
  }
  return address;
}

function filterAddress(condition) {
  const address = listAddress();
  const query = (document.querySelector("#filters [name=query]")?.value ?? address.searchParams.get("query") ?? "").trim();
  const hasOr = /(^|[\s)])or(?=[\s(])/i.test(query.replace(/"(?:[^"\\]|\\.)*"/g, ""));
  const joined = query.includes(condition) ? query : `${hasOr ? `(${query})` : query} ${condition}`.trim();
  address.searchParams.set("query", joined);
  return address;
}

function columnItem(path) {
  const address = listAddress();
  const columns = address.searchParams.getAll("column");
  const isShown = columns.includes(path);
  const changed = isShown ? columns.filter((each) => each !== path) : [...columns, path];
  if (changed.length > MAX_COLUMNS) {
    const full = document.createElement("p");
    full.className = "muted";
    full.textContent = `There are ${MAX_COLUMNS} columns already. Remove one first.`;
    return full;
  }
  address.searchParams.delete("column");
  for (const each of changed) address.searchParams.append("column", each);
  const link = item(isShown ? "Remove the column" : "Show as column", path, address);
  link.dataset.columns = JSON.stringify(changed);
  return link;
}

function item(verb, text, address) {
  const link = document.createElement("a");
  link.role = "menuitem";
  link.href = address;
  link.tabIndex = -1;
  const code = document.createElement("code");
  code.textContent = text;
  link.append(`${verb} `, code);
  return link;
}
