// Calls back after changes: pushed by the server or, without a stream, on a timer.
// A hidden page closes its stream and catches up when it is visible again.
import { reportAnswer } from "./connection.js";

const POLL = 2000; // milliseconds
const RETRY_STREAM = 30_000; // milliseconds until the next attempt to open a stream

export function onChange(callback) {
  let source;
  let timer;
  let retry;

  const poll = () => {
    timer = setInterval(callback, POLL);
    retry = setTimeout(() => {
      stop();
      start();
    }, RETRY_STREAM);
  };
  const stop = () => {
    source?.close();
    source = undefined;
    clearInterval(timer);
    clearTimeout(retry);
    timer = undefined;
  };
  const start = () => {
    if (source || timer) return;
    source = new EventSource(document.body.dataset.stream);
    source.addEventListener("open", () => reportAnswer(true));
    source.addEventListener("changed", callback);
    source.addEventListener("error", () => {
      // Closed for good, as by a 204 or a proxy; otherwise the browser connects again.
      if (source?.readyState === EventSource.CLOSED) {
        source = undefined;
        poll();
      }
      callback(); // its request finds out whether the emulator still answers
    });
  };

  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
  addEventListener("pagehide", stop);
  addEventListener("pageshow", start);
  start();
}
