// Tabs, as everywhere: a click or an arrow key goes to one.

/** `tabs`: [button, name] pairs in order; `go(name)` is called when the person turns to another. Returns `select(name)`. */
export function tabs(pairs, go) {
  for (const [index, [tab, name]] of pairs.entries()) {
    tab.addEventListener("click", () => go(name));
    tab.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      const [next, nextName] = pairs[(index + by + pairs.length) % pairs.length];
      go(nextName);
      next.focus();
    });
  }
  return (name) => {
    for (const [tab, each] of pairs) {
      tab.setAttribute("aria-selected", String(each === name));
      tab.tabIndex = each === name ? 0 : -1;
    }
  };
}
