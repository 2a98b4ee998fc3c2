// The search line completes the word before the caret: fields, known values and captured paths.
const MOST = 8; // suggestions at once
const WORDS = /(?:[^\s()"]|"(?:[^"\\]|\\.)*(?:"|$))+/g; // with texts in quotes

/** Complete what is typed into *input* by *suggestions*, shown in *list*. */
export function completeQuery(input, list, suggestions) {
  let active = -1;

  function show() {
    const typed = wordBeforeCaret(input).toLowerCase();
    const found = suggestions.filter((text) => matches(text, typed)).slice(0, MOST);
    list.replaceChildren(...found.map(option));
    list.hidden = found.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
    mark(-1);
  }

  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    mark(-1);
  }

  function mark(position) {
    const options = [...list.children];
    active = options.length ? (position + options.length + 1) % (options.length + 1) : -1;
    if (active === options.length) active = -1;
    for (const [index, each] of options.entries()) each.setAttribute("aria-selected", String(index === active));
    if (active < 0) input.removeAttribute("aria-activedescendant");
    else input.setAttribute("aria-activedescendant", options[active].id);
  }

  function choose(text) {
    const caret = input.selectionStart;
    const start = caret - wordBeforeCaret(input).length;
    input.setRangeText(text.endsWith(":") ? text : `${text} `, start, caret, "end");
    input.dispatchEvent(new Event("input", { bubbles: true }));
    if (!text.endsWith(":")) close();
  }

  input.addEventListener("input", () => (wordBeforeCaret(input) ? show() : close()));
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" && list.hidden) show();
    else if (list.hidden) return;
    else if (event.key === "ArrowDown") mark(active + 1);
    else if (event.key === "ArrowUp") mark(active < 0 ? list.children.length - 1 : active - 1);
    else if (event.key === "Enter" && active >= 0) choose(list.children[active].textContent);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation(); // Esc leaves the list of suggestions, not the page
  });
  list.addEventListener("mousedown", (event) => {
    event.preventDefault(); // the line keeps the focus
    const chosen = event.target.closest("li");
    if (chosen) choose(chosen.textContent);
  });
}

function wordBeforeCaret(input) {
  const typed = input.value.slice(0, input.selectionStart);
  const word = typed.match(WORDS)?.at(-1) ?? "";
  return typed.endsWith(word) ? word : "";
}

function matches(text, typed) {
  const lower = text.toLowerCase();
  if (lower === typed) return false;
  // event:car finds event:"Cart Viewed", too
  return lower.startsWith(typed) || lower.replace('"', "").startsWith(typed);
}

function option(text, position) {
  const item = document.createElement("li");
  item.id = `completion-${position}`;
  item.role = "option";
  item.textContent = text;
  return item;
}
