// One kind of pop-up menu for selects, overflow menus, sample lists and message actions.

import { el } from "./dom.js";

const FILTER_FROM = 8;
const SPELLING_MS = 700;

/**
 * Open a menu under `anchor`.
 * `items`: {label, description?, value, current?} or {heading}; `pick(item)` is called once, after the menu closed. With
 * `toggle(item)` instead several can be chosen: it is called at each choice, answers whether the item is chosen now, and
 * the menu stays open until `closed()`.
 * Arrow keys move, typing finds (in a field of its own where the menu is long), Escape or a click elsewhere closes and
 * gives the focus back.
 */
export function openMenu(anchor, items, { label, pick, toggle, closed, empty = "Nothing here." }) {
  const list = el("div.menu-items", { role: "menu", "aria-label": label });
  const filter = items.length >= FILTER_FROM
    ? el("input.menu-filter", { type: "search", placeholder: "Type to find", "aria-label": `Find in ${label}` }) : null;
  const nothing = el("p.menu-heading", { role: "status" }, items.length ? "" : empty);
  const menu = el("div.menu", { popover: "auto" }, filter, list, nothing);
  const mark = toggle ? "aria-checked" : "aria-current";

  const rows = items.map((item) => {
    if (item.heading) return [el("p.menu-heading", { role: "presentation" }, item.heading), null];
    const row = el("button.menu-item", {
      type: "button", role: toggle ? "menuitemcheckbox" : "menuitem", tabindex: "-1", onclick: () => choose(item, row),
      [mark]: toggle ? String(Boolean(item.current)) : item.current ? "true" : null,
    }, el("span.menu-label", {}, item.label), item.description ? el("span.menu-description", {}, item.description) : null);
    return [row, item];
  });
  list.append(...rows.map(([row]) => row));

  const shown = () => rows.filter(([row, item]) => item && !row.hidden).map(([row]) => row);
  const step = (by) => {
    const open = shown();
    if (!open.length) return;
    const at = open.indexOf(document.activeElement);
    open[at < 0 ? (by > 0 ? 0 : open.length - 1) : (at + by + open.length) % open.length].focus();
  };
  function choose(item, row) {
    if (toggle) {
      row.setAttribute("aria-checked", String(toggle(item)));
      return;
    }
    menu.hidePopover();
    pick(item);
  }

  // A menu without a field of its own goes to the row that begins with what is typed.
  let spelt = "";
  let speltAt = 0;
  function spell(key) {
    spelt = performance.now() - speltAt > SPELLING_MS ? key : spelt + key;
    speltAt = performance.now();
    rows.find(([, item]) => item?.label.replace(/^[@#]/u, "").toLowerCase().startsWith(spelt.toLowerCase()))?.[0].focus();
  }

  menu.addEventListener("keydown", (event) => {
    const inFilter = document.activeElement === filter;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") step(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Home" && !inFilter) shown()[0]?.focus();
    else if (event.key === "End" && !inFilter) shown().at(-1)?.focus();
    else if (event.key === "Enter" && inFilter) shown()[0]?.click();
    else if (event.key === "Tab") menu.hidePopover();
    else if (!filter && event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey) spell(event.key);
    else return;
    event.preventDefault();
  });
  filter?.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    for (const [row, item] of rows) {
      row.hidden = wanted !== "" && !`${item?.label ?? ""}\n${item?.description ?? ""}`.toLowerCase().includes(wanted);
    }
    nothing.textContent = shown().length ? "" : "Nothing found.";
  });
  const placed = () => place(menu, anchor);
  menu.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    window.removeEventListener("resize", placed);
    anchor.setAttribute("aria-expanded", "false");
    if (menu.contains(document.activeElement) || document.activeElement === document.body) anchor.focus();
    menu.remove();
    closed?.();
  });

  // Whatever is outside an open modal dialog is inert, so a menu of a modal lives inside it; others in their landmark.
  (anchor.closest("dialog, main, aside") ?? document.body).append(menu);
  menu.showPopover();
  anchor.setAttribute("aria-expanded", "true");
  placed();
  window.addEventListener("resize", placed);
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
