// <div data-part="NAME" data-refresh> is filled with ?part=NAME of this page after each change.
// Elements with an id keep their open, focused and scrolled state.
import { onChange } from "./changes.js";
import { reportAnswer } from "./connection.js";
import { listSearch } from "./list_place.js";

const SPACING = 1000; // milliseconds between two refreshes of a part
const REST = 3; // times as long as a refresh took, so that a slow emulator has time for events
const GATEWAY_ERRORS = [502, 504]; // a proxy answers, the emulator does not

const loads = new WeakMap(); // part -> controller of its current load

export function refreshing() {
  const parts = [...document.querySelectorAll("[data-part][data-refresh]")];
  if (parts.length) onChange(spaced(() => Promise.all(parts.map(refresh))));
}

/** Refresh a part that shows what is still right; on failure it stays. */
export async function refresh(part) {
  const asked = listSearch();
  const html = await fetchPart(part.dataset.part);
  if (html !== undefined && asked === listSearch()) swap(part, html);
}

/** Load a part for a new address: busy until then, and without old content on failure. */
export async function load(part) {
  loads.get(part)?.abort();
  const controller = new AbortController();
  loads.set(part, controller);
  part.setAttribute("aria-busy", "true");
  const asked = listSearch();
  const html = await fetchPart(part.dataset.part, undefined, controller.signal);
  if (controller.signal.aborted || asked !== listSearch()) return; // a newer load shows its own
  part.removeAttribute("aria-busy");
  if (html === undefined) showFailure(part);
  else swap(part, html);
}

function showFailure(part) {
  const notice = document.getElementById(`${part.id}-failed`);
  part.replaceChildren(...(notice ? [notice.content.cloneNode(true)] : []));
  part.lastHtml = undefined;
}

/** Fetch the HTML of a part of this page with *more* parameters; undefined on failure. */
export async function fetchPart(name, more = new URLSearchParams(), signal = undefined) {
  const address = new URL(location.href);
  address.searchParams.set("part", name);
  for (const [key, value] of more) address.searchParams.append(key, value);
  return fetchHtml(address, signal);
}

/** Fetch HTML of this emulator, and tell the lamp whether it answered; undefined on failure. */
export async function fetchHtml(address, signal = undefined) {
  try {
    const answer = await fetch(address, { signal });
    const html = await answer.text();
    reportAnswer(!GATEWAY_ERRORS.includes(answer.status));
    // 400 is a page too: it says which filter cannot be meant.
    return answer.ok || answer.status === 400 ? html : undefined;
  } catch {
    if (!signal?.aborted) reportAnswer(false);
    return undefined; // the next change tries again
  }
}

export function swap(part, html) {
  if (part.lastHtml === html) return;
  part.lastHtml = html;
  const open = [...part.querySelectorAll("details[id]")].map((details) => [details.id, details.open]);
  const restore = keepFocus(part);
  part.innerHTML = html;
  for (const [id, was] of open) document.getElementById(id)?.toggleAttribute("open", was);
  restore();
}

/** Note which element of *part* has the focus; the function that is returned gives it back. */
function keepFocus(part) {
  const focused = document.activeElement;
  const anchor = part.contains(focused) ? focused.closest("[id]") : null;
  if (!anchor || !part.contains(anchor)) return () => {};
  const place = [...anchor.querySelectorAll("*")].indexOf(focused);
  return () => {
    const again = document.getElementById(anchor.id);
    (place < 0 ? again : again?.querySelectorAll("*")[place])?.focus({ preventScroll: true });
  };
}

/** Limit *call* to once per *spacing* and one at a time; a call in between runs afterwards. */
export function spaced(call, spacing = SPACING) {
  let busy = false;
  let again = false;
  return async function run() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    again = false;
    const start = performance.now();
    await call();
    setTimeout(() => {
      busy = false;
      if (again) run();
    }, Math.max(spacing, REST * (performance.now() - start)));
  };
}
