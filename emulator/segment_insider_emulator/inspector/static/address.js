// A page that answers a POST has the URL of the form action; replace it by the page's own URL.
const own = document.querySelector("[data-address]");
if (own) history.replaceState(null, "", own.dataset.address);
