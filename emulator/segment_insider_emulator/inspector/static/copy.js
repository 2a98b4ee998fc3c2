// <button data-copy="ID"> copies the text of the element ID.
import { showToast } from "./toast.js";

export function copying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    await copy(source.value ?? source.textContent);
    showToast("Copied");
  });
}

async function copy(text) {
  // The clipboard API exists only on https and localhost.
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = Object.assign(document.createElement("textarea"), { value: text });
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
