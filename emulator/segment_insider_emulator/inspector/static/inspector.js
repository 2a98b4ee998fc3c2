// What every page has: theme, copy buttons, and parts that follow what happens.
import { busyButtons } from "./busy.js";
import { copying } from "./copy.js";
import { keys } from "./keys.js";
import { menus } from "./menus.js";
import { refreshing } from "./refresh.js";
import { themes } from "./themes.js";
import { valueMenus } from "./value_menu.js";

themes();
busyButtons();
copying();
keys();
menus();
refreshing();
valueMenus();
