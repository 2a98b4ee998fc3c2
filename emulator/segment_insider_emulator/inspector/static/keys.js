// Keyboard shortcuts of every page. Arrow keys and Tab work as usual.
import { closeOpenMenu } from "./menus.js";

const HELP = [
  ["j / k", "Next, previous message, also beside the list"],
  ["Enter", "Open the message"],
  ["e", "Show its requests in the list"],
  ["f", "Filter by a value of the row"],
  ["/", "Search"],
  ["p", "Pause or resume"],
  ["Esc", "Close a menu or a message, leave a field, go back to the list"],
  ["?", "This help"],
];

export function keys() {
  const dialog = help();
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const typing = event.target.closest("input, select, textarea");
    if (event.key === "Escape") return escape(typing);
    if (typing || dialog.open) return;
    const act = {
      j: () => step(1),
      k: () => step(-1),
      "/": () => document.querySelector("[data-search]")?.focus(),
      "?": () => dialog.showModal(),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  for (const button of document.querySelectorAll("[data-keys]")) {
    button.addEventListener("click", () => dialog.showModal());
  }
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (button?.name !== "ask") return;
    if (!confirm(button.value)) return event.preventDefault();
    button.name = "confirmed"; // else the server asks, as without this script
    setTimeout(() => (button.name = "ask")); // after the form was sent
  });
}

function escape(typing) {
  if (closeOpenMenu()) return;
  if (typing) return typing.blur();
  if (document.querySelector("dialog[open]")) return; // the browser closes it
  document.querySelector("[data-back]")?.click();
}

/** Move between [data-step] elements: links of a list, or the links of one message to its neighbours in it. */
function step(by) {
  const direct = document.querySelector(by > 0 ? "[data-next]" : "[data-previous]");
  if (direct) return direct.click();
  const steps = [...document.querySelectorAll("[data-step]")];
  const current = document.activeElement.closest("tr") ?? document.querySelector("tr[aria-current]");
  const at = steps.findIndex((link) => link.closest("tr") === current);
  const next = steps[Math.min(Math.max(at + by, 0), steps.length - 1)];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
  next?.dispatchEvent(new Event("step", { bubbles: true }));
}

function help() {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", "Keyboard");
  const list = document.createElement("dl");
  list.className = "facts";
  for (const [key, what] of HELP) {
    const name = document.createElement("dt");
    const kbd = document.createElement("kbd");
    kbd.textContent = key;
    name.append(kbd);
    const text = document.createElement("dd");
    text.textContent = what;
    list.append(name, text);
  }
  const close = document.createElement("button");
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  dialog.append(list, close);
  document.body.append(dialog);
  return dialog;
}
