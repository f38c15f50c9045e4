// Modals, as <dialog> elements: the browser keeps the focus inside and Escape closes them.

import { act, drop, failureOf } from "./api.js";
import { renderBlocks } from "./blocks.js";
import { el, toast } from "./dom.js";
import { Form } from "./fields.js";
import { plain } from "./mrkdwn.js";
import { Stopped, Uploads } from "./uploads.js";

/** The values with chosen files uploaded and replaced by their ids, which is what a file input's state holds. */
async function uploaded(user, values, uploads) {
  const send = (file) => uploads.run(file.name, async (how) => (await drop({ user, file, ...how })).file);
  const ready = {};
  for (const [block, actions] of Object.entries(values)) {
    ready[block] = {};
    for (const [action, value] of Object.entries(actions)) {
      ready[block][action] = Array.isArray(value) ? await Promise.all(value.map((each) => (each instanceof File ? send(each) : each))) : value;
    }
  }
  return ready;
}

/** The modals of the person looking: the top of the view stack is shown, and what it answers is followed. */
export class Modals {
  #dialog = null;
  #shown = null;
  #form = null;
  #body = null;
  #failure = null;
  #uploads = null;
  // Views closed here whose disappearance the server has not told yet; they must not flash up again.
  #closed = new Set();
  // What was typed into views that lie below another one.
  #below = new Map();

  /** `stack`: the open views of `user`, top last; `context` as for mrkdwn; press as for renderBlocks, given the view too. */
  show(stack, { user, context, press }) {
    const top = stack.filter((view) => !this.#closed.has(view.id)).at(-1);
    if (!top) {
      this.#drop();
      this.#below.clear();
      return;
    }
    const signature = JSON.stringify([user, top.id, top.hash, top.blocks]);
    if (this.#shown?.signature === signature) return;
    const same = this.#shown?.id === top.id && this.#shown.user === user;
    if (this.#shown) this.#below.set(this.#shown.id, this.#form.values());
    if (!same) this.#build(top, user, stack.length > 1);
    this.#shown = { id: top.id, user, signature };
    const focus = same ? document.activeElement?.dataset.focus : null;
    this.#fill(top, context, press);
    this.#form.restore(this.#below.get(top.id) ?? {});
    const first = this.#body.querySelector("[data-focus-first]") ?? this.#body.querySelector("input, textarea, .select");
    const again = focus && [...this.#body.querySelectorAll("[data-focus]")].find((node) => node.dataset.focus === focus);
    if (again) again.focus();
    else if (!this.#dialog.contains(document.activeElement) || !same) first?.focus();
  }

  #drop() {
    // Closing, not only removing, gives the focus back to where it was before.
    this.#dialog?.close();
    this.#dialog?.remove();
    this.#dialog = this.#shown = null;
  }

  #build(view, user, nested) {
    this.#drop();
    this.#body = el("div.dialog-body");
    this.#failure = el("p.field-error", { role: "alert", hidden: true });
    this.#uploads = new Uploads();
    const close = () => this.#close(user, view.id);
    const submit = (event) => {
      event.preventDefault();
      this.#submit(user, view.id);
    };
    this.#dialog = el("dialog.dialog.modal", { "aria-labelledby": "modal-title", oncancel: (event) => { event.preventDefault(); close(); } },
      el("form.modal-form", { novalidate: true, onsubmit: submit },
        el("div.dialog-head", {}, el("h2", { id: "modal-title" }),
          el("button.plain.icon.end", { type: "button", "aria-label": "Close", onclick: close }, "✕")),
        this.#body,
        this.#uploads.list,
        this.#failure,
        el("div.dialog-foot", {},
          el("button.button.modal-close", { type: "button", onclick: close }, nested ? "Back" : "Cancel"),
          el("button.button.primary.modal-submit", { type: "submit" }))));
    document.body.append(this.#dialog);
    this.#dialog.showModal();
  }

  #fill(view, context, press) {
    this.#form = new Form();
    this.#dialog.querySelector("#modal-title").textContent = plain(view.title);
    const submit = this.#dialog.querySelector(".modal-submit");
    submit.textContent = plain(view.submit) || "Submit";
    submit.hidden = !view.submit && !view.blocks?.some((block) => block.type === "input");
    if (view.close) this.#dialog.querySelector(".modal-close").textContent = plain(view.close);
    const surface = { context, form: this.#form, press: (item, block, value) => press(view, item, block, value, this.#form.values()) };
    this.#body.replaceChildren(...renderBlocks(view.blocks, surface));
  }

  #say(sentence) {
    this.#failure.textContent = sentence ?? "";
    this.#failure.hidden = !sentence;
  }

  async #submit(user, viewId) {
    const form = this.#form;
    const submit = this.#dialog.querySelector(".modal-submit");
    if (submit.getAttribute("aria-busy") === "true") return;
    submit.setAttribute("aria-busy", "true");
    try {
      const reply = await act("submit", { user, view_id: viewId, values: await uploaded(user, form.values(), this.#uploads) });
      const errors = reply.errors ?? (reply.response?.response_action === "errors" ? reply.response.errors : null) ?? {};
      const homeless = form.fail(errors);
      this.#say(failureOf(reply) && !Object.keys(errors).length ? failureOf(reply) : homeless.join(" "));
    } catch (error) {
      this.#say(error instanceof Stopped ? null : error.message);
    } finally {
      submit.removeAttribute("aria-busy");
    }
  }

  async #close(user, viewId) {
    this.#closed.add(viewId);
    this.#drop();
    try {
      await act("close", { user, view_id: viewId });
    } catch (error) {
      toast(error.message);
    }
  }
}
