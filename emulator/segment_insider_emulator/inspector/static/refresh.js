// <div data-part="NAME" data-refresh> gets the content of this page's ?part=NAME anew whenever
// something was kept. What is open, focused or scrolled in it stays so, where it has an id.
import { onNews } from "./news.js";

const SPACING = 1000; // milliseconds between two refreshes of a part

export function refreshing() {
  const parts = [...document.querySelectorAll("[data-part][data-refresh]")];
  if (parts.length) onNews(spaced(() => Promise.all(parts.map(refresh))));
}

export async function refresh(part) {
  const html = await fetchPart(part.dataset.part);
  if (html !== undefined) swap(part, html);
}

/** The HTML of a part of this page, asked for with *more* parameters; undefined when it cannot be
 * had now. */
export async function fetchPart(name, more = new URLSearchParams()) {
  const address = new URL(location.href);
  address.searchParams.set("part", name);
  for (const [key, value] of more) address.searchParams.append(key, value);
  try {
    const answer = await fetch(address);
    return answer.ok ? await answer.text() : undefined;
  } catch {
    return undefined; // the emulator is gone; the next news asks again
  }
}

export function swap(part, html) {
  if (part.lastHtml === html) return;
  part.lastHtml = html;
  const open = [...part.querySelectorAll("details[id]")].map((each) => [each.id, each.open]);
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  part.innerHTML = html;
  for (const [id, was] of open) document.getElementById(id)?.toggleAttribute("open", was);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

/** *call*, at most once in SPACING and never twice at a time; what is asked meanwhile follows. */
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
