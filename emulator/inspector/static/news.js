// Calls back when something was kept: pushed by the server or, where no stream can be had, on a
// timer. A page that nobody looks at holds no stream; it catches up when it is looked at again.
const POLL = 2000; // milliseconds

export function onNews(tell) {
  let source;
  let timer;

  const poll = () => {
    timer ??= setInterval(tell, POLL);
  };
  const stop = () => {
    source?.close();
    source = undefined;
    clearInterval(timer);
    timer = undefined;
  };
  const start = () => {
    if (source || timer) return;
    source = new EventSource(document.body.dataset.stream);
    source.addEventListener("changed", tell);
    source.addEventListener("error", () => {
      // Closed for good, such as by a 503 or a proxy; otherwise the browser connects again.
      if (source?.readyState === EventSource.CLOSED) {
        source = undefined;
        poll();
      }
    });
  };

  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
  addEventListener("pagehide", stop);
  addEventListener("pageshow", start);
  start();
}
