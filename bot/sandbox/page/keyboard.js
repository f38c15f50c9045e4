// The keyboard alone: F6 moves between the panes, the arrow keys between the messages of a list.

/** The panes in their order, each with what gets the focus there. */
const PANES = [
  ["#sidebar", "#places [aria-current]"],
  ["#home", "#home"],
  ["#messages", "#messages"],
  ["#composer", "#composer-text"],
  ["#thread-messages", "#thread-messages"],
  ["#thread-composer", "#thread-composer-text"],
  ["#wire", "#wire [aria-selected=true]"],
];

const visible = (node) => node?.checkVisibility({ visibilityProperty: true });

/** Listen for F6 and Shift+F6. */
export function movesBetweenPanes() {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "F6" || event.altKey || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    const there = PANES.map(([pane, target]) => [document.querySelector(pane), document.querySelector(target)]).filter(([, target]) => visible(target));
    const at = there.findIndex(([pane]) => pane.contains(document.activeElement));
    const next = event.shiftKey ? (at <= 0 ? there.length : at) - 1 : (at + 1) % there.length;
    there[next][1].focus();
  });
}

/** Up and down, Home and End go from message to message of `list`; Tab then leads into the one that has the focus. */
export function movesBetweenMessages(list) {
  list.addEventListener("keydown", (event) => {
    if (event.target !== list && !event.target.matches(".message")) return;
    const all = [...list.querySelectorAll(".message")];
    const at = all.indexOf(event.target);
    const next = { ArrowUp: at < 0 ? all.length - 1 : at - 1, ArrowDown: at + 1, Home: 0, End: all.length - 1 }[event.key];
    if (next === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    all[next]?.focus();
  });
}
