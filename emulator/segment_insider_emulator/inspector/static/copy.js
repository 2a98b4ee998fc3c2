// <button data-copy="ID"> copies the text of the element ID, <button data-copy-from="URL"> a text
// that is made when it is needed.
import { showToast } from "./toast.js";

export function copying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-copy-from]");
    if (!button) return;
    if (button.dataset.copyFrom) return copyFrom(button.dataset.copyFrom);
    const source = document.getElementById(button.dataset.copy);
    await copy(source.value ?? source.textContent);
    showToast("Copied");
  });
}

async function copyFrom(address) {
  try {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(answer.status);
    await copy(await answer.text());
    showToast("Copied");
  } catch {
    showToast("This could not be copied");
  }
}

/** Copy a text to the clipboard. */
export async function copy(text) {
  // The clipboard API exists only on https and localhost.
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = Object.assign(document.createElement("textarea"), { value: text });
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
