// What went over the wire, for developers: deliveries to the app with their acknowledgements, and its Web API calls.

import { wire as fetchWire } from "./api.js";
import { exactTime } from "./dates.js";
import { el, reconcile, toast } from "./dom.js";
import { jsonTree } from "./jsontree.js";

const MOST = 500;

const KINDS = [["", "Everything"], ["event", "Events"], ["command", "Commands"], ["interaction", "Interactions"], ["call", "Web API calls"], ["failed", "Failures"]];
const BADGES = { event: "event", command: "command", interaction: "action", call: "API" };

const nameOf = (entry) => entry.name ?? entry.method;
const msWords = (ms) => `${ms < 10 ? ms.toFixed(1) : Math.round(ms).toLocaleString("en-US")} ms`;

/** What became of an entry, in a few words: {words, failed}. */
function outcome(entry) {
  if (entry.kind === "call") {
    const failed = entry.fault !== null || entry.status !== 200 || entry.answer?.ok === false;
    const what = [entry.status && entry.status !== 200 ? entry.status : null, entry.answer?.error, entry.fault ? `fault: ${entry.fault}` : null].filter(Boolean);
    return { words: [...(what.length ? what : ["ok"]), msWords(entry.ms)].join(" · "), failed };
  }
  const last = entry.attempts.at(-1);
  if (!last) return { words: "waiting", failed: false };
  const times = entry.attempts.length > 1 ? `${entry.attempts.length} times · ` : "";
  if (entry.acknowledged) return { words: `${times}ack in ${msWords(entry.attempts.find((attempt) => attempt.acknowledged).ms)}`, failed: false };
  return { words: `${times}${last.error} · ${msWords(last.ms)}`, failed: true };
}

/** The list of entries, newest first, with a filter; it asks for news only while it is shown. */
export class Traffic {
  #entries = new Map();
  #cursor = null;
  #open = new Set();
  #asking = false;
  #again = false;
  #shown = false;
  #tz = null;

  constructor(root) {
    this.text = el("input.field", { type: "search", placeholder: "Filter by any text in it", "aria-label": "Filter the traffic", oninput: () => this.#draw() });
    this.kind = el("select.field", { "aria-label": "Kind of traffic", onchange: () => this.#draw() }, KINDS.map(([value, words]) => el("option", { value }, words)));
    this.count = el("p.wire-count");
    this.list = el("div.entries");
    root.replaceChildren(
      el("div.wire-tools", {}, this.text, this.kind, el("button.button", { type: "button", onclick: () => this.#clear() }, "Clear")),
      this.count, this.list);
  }

  /** Start or stop following; times are shown in `tz`. */
  show(on, tz) {
    const woken = on && !this.#shown;
    const moved = on && tz !== this.#tz;
    this.#shown = on;
    this.#tz = tz;
    if (woken) this.news();
    else if (moved) this.#draw();
  }

  /** The server has something new. */
  async news() {
    if (!this.#shown) return;
    if (this.#asking) {
      this.#again = true;
      return;
    }
    this.#asking = true;
    try {
      let more = true;
      while (more) {
        this.#again = false;
        const told = await fetchWire(this.#cursor);
        if (told.whole) this.#entries.clear();
        this.#cursor = told.cursor;
        for (const entry of told.entries) this.#entries.set(entry.number, entry);
        more = told.more || this.#again;
      }
      for (const number of [...this.#entries.keys()].sort((one, other) => one - other).slice(0, -MOST)) this.#entries.delete(number);
      this.#draw();
    } catch (error) {
      toast(error.message);
    } finally {
      this.#asking = false;
    }
  }

  #clear() {
    this.#entries.clear();
    this.#open.clear();
    this.#draw();
    this.text.focus();
  }

  #wanted(entry) {
    const kind = this.kind.value;
    const text = this.text.value.trim().toLowerCase();
    if (kind === "failed" ? !outcome(entry).failed : kind && kind !== entry.kind) return false;
    return !text || JSON.stringify(entry).toLowerCase().includes(text);
  }

  #draw() {
    const all = [...this.#entries.values()].sort((one, other) => other.number - one.number);
    const wanted = all.filter((entry) => this.#wanted(entry));
    this.count.textContent = all.length
      ? `${wanted.length === all.length ? "" : `${wanted.length} of `}${all.length} ${all.length === 1 ? "entry" : "entries"}, newest first`
      : "Nothing yet. What the app is sent, and what it calls, appears here.";
    reconcile(this.list, wanted.map((entry) => ({
      key: String(entry.number), signature: JSON.stringify([this.#tz, outcome(entry)]), build: () => this.#row(entry),
    })));
  }

  #row(entry) {
    const { words, failed } = outcome(entry);
    const node = el("details.entry", { ontoggle: () => {
      this.#open[node.open ? "add" : "delete"](entry.number);
      if (node.open && node.childElementCount === 1) node.append(inside(entry, this.#tz));
    } }, el("summary", { "data-focus": `entry/${entry.number}` },
      el("span.entry-time", {}, exactTime(entry.at, this.#tz)),
      el(`span.entry-kind.entry-${entry.kind}`, {}, BADGES[entry.kind]),
      el("span.entry-name", {}, nameOf(entry)),
      el(`span.entry-outcome${failed ? ".failed" : ""}`, {}, words)));
    if (this.#open.has(entry.number)) {
      node.append(inside(entry, this.#tz));
      node.open = true;
    }
    return node;
  }
}

function inside(entry, tz) {
  const part = (words, value) => [el("h3", {}, words), jsonTree(value)];
  if (entry.kind === "call") {
    return el("div.entry-body", {}, ...part(`Arguments, with ${entry.token === "none" ? "no token" : `the ${entry.token} token`}`, entry.arguments), entry.note ? el("p.entry-note", {}, entry.note) : null, ...part(`Answer, HTTP ${entry.status}`, entry.answer));
  }
  const attempts = entry.attempts.map((attempt) => el("li", {},
    `${exactTime(attempt.at, tz)} ${attempt.number ? `retry ${attempt.number} (${attempt.reason})` : "sent"} over ${attempt.over}: `,
    attempt.acknowledged ? `acknowledged in ${msWords(attempt.ms)}` : `${attempt.error} after ${msWords(attempt.ms)}`));
  return el("div.entry-body", {},
    el("h3", {}, "Attempts"), attempts.length ? el("ol", {}, attempts) : el("p", {}, "None yet."),
    ...(entry.response === null ? [] : part("Acknowledged with", entry.response)),
    ...part("Payload", entry.payload));
}
