// Back to the list, by Back, Esc or "All messages": the same place, with the same row in focus.
const KEY = "place-in-list";
const address = () => location.pathname + listSearch();

/** The filters and page of the list in the address, without the message that is open beside it. */
export function listSearch() {
  const parameters = new URLSearchParams(location.search);
  parameters.delete("message");
  return parameters.size ? `?${parameters}` : "";
}

export function keepPlace(list) {
  addEventListener("pagehide", () => {
    const row = document.activeElement?.closest("tr[data-id]");
    const top = row?.getBoundingClientRect().top;
    sessionStorage.setItem(KEY, JSON.stringify({ address: address(), scroll: scrollY, id: row?.id, top }));
  });
  const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  if (kept?.address === address() && comesBack()) restore(list, kept);
}

function comesBack() {
  const [navigation] = performance.getEntriesByType("navigation");
  return navigation?.type === "back_forward" || /\/messages\/\d+/.test(document.referrer);
}

function restore(list, { scroll, id, top }) {
  // The message that was read last, if one went on to others; else the one that was opened.
  const read = /\/messages\/(\d+)/.exec(document.referrer);
  const row = (read && document.getElementById(`m${read[1]}`)) ?? (id && document.getElementById(id));
  scrollTo(0, scroll);
  if (!row || !list.contains(row)) return;
  row.querySelector("[data-step]").focus({ preventScroll: true });
  if (row.id === id) scrollBy(0, row.getBoundingClientRect().top - top); // newer rows may be above
  else row.scrollIntoView({ block: "nearest" });
}
