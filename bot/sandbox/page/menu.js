// One kind of pop-up menu for selects, overflow menus, sample lists and message actions.

import { el } from "./dom.js";

const FILTER_FROM = 8;

/**
 * Open a menu under `anchor`.
 * `items`: {label, description?, value, current?} or {heading}; `pick(item)` is called once, after the menu closed.
 * Arrow keys move, typing filters long menus, Escape or a click elsewhere closes and gives focus back.
 */
export function openMenu(anchor, items, { label, pick, empty = "Nothing here." }) {
  const list = el("div.menu-items", { role: "menu", "aria-label": label });
  const filter = items.length >= FILTER_FROM
    ? el("input.menu-filter", { type: "search", placeholder: "Type to find", "aria-label": `Find in ${label}` }) : null;
  const menu = el("div.menu", { popover: "auto" }, filter, list);

  const rows = items.map((item) => {
    if (item.heading) return [el("p.menu-heading", { role: "presentation" }, item.heading), null];
    const row = el("button.menu-item", { type: "button", role: "menuitem", tabindex: "-1", onclick: () => choose(item) },
      el("span.menu-label", {}, item.label), item.description ? el("span.menu-description", {}, item.description) : null);
    if (item.current) row.setAttribute("aria-current", "true");
    return [row, item];
  });
  list.append(...rows.map(([row]) => row));
  if (!items.length) list.append(el("p.menu-heading", {}, empty));

  const shown = () => rows.filter(([row, item]) => item && !row.hidden).map(([row]) => row);
  const step = (by) => {
    const open = shown();
    if (!open.length) return;
    const at = open.indexOf(document.activeElement);
    open[at < 0 ? (by > 0 ? 0 : open.length - 1) : (at + by + open.length) % open.length].focus();
  };
  function choose(item) {
    menu.hidePopover();
    pick(item);
  }
  menu.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") step(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Home" && document.activeElement !== filter) shown()[0]?.focus();
    else if (event.key === "End" && document.activeElement !== filter) shown().at(-1)?.focus();
    else if (event.key === "Enter" && document.activeElement === filter) shown()[0]?.click();
    else if (event.key === "Tab") menu.hidePopover();
    else return;
    event.preventDefault();
  });
  filter?.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    for (const [row, item] of rows) row.hidden = wanted !== "" && !(item?.label.toLowerCase().includes(wanted));
  });
  menu.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    anchor.setAttribute("aria-expanded", "false");
    if (menu.contains(document.activeElement) || document.activeElement === document.body) anchor.focus();
    menu.remove();
  });

  // Whatever is outside an open modal dialog is inert, so a menu of a modal lives inside it.
  (anchor.closest("dialog") ?? document.body).append(menu);
  menu.showPopover();
  anchor.setAttribute("aria-expanded", "true");
  place(menu, anchor);
  (filter ?? list.querySelector("[aria-current]") ?? shown()[0])?.focus();
}

/** Below the anchor, or above it when there is more room, and inside the window. */
function place(menu, anchor) {
  const box = anchor.getBoundingClientRect();
  const below = window.innerHeight - box.bottom - 12;
  const above = box.top - 12;
  const up = menu.offsetHeight > below && above > below;
  menu.style.maxHeight = `${Math.max(120, up ? above : below)}px`;
  menu.style.left = `${Math.max(8, Math.min(box.left, window.innerWidth - menu.offsetWidth - 8))}px`;
  menu.style.top = up ? `${box.top - menu.offsetHeight - 4}px` : `${box.bottom + 4}px`;
}
