// The profile at a moment: the scrubber and the times of the timeline choose it, in place.
// The address names the moment; without script, times are links and the scrubber is a form.
import { load } from "./refresh.js";

const PAUSE = 120; // milliseconds without a move before the profile is loaded

const part = document.getElementById("moment");
const form = document.getElementById("scrubber");
const range = document.getElementById("scrubber-at");
const text = document.getElementById("scrubber-text");

let timer;

const shown = () => part.querySelector("[data-number]")?.dataset;

function describe() {
  text.textContent = `Change ${range.value} of ${range.max}`;
  range.setAttribute("aria-valuetext", text.textContent);
}

/** The address of this profile at a moment: a change, a time, or "" for now. */
function addressAt(at) {
  const address = new URL(location.href);
  for (const name of ["at", "before"]) address.searchParams.delete(name);
  if (at) address.searchParams.set("at", at);
  address.hash = "";
  return address;
}

function scrub() {
  describe();
  clearTimeout(timer);
  timer = setTimeout(() => {
    timer = undefined;
    history.replaceState(history.state, "", addressAt(range.value === range.max ? "" : range.value));
    load(part);
  }, PAUSE);
}

/** Show on the scrubber what the profile shows, unless it is being moved. */
function follow() {
  const data = shown();
  if (!range || timer || !data?.last) return;
  Object.assign(range, { min: data.first, max: data.last });
  range.value = data.number;
  describe();
}

part.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-at]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, "", addressAt(link.dataset.at));
  load(part);
});
range?.addEventListener("input", scrub);
form?.addEventListener("submit", (event) => event.preventDefault());
addEventListener("popstate", () => load(part));
new MutationObserver(follow).observe(part, { childList: true });
follow();
