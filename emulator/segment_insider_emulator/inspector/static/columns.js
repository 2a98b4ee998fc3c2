// The columns of the list are in its address. The last ones are remembered for the plain address.
export const MAX_COLUMNS = 12; // list_query.py has the same

const key = () => `columns ${new URL(document.querySelector(".brand").href).pathname}`;

export function rememberColumns(columns) {
  try {
    localStorage.setItem(key(), JSON.stringify(columns));
  } catch {
    // without storage, the address alone has them
  }
}

/** Return the address with the remembered columns; undefined if this one has its own filters. */
function rememberedAddress() {
  if (location.search) return undefined;
  try {
    const columns = JSON.parse(localStorage.getItem(key()) ?? "[]").slice(0, MAX_COLUMNS);
    return columns.length ? `?${new URLSearchParams(columns.map((each) => ["column", each]))}` : undefined;
  } catch {
    return undefined;
  }
}

export function columns(list) {
  const shown = new URLSearchParams(location.search).getAll("column");
  if (shown.length) rememberColumns(shown);
  list.addEventListener("click", (event) => {
    const removed = event.target.closest("[data-column]")?.dataset.column;
    if (removed === undefined) return;
    rememberColumns(new URLSearchParams(location.search).getAll("column").filter((each) => each !== removed));
  });
  const address = rememberedAddress();
  if (address) location.replace(address);
}
