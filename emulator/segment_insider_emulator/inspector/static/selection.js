// Rows of the list that are selected for a scenario. The form shows how many there are.
// Shift selects all rows in between; rows that leave the table are no longer selected.
export function selectRows(list, form) {
  const button = form.querySelector("button");
  let last;
  const boxes = () => [...list.querySelectorAll('input[name="message"]')];

  function show() {
    const number = boxes().filter((box) => box.checked).length;
    form.hidden = number === 0;
    button.textContent = `Scenario of ${number} ${number === 1 ? "message" : "messages"}`;
  }

  list.addEventListener("click", (event) => {
    if (!event.target.matches('input[name="message"]')) return;
    const all = boxes();
    const [from, to] = [all.indexOf(last), all.indexOf(event.target)].sort((a, b) => a - b);
    if (event.shiftKey && from >= 0) {
      for (const box of all.slice(from, to)) box.checked = event.target.checked;
    }
    last = event.target;
    show();
  });
  form.addEventListener("reset", () => setTimeout(show));
  new MutationObserver(show).observe(list, { childList: true, subtree: true });
  addEventListener("pageshow", show);
  show();
}
