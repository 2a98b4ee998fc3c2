// Pointing at a value of an upsert lights up the mapping's field and the event's properties that it
// came from; pointing at a property lights up what was made of it.
const road = document.getElementById("road");
const origin = document.getElementById("origin");

const reads = (button) => JSON.parse(button.dataset.reads);

function light(button) {
  const index = button.closest("[data-subscription]").dataset.subscription;
  const fields = road.querySelectorAll(`.subscription[data-subscription="${index}"] [data-field]`);
  for (const row of fields) if (row.dataset.field === button.dataset.field) lit(row);
  const paths = new Set(reads(button));
  for (const value of road.querySelectorAll("#sent [data-path], #segment [data-path]")) {
    if (paths.has(value.dataset.path)) lit(value);
  }
  lit(button);
  origin.textContent = button.dataset.hint || "nobody made this value";
  origin.hidden = false;
}

function lightMade(value) {
  const path = value.dataset.path;
  for (const button of road.querySelectorAll("button[data-reads]")) {
    if (reads(button).includes(path)) lit(button);
  }
}

const lit = (element) => element.classList.add("lit");

function clear() {
  for (const each of road.querySelectorAll(".lit")) each.classList.remove("lit");
  origin.hidden = true;
}

function point(event) {
  clear();
  const button = event.target.closest("button[data-reads]");
  if (button) return light(button);
  const value = event.target.closest("#sent [data-path], #segment [data-path]");
  if (value) lightMade(value);
}

for (const kind of ["mouseover", "focusin"]) road.addEventListener(kind, point);
for (const kind of ["mouseleave", "focusout"]) road.addEventListener(kind, clear);
