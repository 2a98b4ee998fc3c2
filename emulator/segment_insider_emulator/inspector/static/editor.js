// Turns text areas into editors of JSON or, with data-editor="gherkin", of features. Without this script they stay text areas.
import { contextAt, locate } from "./json_places.js";

const { CodeMirror } = window;
const HINT = "Tab indents; Esc, then Tab leaves the editor.";
const JSON_OPTIONS = {
  mode: { name: "javascript", json: true },
  lineWrapping: true,
  matchBrackets: true,
  autoCloseBrackets: true,
  gutters: ["CodeMirror-lint-markers", "CodeMirror-linenumbers"],
};
const KEYWORD = /^(?:(?:Feature|Rule|Background|Scenario|Scenario Outline|Examples):|(?:Given|When|Then|And|But|\*)(?=\s))/;

CodeMirror.defineMode("gherkin", () => ({ token: readGherkin }));

for (const textarea of document.querySelectorAll("textarea[data-editor]")) edit(textarea);

function edit(textarea) {
  const name = textarea.name;
  const label = textarea.closest("label");
  const box = document.createElement("div");
  box.className = "field editor";
  const title = addText(box, "span", label.firstChild.textContent.trim(), `${name}-editor-title`);
  label.replaceWith(box);
  box.append(textarea);
  textarea.required = false; // a hidden field cannot show the browser's own message
  const isGherkin = textarea.dataset.editor === "gherkin";
  const completions = JSON.parse(textarea.dataset.completions ?? "null");
  const editor = CodeMirror.fromTextArea(textarea, {
    ...(isGherkin ? { mode: "gherkin", smartIndent: false } : JSON_OPTIONS),
    inputStyle: "contenteditable", // what scrolls can be reached by keyboard
    lineNumbers: true,
    tabSize: 2,
    hintOptions: { hint: (cm) => complete(cm, completions), completeSingle: false },
  });
  editor.on("change", () => editor.save()); // for what copies the text
  const hint = addText(box, "p", `${completions ? "Ctrl+Space completes. " : ""}${HINT}`, `${name}-editor-hint`);
  const problems = box.appendChild(Object.assign(document.createElement("ul"), { className: "problems" }));
  problems.setAttribute("aria-live", "polite");
  const showIn = (show) => (found) => show(listProblems(found, editor, problems));
  if (!isGherkin) editor.setOption("lint", { async: true, delay: 400, getAnnotations: (text, show) => check(textarea, text, showIn(show)) });
  const field = editor.getInputField();
  field.setAttribute("aria-labelledby", title.id);
  field.setAttribute("aria-describedby", hint.id);
  keepKeyboardFree(editor);
  // Keys are the editor's own: elsewhere on the page they move between messages.
  box.addEventListener("keydown", (event) => event.stopPropagation());
  if (completions) editor.on("inputRead", (cm, change) => change.text[0].trim() && cm.showHint());
}

