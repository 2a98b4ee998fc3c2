// Rows whose mappings the emulator had no time to check are checked afterwards, some at a time.
import { fetchPart } from "./refresh.js";

const AT_ONCE = 20;
const AFTER_ALL = "9007199254740991"; // no id is higher: only the watched rows are returned

const list = document.getElementById("list");
const findUnchecked = () => [...list.querySelectorAll("tr[data-unchecked]")];
let busy = false;

async function checkAll() {
  if (busy) return;
  busy = true;
  for (let rows = findUnchecked(); rows.length; rows = findUnchecked()) {
    for (const row of rows) showProgress(row);
    if (!(await checkSome(rows.slice(0, AT_ONCE)))) break; // the next change tries again
  }
  busy = false;
}

function showProgress(row) {
  const note = row.querySelector(".unread");
  if (!note || note.title === "") return;
  note.textContent = "still checking…";
  note.title = "";
}

/** Check *rows* and return whether any was: a row may be deleted, or the emulator not answer. */
async function checkSome(rows) {
  const more = new URLSearchParams({ after: AFTER_ALL });
  for (const row of rows) more.append("watch", row.dataset.id);
  const html = await fetchPart("rows", more);
  const answer = document.createElement("template");
  answer.innerHTML = `<table><tbody>${html ?? ""}</tbody></table>`;
  return rows.filter((row) => fill(row, answer.content.getElementById(row.id))).length > 0;
}

function fill(row, checked) {
  if (!checked || "unchecked" in checked.dataset) return false;
  delete row.dataset.unchecked;
  row.querySelector(".outcome").replaceWith(checked.querySelector(".outcome"));
  return true;
}

new MutationObserver(checkAll).observe(list, { childList: true, subtree: true });
checkAll();
