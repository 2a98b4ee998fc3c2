// <div data-part="NAME" data-refresh> is filled with ?part=NAME of this page after each change.
// Elements with an id keep their open, focused and scrolled state.
import { onChange } from "./changes.js";

const SPACING = 1000; // milliseconds between two refreshes of a part

export function refreshing() {
  const parts = [...document.querySelectorAll("[data-part][data-refresh]")];
  if (parts.length) onChange(spaced(() => Promise.all(parts.map(refresh))));
}

export async function refresh(part) {
  const html = await fetchPart(part.dataset.part);
  if (html !== undefined) swap(part, html);
}

/** Fetch the HTML of a part of this page with *more* parameters; undefined on failure. */
export async function fetchPart(name, more = new URLSearchParams()) {
  const address = new URL(location.href);
  address.searchParams.set("part", name);
  for (const [key, value] of more) address.searchParams.append(key, value);
  try {
    const answer = await fetch(address);
    return answer.ok ? await answer.text() : undefined;
  } catch {
    return undefined; // the emulator is not reachable; the next change tries again
  }
}

export function swap(part, html) {
  if (part.lastHtml === html) return;
  part.lastHtml = html;
  const open = [...part.querySelectorAll("details[id]")].map((details) => [details.id, details.open]);
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  part.innerHTML = html;
  for (const [id, was] of open) document.getElementById(id)?.toggleAttribute("open", was);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
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
    await call();
    setTimeout(() => {
      busy = false;
      if (again) run();
    }, spacing);
  };
}
