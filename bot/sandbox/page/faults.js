// The fault switch: what real Slack does now and then, planted by hand.

import { act, faults as fetchFaults } from "./api.js";
import { el, reconcile, toast } from "./dom.js";

/** Each with what the server must know for it: [area, kind]; `acts` are the socket's doings that happen at once. */
const PRESETS = [
  ["Slack answers 429 for 5 s", ["method", "ratelimited"], { method: "*", fault: "ratelimited", retry_after: 5, times: -1, until: 5 }],
  ["Slack fails with 503", ["method", "server_error"], { method: "*", fault: "server_error", times: 2 }],
  ["Answers get lost", ["method", "lost_answer"], { method: "*", fault: "lost_answer", times: 3 }],
  ["Every call takes 2 s", ["method", "slow"], { method: "*", fault: "slow", seconds: 2, times: -1 }],
  ["Cut the connection", ["acts", "drop"], { socket: "drop" }],
  ["Deliver every event twice", ["delivery", "duplicate"], { delivery: "event", fault: "duplicate", times: -1 }],
  ["Token revoked", null, { token: "revoked" }],
  ["Chaos", ["chaos"], { chaos: 1 }],
];

const AREAS = { method: "Web API and response URLs", delivery: "Deliveries to the app", socket: "Socket Mode", file: "Files" };
const DELIVERIES = ["*", "event", "command", "interaction"];
/** What some kinds want to know besides: [setting, words, first value]. */
const SETTINGS = {
  ratelimited: ["retry_after", "Seconds to wait", 1],
  slow: ["seconds", "Seconds", 1],
  late: ["seconds", "Seconds", 1],
  reorder: ["seconds", "Seconds at most", 1],
  late_shares: ["seconds", "Seconds", 1],
  server_error: ["status", "HTTP status", 503],
  error: ["error", "Error code", "fatal_error"],
  oversized: ["bytes", "Bytes", 1_000_000],
};

const knows = (told, needs) => {
  if (needs === null) return true;
  const [area, kind] = needs;
  if (area === "chaos") return "chaos" in told;
  return (area === "acts" ? told.acts : told.kinds?.[area])?.includes(kind) ?? false;
};

const often = (times) => (times < 0 ? "until cleared" : times === 1 ? "once" : `${times} times`);

/** One planted fault in words. */
function wordsOf(fault) {
  const area = Object.keys(AREAS).find((each) => each in fault);
  const { fault: kind, times, probability = 1, [area]: target, after: _after, until: _until, ...settings } = fault;
  const rest = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
  return [`${area} ${target}: ${kind}`, often(times), ...(probability < 1 ? [`probability ${probability}`] : []), ...rest].join(" · ");
}

/** Plants, lists and clears; it asks for what waits only while it is shown. */
export class FaultSwitch {
  #told = null;
  #shown = false;

