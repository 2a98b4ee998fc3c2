// Where the parts of a JSON text are: for mistakes at their line, and for what fits at the caret.
const TOKEN = /\s+|"(?:[^"\\\n]|\\.)*"?|[{}[\],:]|[^\s"{}[\],:]+/gy;

/** Return {error, places}: the first mistake as {offset, message}, and path -> offset of each value. */
export function locate(text) {
  const places = new Map();
  const tokens = [...read(text)];
  let next = 0;

  const fail = (message, token = tokens[next]) => {
    throw Object.assign(new SyntaxError(message), { offset: token ? token.offset : text.length });
  };
  const take = (expected) => {
    if (tokens[next]?.text !== expected) fail(`Write ${expected} here.`);
    next += 1;
  };
  const takeText = () => {
    const token = tokens[next];
    if (!token?.text.startsWith('"')) fail("Write a text in double quotes here.");
    parse(token);
    next += 1;
    return JSON.parse(token.text);
  };
  const parse = (token) => {
    try {
      JSON.parse(token.text);
    } catch {
      fail(token.text.startsWith('"') ? "This text has no end, or a wrong escape." : "Write a value: a text in double quotes, a number, true, false, null, {…} or […].", token);
    }
  };
  const members = (close, member) => {
    next += 1;
    if (tokens[next]?.text === close) return void (next += 1);
    for (let count = 0; ; count += 1) {
      member(count);
      if (tokens[next]?.text === close) return void (next += 1);
      if (tokens[next]?.text !== ",") fail(`Write a comma or ${close} here.`);
      next += 1;
    }
  };
  const value = (path) => {
    const token = tokens[next];
    if (!token) fail("Write a value here.");
    if (!places.has(path)) places.set(path, token.offset);
    if (token.text === "{") {
      members("}", () => {
        const offset = tokens[next]?.offset;
        const below = path ? `${path}.${takeText()}` : takeText();
        places.set(below, offset);
        take(":");
        value(below);
      });
    } else if (token.text === "[") {
      members("]", (index) => value(`${path}[${index}]`));
    } else {
      parse(token);
      next += 1;
    }
  };

  try {
    value("");
    if (tokens[next]) fail("Nothing may follow the last bracket.");
    return { error: null, places };
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof RangeError)) throw error;
    return { error: { offset: error.offset ?? 0, message: error.message }, places };
  }
}

/** Return what stands at *caret*: {path, isKey, typed, from}; `from` is null outside of a text. */
export function contextAt(text, caret) {
  const stack = [];
  let last = null;
  for (const token of read(text.slice(0, caret))) {
    const frame = stack.at(-1);
    last = token;
    if (token.text === "{" || token.text === "[") stack.push({ isObject: token.text === "{", key: null, index: 0, isAfterColon: false });
    else if (token.text === "}" || token.text === "]") stack.pop();
    else if (token.text === "," && frame) Object.assign(frame, { index: frame.index + 1, isAfterColon: false });
    else if (token.text === ":" && frame) frame.isAfterColon = true;
    else if (frame?.isObject && !frame.isAfterColon && isWhole(token)) frame.key = JSON.parse(token.text);
  }
  const frame = stack.at(-1);
  const isKey = Boolean(frame?.isObject && !frame.isAfterColon);
  const isInText = Boolean(last && last.text.startsWith('"') && !isWhole(last));
  const parents = stack.slice(0, -1);
  const path = parents.map(step);
  if (frame && !isKey) path.push(step(frame));
  return { path, isKey, typed: isInText ? last.text.slice(1) : "", from: isInText ? last.offset + 1 : null };
}

function step(frame) {
  return frame.isObject ? frame.key : frame.index;
}

function isWhole(token) {
  try {
    return typeof JSON.parse(token.text) === "string";
  } catch {
    return false;
  }
}

function* read(text) {
  TOKEN.lastIndex = 0;
  for (let found; (found = TOKEN.exec(text)); ) {
    if (found[0].trim()) yield { text: found[0], offset: found.index };
  }
}
