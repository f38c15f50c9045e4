// Message lists stay where their reader is: at the end, or at what is being read.

import { reconcile } from "./dom.js";

const AT_THE_END_WITHIN_PX = 60;

export const atEnd = (list) => list.scrollHeight - list.scrollTop - list.clientHeight < AT_THE_END_WITHIN_PX;
export const toEnd = (list) => {
  list.scrollTop = list.scrollHeight;
};

// Lists whose end is being read. Asked of the last scroll, not of now: a narrower or shorter list has moved its end already.
const readingEnd = new WeakMap();

export const readsEnd = (list) => readingEnd.get(list) ?? true;

/** A list keeps showing its end when the window, the thread pane or the composer takes room from it. */
export function keepEnd(list) {
  list.addEventListener("scroll", () => readingEnd.set(list, atEnd(list)), { passive: true });
  new ResizeObserver(() => {
    if (readsEnd(list)) toEnd(list);
  }).observe(list);
}

/** Draw into a list and stay where the reader was: at the end when they read the end. True when something new is out of sight. */
export function drawList(list, items, fresh) {
  const stay = !fresh && !readsEnd(list);
  const grew = !fresh && list.childElementCount < items.length;
  reconcile(list, items);
  if (!stay) toEnd(list);
  return stay && grew;
}
