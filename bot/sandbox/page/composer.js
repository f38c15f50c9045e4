// Where a person types: messages, slash commands and files, in a channel or in a thread.

import { act, drop, failureOf, samples } from "./api.js";
import { el, toast } from "./dom.js";
import { icon } from "./icons.js";
import { openMenu } from "./menu.js";
import { Stopped, Uploads } from "./uploads.js";

const COMMAND = /^\/[\w-]/u;

/** Where what was typed at a place is kept: in this tab, over a reload. */
const draftOf = (place) => `draft ${place.user} ${place.channel} ${place.threadTs ?? ""}`;

/** One composer; `setPlace` points it at a channel or thread, and what was typed there before comes back. */
export class Composer {
  #place = null;
  #files = [];
  #chosen = -1;
  #notice;
  #sent;
  #uploads = new Uploads();

  /** `notice(place, sentence)` shows what Slackbot would say to the person alone; `sent(place)` follows a message sent. */
  constructor(slot, { label, notice, sent }) {
    this.#notice = notice;
    this.#sent = sent;
    const id = slot.id;
    this.text = el("textarea", {
      id: `${id}-text`, rows: 1, "aria-label": label, autocomplete: "off",
      "aria-autocomplete": "list", "aria-haspopup": "listbox", "aria-controls": `${id}-suggestions`,
      onkeydown: (event) => this.#key(event), oninput: () => this.#typed(),
      onpaste: (event) => this.#paste(event), onblur: () => this.#hide(),
    });
    this.chips = el("ul.chips", { "aria-label": "Files to send" });
    this.suggestions = el("ul.suggestions", { id: `${id}-suggestions`, role: "listbox", "aria-label": "Suggestions", hidden: true });
    this.picker = el("input", { type: "file", multiple: true, hidden: true, "aria-label": "Files from this computer", onchange: () => {
      this.attach([...this.picker.files]);
      this.picker.value = "";
    } });
    this.add = el("button.plain.icon.add", {
      type: "button", "aria-label": "Attach a list", "aria-haspopup": "menu", "aria-expanded": "false", onclick: () => this.offer(this.add),
    }, "+");
    this.working = el("span.working", { role: "status" });
    this.hint = el("span.composer-hint", {}, "Enter sends · Shift+Enter: new line · F6: next pane");
    this.form = el("form.composer", { onsubmit: (event) => { event.preventDefault(); this.#send(); } },
      this.suggestions, this.#uploads.list, this.chips, this.text,
      el("div.composer-foot", {}, this.add, this.picker, this.working, this.hint,
        el("button.send", { type: "submit", "aria-label": "Send" }, "➤")));
    this.closed = el("p.composer-closed", { hidden: true });
    slot.replaceChildren(this.form, this.closed);
  }

  /** `place`: {user, channel, channelKey, threadTs?, words, closed?, commands, people}; `words` invites to type, `closed` says why one cannot. */
  setPlace(place) {
    const moved = !this.#place || draftOf(this.#place) !== draftOf(place);
    this.#place = place;
    if (moved) {
      this.text.value = sessionStorage.getItem(draftOf(place)) ?? "";
      this.#files = [];
      this.#drawChips();
      this.#hide();
    }
    this.text.placeholder = place.words;
    this.form.hidden = Boolean(place.closed);
    this.closed.hidden = !place.closed;
    this.closed.textContent = place.closed ?? "";
  }

  focus() {
    this.text.focus();
  }

  /** Put files beside the text; they go out with it. */
  attach(files) {
    this.#files.push(...files);
    this.#drawChips();
    this.focus();
  }

  #drawChips() {
    this.chips.replaceChildren(...this.#files.map((file) => el("li.chip", {}, icon("file"), el("span", {}, file.name),
      el("button.plain.icon", { type: "button", "aria-label": `Remove ${file.name}`, onclick: () => {
        this.#files = this.#files.filter((each) => each !== file);
        this.#drawChips();
        this.focus();
      } }, "✕"))));
  }

  #paste(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    this.attach(files);
  }

  /** Start a text for the person to go on with. */
  begin(text) {
    this.text.value = text;
    this.focus();
  }

  /** The menu of what can be attached, under `anchor`. */
  async offer(anchor) {
    let lists = [];
    try {
      lists = await samples();
    } catch (error) {
      toast(error.message);
    }
    openMenu(anchor, [
      { label: "From this computer…", value: null },
      ...(lists.length ? [{ heading: "Sample lists, sent at once" }] : []),
      ...lists.map((sample) => ({ label: sample.name, description: sample.description, value: sample.name })),
    ], {
      label: "Attach a list",
      pick: ({ value }) => (value === null ? this.picker.click() : this.#dropSample(value)),
    });
  }

  #dropSample(name) {
    const text = COMMAND.test(this.text.value) ? "" : this.text.value.trim();
    if (text) this.#emptied();
    const { user, channel, threadTs } = this.#place;
    return this.#work(`Sending ${name}…`, this.#place, text, () => drop({ user, channel, file: name, text, threadTs }));
  }

  async #send() {
    const text = this.text.value.trim();
    const files = this.#files;
    const place = this.#place;
    if (!text && !files.length) return;
    const { user, channel, threadTs } = place;
    this.#emptied();
    this.#files = [];
    this.#drawChips();
    this.#hide();
    if (COMMAND.test(text) && !files.length) {
      await this.#work("Sending the command…", place, text, () => act("command", { user, channel, text, thread_ts: threadTs }));
      return;
    }
    if (!files.length) {
      await this.#work("Sending…", place, text, () => act("message", { user, channel, text, thread_ts: threadTs }));
      return;
    }
    for (const [index, file] of files.entries()) {
      const comment = index ? "" : text;
      await this.#work(`Uploading ${file.name}…`, place, comment, () =>
        this.#uploads.run(file.name, (how) => drop({ user, channel, file, text: comment, threadTs, ...how })));
    }
  }

  /** Send, and say what went wrong: Slack's own words as Slackbot's notice; a refusal gives the text back to be mended. */
  async #work(words, place, text, request) {
    this.working.textContent = words;
    this.#sent(place);
    try {
      const failure = failureOf(await request());
      if (failure) this.#notice(place, failure);
    } catch (error) {
      if (!(error instanceof Stopped)) this.#notice(place, error.message);
      if (text && !this.text.value && this.#place.channel === place.channel && this.#place.user === place.user) this.text.value = text;
    } finally {
      if (this.working.textContent === words) this.working.textContent = "";
    }
  }

  #key(event) {
    if (event.isComposing) return;
    const open = !this.suggestions.hidden;
    const rows = [...this.suggestions.children];
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      this.#choose((this.#chosen + (event.key === "ArrowDown" ? 1 : -1) + rows.length) % rows.length);
    } else if (open && event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.#hide();
    } else if (open && event.key === "Tab" && !event.shiftKey) {
      event.preventDefault();
      rows[Math.max(0, this.#chosen)].click();
    } else if (open && event.key === "Enter" && this.#chosen >= 0) {
      event.preventDefault();
      rows[this.#chosen].click();
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#send();
    }
  }

  #emptied() {
    this.text.value = "";
    sessionStorage.removeItem(draftOf(this.#place));
  }

  #typed() {
    sessionStorage.setItem(draftOf(this.#place), this.text.value);
    this.#suggest();
  }

  /** Commands after "/", people after "@": the word before the caret decides. */
  #suggest() {
    const before = this.text.value.slice(0, this.text.selectionStart);
    const command = /^\/[\w-]*$/u.test(before) && !this.#place.threadTs;
    const person = /(?:^|\s)@(?<name>[\w-]*)$/u.exec(before)?.groups.name;
    const rows = [];
    if (command) {
      for (const each of this.#place.commands) {
        if (each.name.startsWith(before)) rows.push([`${each.name} `, [each.name, each.usage].filter(Boolean).join(" "), each.description, before]);
      }
    } else if (person !== undefined) {
      for (const name of this.#place.people) {
        if (name.toLowerCase().startsWith(person.toLowerCase()) && name !== person) rows.push([`@${name} `, `@${name}`, "", `@${person}`]);
      }
    }
    this.#chosen = -1;
    this.suggestions.replaceChildren(...rows.map(([fill, label, description, typed], index) => el("li.suggestion", {
      role: "option", id: `${this.suggestions.id}-${index}`, "aria-selected": "false",
      onmousedown: (event) => event.preventDefault(),
      onclick: () => {
        const rest = this.text.value.slice(before.length);
        this.text.value = before.slice(0, before.length - typed.length) + fill + rest;
        this.text.selectionStart = this.text.selectionEnd = this.text.value.length - rest.length;
        this.#hide();
        this.focus();
      },
    }, el("b", {}, label), description ? el("span.suggestion-description", {}, description) : null)));
    this.suggestions.hidden = !rows.length;
    // A half-typed person is completed by Enter, a command is sent by it: people type commands whole.
    if (rows.length && person) this.#choose(0);
  }

  #choose(index) {
    this.#chosen = index;
    for (const [at, row] of [...this.suggestions.children].entries()) row.setAttribute("aria-selected", String(at === index));
    this.text.setAttribute("aria-activedescendant", `${this.suggestions.id}-${index}`);
  }

  #hide() {
    this.#chosen = -1;
    this.suggestions.hidden = true;
    this.text.removeAttribute("aria-activedescendant");
  }
}
