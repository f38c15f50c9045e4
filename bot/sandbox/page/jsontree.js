// JSON to look into: objects and lists open and close.

import { el } from "./dom.js";

const OPEN_TO = 2; // levels
const MOST_NAMED = 4;

/** `value` as nodes, its first levels open; what is inside a closed one is built when it is opened. */
export function jsonTree(value, level = 0) {
  if (value === null || typeof value !== "object") return el(`span.json.json-${value === null ? "null" : typeof value}`, {}, JSON.stringify(value) ?? "");
  const list = Array.isArray(value);
  const entries = Object.entries(value);
  if (!entries.length) return el("span.json", {}, list ? "[]" : "{}");
  const inside = () => entries.map(([name, each]) => el("div.json-row", {}, el("span.json-name", {}, `${name}: `), jsonTree(each, level + 1)));
  const names = entries.slice(0, MOST_NAMED).map(([name]) => name).join(", ");
  const words = list ? `list of ${entries.length}` : `{ ${names}${entries.length > MOST_NAMED ? ", …" : ""} }`;
  const node = el("details.json", { ontoggle: () => node.open && node.childElementCount === 1 && node.append(...inside()) }, el("summary", {}, words));
  if (level < OPEN_TO) {
    node.append(...inside());
    node.open = true;
  }
  return node;
}
