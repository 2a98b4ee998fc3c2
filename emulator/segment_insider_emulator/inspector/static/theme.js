// Before the first paint, so that the page does not flash: not a module.
const kept = localStorage.getItem("theme");
if (kept) document.documentElement.dataset.theme = kept;