  constructor(root) {
    this.presets = el("div.presets", { role: "group", "aria-label": "Faults with one click" });
    this.waiting = el("ul.faults");
    this.status = el("p.faults-status", { role: "status" });
    this.area = select("Where", [], () => this.#drawKinds());
    this.kind = select("What", [], () => this.#drawSetting());
    this.target = field("Method, * for every", { type: "text", value: "*" });
    this.delivery = select("Of", DELIVERIES.map((value) => [value, value === "*" ? "everything" : `${value}s`]));
    this.setting = field("", { type: "text" });
    this.times = field("Times (-1: until cleared)", { type: "number", min: -1, value: 1 });
    this.probability = field("Probability", { type: "number", min: 0, max: 1, step: "any", value: 1 });
    this.seed = field("Seed", { type: "number", value: 0 });
    this.after = field("Starts after (s)", { type: "number", min: 0, step: "any", placeholder: "now" });
    this.until = field("Ends after (s)", { type: "number", min: 0, step: "any", placeholder: "never" });
    this.form = el("form.fault-form", { "aria-label": "Plant a fault", onsubmit: (event) => {
      event.preventDefault();
      this.#plant(this.#body(), `${this.kind.control.value} is planted.`);
    } }, [this.area, this.kind, this.target, this.delivery, this.setting, this.times, this.probability, this.seed, this.after, this.until].map(({ node }) => node),
    el("button.button.primary", { type: "submit" }, "Plant it"));
    root.replaceChildren(
      el("h3", {}, "With one click"), this.presets, this.status,
      el("h3", {}, "Waiting for their occasion"), this.waiting,
      el("button.button", { type: "button", onclick: () => this.#plant({ clear: true }, "All is well again.") }, "Clear all"),
      el("h3", {}, "By hand"), this.form);
  }

  show(on) {
    const woken = on && !this.#shown;
    this.#shown = on;
    if (woken) this.news();
  }

  /** Something may have struck. */
  async news() {
    if (!this.#shown) return;
    try {
      const told = await fetchFaults();
      const known = this.#told;
      this.#told = told;
      if (JSON.stringify(known?.kinds) !== JSON.stringify(told.kinds)) this.#drawForm();
      this.#drawLists();
    } catch (error) {
      toast(error.message);
    }
  }

  async #plant(body, words) {
    try {
      await act("faults", body);
      this.status.textContent = words;
    } catch (error) {
      this.status.textContent = error.message;
    }
    await this.news();
  }

  #drawLists() {
    const offered = PRESETS.filter(([, needs]) => knows(this.#told, needs));
    reconcile(this.presets, offered.map(([words, , body]) => ({
      key: words, signature: "", build: () => el("button.button", { type: "button", onclick: () => this.#plant(body, `${words}: done.`) }, words),
    })));
    const lines = this.#told.faults.map(wordsOf);
    if (this.#told.chaos) lines.push(`Chaos · seed ${this.#told.chaos.seed}`);
    if (this.#told.revoked) lines.push("Token revoked");
    reconcile(this.waiting, (lines.length ? lines : ["None."]).map((line, index) => ({ key: String(index), signature: line, build: () => el("li", {}, line) })));
  }

  #drawForm() {
    const areas = Object.entries(AREAS).filter(([area]) => this.#told.kinds?.[area]?.length);
    this.form.hidden = !areas.length;
    options(this.area.control, areas);
    this.#drawKinds();
  }

  #drawKinds() {
    const area = this.area.control.value;
    const kinds = this.#told.kinds?.[area] ?? [];
    options(this.kind.control, kinds.map((kind) => [kind, kind.replaceAll("_", " ")]));
    this.target.node.hidden = area !== "method";
    this.delivery.node.hidden = area !== "delivery";
    this.#drawSetting();
  }

  #drawSetting() {
    const wanted = SETTINGS[this.kind.control.value];
    this.setting.node.hidden = !wanted;
    if (!wanted) return;
    this.setting.words.textContent = wanted[1];
    this.setting.control.value = wanted[2];
  }

  #body() {
    const [area, kind] = [this.area.control.value, this.kind.control.value];
    const how = { times: Number(this.times.control.value), probability: Number(this.probability.control.value), seed: Number(this.seed.control.value) };
    for (const [name, { control }] of [["after", this.after], ["until", this.until]]) if (control.value) how[name] = Number(control.value);
    const wanted = SETTINGS[kind];
    if (wanted) how[wanted[0]] = typeof wanted[2] === "number" ? Number(this.setting.control.value) : this.setting.control.value;
    if (area === "method") return { method: this.target.control.value.trim() || "*", fault: kind, ...how };
    if (area === "delivery") return { delivery: this.delivery.control.value, fault: kind, ...how };
    return { [area]: kind, ...how };
  }
}

let made = 0;

function labelled(words, control) {
  control.id = `fault-${(made += 1)}`;
  const label = el("label", { for: control.id }, words);
  return { control, words: label, node: el("div.fault-field", {}, label, control) };
}

const field = (words, attributes) => {
  const made = labelled(words, el("input.field", attributes));
  if ("value" in attributes) made.control.value = attributes.value;
  return made;
};
const select = (words, choices, changed = () => {}) => {
  const made = labelled(words, el("select.field", { onchange: changed }));
  options(made.control, choices);
  return made;
};
const options = (control, choices) => {
  const before = control.value;
  control.replaceChildren(...choices.map(([value, words]) => el("option", { value }, words)));
  if (choices.some(([value]) => value === before)) control.value = before;
};
