// The verdict of each call, in the page of the app itself. It reads the anonymous id of
// analytics.js, listens for finished requests to Segment, and asks the emulator what became of
// them. It changes nothing of the page: one element with a shadow root, one global, no errors.
(function () {
  "use strict";
  const NAME = "segmentEmulatorOverlay";
  const ADDRESS = __EMULATOR_URL__;
  if (window[NAME]) return;
  const MOST = 8; // calls that are shown
  const DELAYS = [50, 600, 2500, 8000]; // milliseconds after a call; it may be stored or retried later
  const CALL = /\/v1\/(t|track|p|page|i|identify|s|screen|g|group|a|alias|b|batch)\/?$/;
  const ICONS = {
    accepted: "M5 12.5l4.5 4.5L19 7.5",
    warning: "M12 4l9 16H3zM12 10v4M12 17v.5",
    dropped: "M12 4v10M7 10l5 5 5-5M5 20h14",
    rejected: "M12 3a9 9 0 1 0 .01 0zM6 6l12 12",
    filtered: "M3 5h18l-7 8v6l-4-2v-4z",
    not_subscribed: "M5 12h14",
    disabled: "M12 3v9M6.5 6.5a8 8 0 1 0 11 0",
    failed: "M6 6l12 12M18 6L6 18",
    retrying: "M20 12a8 8 0 1 1-2.5-5.8M20 3v5h-5",
  };
  const STYLE = `
    :host { all: initial !important; position: fixed !important; right: 12px !important; bottom: 12px !important; z-index: 2147483647 !important; color-scheme: light dark !important; }
    :host([hidden]) { display: none !important; }
    @media print { :host { display: none !important; } }
    .panel { width: 300px; max-width: calc(100vw - 24px); overflow: hidden; border: 1px solid light-dark(#8b93a7, #5b6478); border-radius: 8px; background: light-dark(#fff, #171b24); color: light-dark(#1d2330, #e7eaf1); box-shadow: 0 6px 22px #0004; font: 12.5px/1.45 system-ui, sans-serif; }
    header { display: flex; align-items: center; gap: 6px; padding: 4px 4px 4px 10px; background: light-dark(#f4f6f9, #1f2530); font-weight: 600; }
    header span { flex: 1; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
    button { all: unset; box-sizing: border-box; min-width: 24px; padding: 2px 6px; border-radius: 4px; text-align: center; cursor: pointer; }
    button:hover { background: light-dark(#e3e7ef, #2d3442); }
    :is(button, a, .body):focus-visible { outline: 2px solid light-dark(#3f46c8, #a3a8ff); outline-offset: -2px; }
    /* Always as high: a panel that grows would count as a layout shift of the page. */
    .body { height: min(216px, 40vh); overflow: auto; }
    ol { margin: 0; padding: 0; list-style: none; }
    .small .body { display: none; }
    a { display: block; padding: 5px 10px; border-top: 1px solid light-dark(#dde2ea, #2d3442); color: inherit; text-decoration: none; overflow-wrap: anywhere; }
    a:hover { background: light-dark(#f4f6f9, #1f2530); }
    b { font-weight: 600; unicode-bidi: isolate; }
    .verdict { display: flex; gap: 5px; align-items: center; }
    svg { flex: none; width: 14px; height: 14px; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
    .accepted { color: light-dark(#0f6e3c, #6fd79d); }
    :is(.warning, .retrying) { color: light-dark(#8a5300, #f0bb6a); }
    .dropped { color: light-dark(#86226f, #eba0d8); }
    :is(.rejected, .failed) { color: light-dark(#b3261e, #ff9d94); }
    :is(.filtered, .not_subscribed, .disabled), .note, .state { color: light-dark(#566074, #a4adbf); }
    .note { unicode-bidi: isolate; }
    .state { margin: 0; padding: 6px 10px; border-top: 1px solid light-dark(#dde2ea, #2d3442); }
  `;
  const calls = new Map(); // id -> call
  const parts = {};
  let closed = false;
  let drawn = ""; // the calls that are shown, as JSON

  /** Run *act*; what goes wrong here must not reach the page. */
  function quietly(act) {
    return (...given) => {
      try {
        return act(...given);
      } catch {
        return undefined;
      }
    };
  }

  function element(name, className, text) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function icon(verdict) {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    const path = document.createElementNS(space, "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", ICONS[verdict] ?? ICONS.not_subscribed);
    svg.append(path);
    return svg;
  }

  function open() {
    const host = document.createElement("segment-emulator-overlay");
    parts.host = host;
    const root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet(); // a style element would need 'unsafe-inline'
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    const panel = element("section", "panel");
    panel.setAttribute("aria-label", "Segment emulator");
    const header = element("header");
    parts.title = element("span", "", "Emulator");
    const fold = element("button", "", "–");
    fold.type = "button";
    fold.setAttribute("aria-expanded", "true");
    fold.setAttribute("aria-label", "Show the calls");
    fold.addEventListener("click", quietly(() => {
      const small = panel.classList.toggle("small");
      fold.setAttribute("aria-expanded", String(!small));
      fold.textContent = small ? "+" : "–";
    }));
    const close = element("button", "", "×");
    close.type = "button";
    close.setAttribute("aria-label", "Close until the page is loaded again");
    close.addEventListener("click", quietly(() => {
      closed = true;
      host.remove();
    }));
    header.append(parts.title, fold, close);
    parts.list = element("ol");
    parts.state = element("p", "state", "No call yet.");
    const body = element("div", "body");
    body.tabIndex = 0;
    body.append(parts.state, parts.list);
    panel.append(header, body);
    root.append(panel);
    // Not in the body: frameworks and styles of the page look at its children.
    document.documentElement.append(host);
  }

  function draw() {
    // A page may write its whole document anew.
    if (!closed && !parts.host.isConnected) document.documentElement.append(parts.host);
    const shown = [...calls.values()].sort((a, b) => b.id - a.id);
    const text = JSON.stringify(shown);
    if (text === drawn) return;
    drawn = text;
    parts.list.replaceChildren(...shown.map(drawCall));
    parts.state.hidden = shown.length > 0;
    parts.title.textContent = shown.length ? `Emulator · ${shown[0].word}` : "Emulator";
  }

  function drawCall(call) {
    const item = element("li");
    const link = element("a");
    link.href = call.url;
    link.target = "_blank";
    link.rel = "noopener";
    link.append(element("b", "", call.name));
    const verdict = element("span", `verdict ${call.verdict}`);
    verdict.append(icon(call.verdict), call.word);
    link.append(verdict);
    if (call.reason) link.append(element("span", "note", call.reason));
    if (call.lostCount) {
      const more = call.lostCount > call.lost.length ? " …" : "";
      const lost = element("span", "verdict dropped");
      lost.append(icon("dropped"), `${call.lostCount} not mapped: ${call.lost.join(", ")}${more}`);
      link.append(lost);
    }
    item.append(link);
    return item;
  }

  /** Return the anonymous id that analytics.js keeps, from the storage or the cookie. */
  function anonymousId() {
    try {
      const stored = localStorage.getItem("ajs_anonymous_id");
      if (stored) return JSON.parse(stored);
    } catch {
      // not allowed, or plain text
    }
    try {
      const found = document.cookie.match(/(?:^|; )ajs_anonymous_id=([^;]*)/);
      return found ? decodeURIComponent(found[1]).replace(/^"|"$/g, "") : undefined;
    } catch {
      return undefined;
    }
  }

  async function update() {
    const id = anonymousId();
    if (closed || !id) return;
    const query = new URLSearchParams({ anonymousId: id, age: (performance.now() / 1000).toFixed(1) });
    try {
      const answer = await fetch(`${ADDRESS}/calls?${query}`, { credentials: "omit" });
      const document = await answer.json();
      if (!answer.ok) throw new Error(document?.error?.message);
      for (const call of document.calls) calls.set(call.id, call);
      const oldest = [...calls.keys()].sort((a, b) => b - a).slice(MOST);
      for (const id of oldest) calls.delete(id);
      draw();
    } catch {
      parts.state.hidden = false;
      parts.state.textContent = "The emulator gives no verdicts to this page.";
    }
  }

  const waiting = new Set(); // delays whose question is on its way
  const late = new Set(); // of those, the ones that a later call asks again

  /** Ask after *delay*; however many calls come until then, once, and once more after the last. */
  function askAfter(delay) {
    if (waiting.has(delay)) {
      late.add(delay);
      return;
    }
    waiting.add(delay);
    setTimeout(quietly(async () => {
      await update();
      waiting.delete(delay);
      if (late.delete(delay)) askAfter(delay);
    }), delay);
  }

  const ask = quietly(() => DELAYS.forEach(askAfter));

  function isCall(address) {
    const url = new URL(address);
    return url.port === new URL(ADDRESS).port && CALL.test(url.pathname);
  }

  function start() {
    open();
    const observer = new PerformanceObserver(quietly((list) => {
      if (!closed && list.getEntries().some((entry) => isCall(entry.name))) ask();
    }));
    observer.observe({ type: "resource", buffered: true });
  }

  quietly(() => {
    Object.defineProperty(window, NAME, { value: true });
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", quietly(start));
    else start();
  })();
})();
