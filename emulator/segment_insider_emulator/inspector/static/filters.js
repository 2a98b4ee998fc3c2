// The filters above the table: the address names them at once, the table follows.
const PAUSE = 150; // milliseconds without a key before the table is loaded

/** Call *load* whenever the filters of *form* have changed the address. */
export function followFilters(form, load) {
  let timer;
  form.addEventListener("input", (event) => {
    if (event.target.closest(".drawer")) return; // incomplete paths are invalid: these wait for Apply
    for (const hidden of form.querySelectorAll(`input[type=hidden][name="${event.target.name}"]`)) {
      hidden.remove(); // the chosen verdict replaces several ones
    }
    const address = filterAddress(form);
    if (address.href === location.href) return;
    history.replaceState(history.state, "", address);
    clearTimeout(timer);
    timer = setTimeout(load, PAUSE);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const address = filterAddress(form);
    if (address.href !== location.href) location.assign(address);
  });
}

/** The address with the filters of *form*, without empty ones. */
function filterAddress(form) {
  const address = new URL(location.href);
  const message = address.searchParams.get("message"); // it stays open beside the list
  const filters = [...new FormData(form)].filter(([, value]) => value.trim());
  address.search = new URLSearchParams(message ? [...filters, ["message", message]] : filters);
  return address;
}
