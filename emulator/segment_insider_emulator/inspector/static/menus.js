// Menus are <details class="menu"> and <details class="more">. They close after a click outside,
// after Esc, when the focus leaves them, and after a button in them was used.
const MENUS = "details.menu, details.more";

export function menus() {
  document.addEventListener("click", (event) => {
    closeAll(event.target.closest(MENUS));
    const used = event.target.closest(".drawer :is([data-copy], [data-copy-from]), .drawer a");
    if (used) close(used.closest(MENUS));
  });
  document.addEventListener("focusin", (event) => closeAll(event.target.closest(MENUS)));
}

/** Close the open menu, and focus what opened it; say whether there was one. */
export function closeOpenMenu() {
  const menu = document.querySelector(":is(details.menu, details.more)[open]");
  if (menu) close(menu);
  return Boolean(menu);
}

function close(menu) {
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
}

function closeAll(except) {
  for (const menu of document.querySelectorAll(MENUS)) if (menu !== except) menu.open = false;
}
