// One short line for eyes and screen readers, gone after a while.
let timer;

export function say(text) {
  const box = document.getElementById("said");
  box.textContent = text;
  box.classList.add("shown");
  clearTimeout(timer);
  timer = setTimeout(() => box.classList.remove("shown"), 2500);
}
