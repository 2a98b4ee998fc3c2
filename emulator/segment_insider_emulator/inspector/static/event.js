// Highlight the mapping field and the event properties of a value under the pointer,
// or the values that come from a property.
// The message may be shown beside the list, and replaced by another: look the elements up each time.
const find = (selector) => document.querySelectorAll(`#lanes ${selector}`);
const findOrigin = () => document.getElementById("origin");

const reads = (button) => JSON.parse(button.dataset.reads);

function light(button) {
  const index = button.closest("[data-subscription]").dataset.subscription;
  const fields = find(`.subscription[data-subscription="${index}"] [data-field]`);
  for (const row of fields) if (row.dataset.field === button.dataset.field) lit(row);
  const paths = new Set(reads(button));
  for (const value of find(":is(#sent, #segment) [data-path]")) {
    if (paths.has(value.dataset.path)) lit(value);
  }
  lit(button);
  const origin = findOrigin();
  origin.textContent = button.dataset.hint || "no origin";
  origin.hidden = false;
}

function lightResults(value) {
  const path = value.dataset.path;
  for (const button of find("button[data-reads]")) {
    if (reads(button).includes(path)) lit(button);
  }
}

const lit = (element) => element.classList.add("lit");

function clear() {
  for (const element of find(".lit")) element.classList.remove("lit");
  const origin = findOrigin();
  if (origin) origin.hidden = true;
}

function point(event) {
  clear();
  if (!event.target.closest("#lanes")) return;
  const button = event.target.closest("button[data-reads]");
  if (button) return light(button);
  const value = event.target.closest("#sent [data-path], #segment [data-path]");
  if (value) lightResults(value);
}

for (const kind of ["mouseover", "focusin"]) document.addEventListener(kind, point);
for (const kind of ["mouseleave", "focusout"]) document.addEventListener(kind, clear);
