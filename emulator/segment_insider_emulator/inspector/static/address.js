// A page that answers a form has the form's address, where nothing can be loaded: it goes by its own.
const own = document.querySelector("[data-address]");
if (own) history.replaceState(null, "", own.dataset.address);
