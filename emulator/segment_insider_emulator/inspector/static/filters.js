// The filters above the table: the address names them at once, the table follows.
const PAUSE = 150; // milliseconds without a key before the table is loaded

/** Call *load* whenever the filters of *form* have changed the address. */
export function followFilters(form, load) {
  let timer;
  form.addEventListener("input", (event) => {
    if (event.target.closest(".drawer")) return; // incomplete paths are invalid: these wait for Apply
    const address = filterAddress(form, (field) => (field.closest(".drawer") ? applied(field) : field.value));
    if (address.href === location.href) return;
    history.replaceState(history.state, "", address);
    clearTimeout(timer);
    timer = setTimeout(load, PAUSE);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const address = filterAddress(form, (field) => field.value);
    if (address.href !== location.href) location.assign(address);
  });
}

/** The value that a field had when the page was loaded. */
const applied = (field) =>
  field.defaultValue ?? [...field.options].find((option) => option.defaultSelected)?.value ?? "";

/** The address with the filters of *form*, without empty ones; *read* says what a field holds. */
function filterAddress(form, read) {
  const address = new URL(location.href);
  const fields = [...form.elements].filter((field) => field.name);
  const filters = fields.map((field) => [field.name, read(field)]).filter(([, value]) => value.trim());
  const message = address.searchParams.get("message"); // it stays open beside the list
  address.search = new URLSearchParams(message ? [...filters, ["message", message]] : filters);
  return address;
}
