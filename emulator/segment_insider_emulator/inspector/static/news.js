// Calls back when something was kept: pushed by the server or, where no stream can be had, on a
// timer. A page that nobody looks at holds no stream; it catches up when it is looked at again.
const POLL = 2000; // milliseconds
const AGAIN = 30_000; // milliseconds until a stream is asked for again

export function onNews(tell) {
  let source;
  let timer;
  let later;

  const poll = () => {
    timer = setInterval(tell, POLL);
    later = setTimeout(() => {
      stop();
      start();
    }, AGAIN);
  };
  const stop = () => {
    source?.close();
    source = undefined;
    clearInterval(timer);
    clearTimeout(later);
    timer = undefined;
  };
  const start = () => {
    if (source || timer) return;
    source = new EventSource(document.body.dataset.stream);
    source.addEventListener("changed", tell);
    source.addEventListener("error", () => {
      // Closed for good, as by a 204 or a proxy; otherwise the browser connects again.
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
