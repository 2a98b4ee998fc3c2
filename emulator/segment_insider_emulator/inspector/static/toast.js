// Show one short line, also to screen readers, for a few seconds.
let timer;

export function showToast(text) {
  const box = document.getElementById("toast");
  box.textContent = text;
  box.classList.add("shown");
  clearTimeout(timer);
  timer = setTimeout(() => box.classList.remove("shown"), 2500);
}