/** Read a token of a feature: a keyword first in its line, a comment, a tag, a text or a cell's edge. */
function readGherkin(stream) {
  if (stream.eatSpace()) return null;
  const isFirst = !stream.string.slice(0, stream.pos).trim();
  if (isFirst && stream.match(KEYWORD)) return "keyword";
  if (isFirst && stream.match(/^#.*/)) return "comment";
  if (stream.match(/^@\S+/) && isFirst) return "atom";
  if (stream.match(/^"[^"]*"/)) return "string";
  if (stream.eat("|")) return "comment";
  if (!stream.match(/^[^\s"|]+/)) stream.next();
  return null;
}

function addText(box, tag, text, id) {
  const element = Object.assign(document.createElement(tag), { textContent: text, id });
  if (tag === "p") element.className = "muted";
  return box.appendChild(element);
}

/** Esc, then Tab leaves the editor; Tab indents otherwise. */
function keepKeyboardFree(editor) {
  const keys = { "Ctrl-Space": (cm) => cm.showHint?.(), "Shift-Tab": "indentLess", Tab: (cm) => cm.execCommand(cm.somethingSelected() ? "indentMore" : "insertSoftTab") };
  const leave = { ...keys, Tab: false, "Shift-Tab": false };
  keys.Esc = (cm) => cm.setOption("extraKeys", leave);
  editor.setOption("extraKeys", keys);
  editor.on("focus", () => editor.setOption("extraKeys", keys));
  editor.on("change", () => editor.setOption("extraKeys", keys));
}

/** Find the problems of *text* and show them as {offset, message, severity}. */
async function check(textarea, text, show) {
  if (!text.trim()) return show([]);
  const { error, places } = locate(text);
  if (error) {
    showPreview(textarea, text, null);
    return show([{ ...error, severity: "error" }]);
  }
  if (!textarea.dataset.check) return show([]);
  const form = new FormData(textarea.form);
  form.set(textarea.name, text);
  let findings = [];
  try {
    const answer = await fetch(textarea.dataset.check, { method: "POST", body: new URLSearchParams(form) });
    if (answer.ok) {
      const found = await answer.json();
      ({ findings } = found);
      showPreview(textarea, text, found.preview);
    }
  } catch {
    // The lamp of the page shows that the emulator does not answer.
  }
  show(findings.map((each) => ({ ...each, offset: findPlace(places, each.place) })));
}

/** Show what the text leads to in the element that data-preview names; null while it has a mistake. */
function showPreview(textarea, text, html) {
  const box = document.getElementById(textarea.dataset.preview);
  if (!box || html === undefined || text !== textarea.value) return; // a newer text shows its own
  if (html === null) {
    const notice = Object.assign(document.createElement("section"), { className: "card" });
    notice.append(Object.assign(document.createElement("p"), { className: "body muted", textContent: "Correct the text to see what changes." }));
    box.replaceChildren(notice);
  } else {
    box.innerHTML = html;
  }
}

/** Return the offset of *place*, or of the nearest part around it. */
function findPlace(places, place) {
  for (let at = place; at; at = at.replace(/(?:\.[^.[\]]*|\[\d+\])$|^[^.[\]]*$/, "")) {
    if (places.has(at)) return places.get(at);
  }
  return places.get("") ?? 0;
}

function listProblems(found, editor, list) {
  const annotations = found.map(({ offset, message, severity }) => {
    const from = editor.posFromIndex(offset);
    const { end } = editor.getTokenAt({ line: from.line, ch: from.ch + 1 });
    return { from, to: { line: from.line, ch: Math.max(end, from.ch + 1) }, message, severity };
  });
  list.replaceChildren(...annotations.slice(0, 20).map((each) => {
    const jump = Object.assign(document.createElement("button"), { type: "button", className: "quiet small", textContent: `Line ${each.from.line + 1}` });
    jump.addEventListener("click", () => {
      editor.setCursor(each.from);
      editor.focus();
    });
    const item = document.createElement("li");
    const words = document.createElement("span");
    words.append(Object.assign(document.createElement("b"), { textContent: each.severity === "error" ? "Error" : "Warning" }), `: ${each.message}`);
    item.className = each.severity;
    item.append(jump, " ", words);
    return item;
  }));
  return annotations;
}

/** Return what fits at the caret: fields, directives and their options, or captured paths. */
function complete(cm, completions) {
  if (!completions) return null;
  const caret = cm.getCursor();
  const text = cm.getValue();
  const context = contextAt(text, cm.indexFromPos(caret));
  const isOutside = context.from === null;
  let { typed, from } = context;
  if (context.path.at(-1) === "@template" && !context.isKey) {
    const opened = typed.lastIndexOf("{{");
    if (opened < 0) return null;
    typed = typed.slice(opened + 2);
    from += opened + 2;
  }
  const choices = context.isKey ? listKeys(context.path, completions) : listValues(context.path, completions, isOutside);
  const list = choices
    .filter((each) => each.toLowerCase().includes(typed.toLowerCase()) && each !== typed)
    .slice(0, 200)
    .map((each) => ({ text: isOutside ? wrap(each, context.isKey) : each, displayText: each }));
  return { list, from: isOutside ? caret : cm.posFromIndex(from), to: caret };
}

function wrap(choice, isKey) {
  return isKey ? `${JSON.stringify(choice)}: ` : JSON.stringify({ "@path": choice });
}

function listKeys(path, { fields, members, directives, options }) {
  const last = path.at(-1);
  if (!path.length) return fields;
  if (options[last]) return options[last];
  const isShape = path.at(-2) === "@arrayPath" && last === 1;
  const own = path.length === 1 || isShape ? (members[path[0]] ?? []) : [];
  return [...own, ...directives];
}

function listValues(path, { paths }, isOutside) {
  const last = path.at(-1);
  const isInProduct = path.slice(0, -1).some((part, index) => part === "@arrayPath" && path[index + 1] === 1);
  const items = paths.filter((each) => each.includes("[].")).map((each) => each.split("[].").at(-1));
  const plain = paths.filter((each) => !each.includes("[]"));
  if (last === "@template") return plain;
  if (path.at(-2) === "@arrayPath" && last === 0) return paths.filter((each) => each.endsWith("[]")).map((each) => `$.${each.slice(0, -2)}`);
  if (last !== "@path" && !isOutside) return [];
  return isInProduct ? [...new Set(items)].map((each) => `$.${each}`) : plain.map((each) => `$.${each}`);
}
