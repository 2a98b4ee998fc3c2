// <button data-copy="ID"> copies the text of the element ID.
import { say } from "./say.js";

export function copying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    await copy(source.value ?? source.textContent);
    say("Copied");
  });
}

async function copy(text) {
  // The clipboard's own interface is there on https and localhost only.
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = Object.assign(document.createElement("textarea"), { value: text });
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
