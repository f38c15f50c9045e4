// Building and keeping DOM. Text only ever goes in as text nodes: nothing on this page parses HTML from data.

/**
 * An element from `tag.class.class`, properties and children.
 * Properties that start with "on" are listeners, the rest are attributes; null and false leave one out.
 */
export function el(spec, properties = {}, ...children) {
  const [tag, ...classes] = spec.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.classList.add(...classes);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const signatures = new WeakMap();

/**
 * Make the children of `container` those of `items` ({key, signature, build}), in order.
 * A child whose signature is unchanged is kept as it is, so that focus, selection and half-made choices survive
 * the arrival of other messages; one that is rebuilt gives its focus to the control of the same data-focus. Where that is
 * gone the focus stays near: on the child, or on the container when the child is gone too.
 */
export function reconcile(container, items) {
  const old = new Map([...container.children].map((node) => [node.dataset.key, node]));
  let cursor = container.firstElementChild;
  for (const { key, signature, build } of items) {
    let node = old.get(key);
    old.delete(key);
    if (!node || signatures.get(node) !== signature) {
      const fresh = build();
      fresh.dataset.key = key;
      signatures.set(fresh, signature);
      if (node) {
        const focused = node.contains(document.activeElement);
        const focus = focused ? document.activeElement.dataset.focus : undefined;
        if (cursor === node) cursor = fresh;
        node.replaceWith(fresh);
        if (focused) ([...fresh.querySelectorAll("[data-focus]")].find((each) => each.dataset.focus === focus) ?? fresh).focus();
      }
      node = fresh;
    }
    if (node === cursor) cursor = cursor.nextElementSibling;
    else container.insertBefore(node, cursor);
  }
  for (const node of old.values()) {
    const focused = node.contains(document.activeElement);
    node.remove();
    if (focused) container.focus();
  }
}

const AVATAR_COLOURS = 8;

/** The initials of a name in a square whose colour follows from the id, so that it is the same everywhere. */
export function avatar(id, name, { small = false, app = false } = {}) {
  let sum = 0;
  for (const character of id) sum = (sum * 31 + character.codePointAt(0)) % 9973;
  const initials = name.split(/[\s-]+/u).filter(Boolean).slice(0, 2).map((word) => [...word][0].toUpperCase()).join("");
  return el(`span.avatar.avatar-${app ? "app" : sum % AVATAR_COLOURS}${small ? ".small" : ""}`, { "aria-hidden": "true" }, initials);
}

/** A line at the foot of the page, read out at once; it goes after a while unless the pointer or focus is on it. */
export function toast(sentence) {
  const close = el("button.plain.icon", { type: "button", "aria-label": "Dismiss" }, "✕");
  const line = el("div.toast", { role: "alert" }, el("span", {}, sentence), close);
  const leave = () => line.remove();
  const later = () => setTimeout(() => (line.matches(":hover, :focus-within") ? later() : leave()), 8000);
  close.addEventListener("click", leave);
  document.getElementById("toasts").append(line);
  later();
}
