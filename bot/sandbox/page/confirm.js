// The dialog that an element with a `confirm` object puts before its action.

import { el } from "./dom.js";
import { plain, textObject } from "./mrkdwn.js";

/** Ask what a `confirm` object asks; resolves to whether the person said yes. Escape and the deny button are no. */
export function confirmed(confirm, context) {
  return new Promise((resolve) => {
    const done = (yes) => () => {
      dialog.close();
      resolve(yes);
    };
    const title = el("h2", { id: "confirm-title" }, plain(confirm.title) || "Are you sure?");
    const danger = confirm.style === "danger" ? ".danger" : ".primary";
    const dialog = el("dialog.dialog.confirm", { "aria-labelledby": "confirm-title" },
      title,
      el("div.confirm-text", {}, ...textObject(confirm.text, context)),
      el("div.dialog-foot", {},
        el("button.button", { type: "button", onclick: done(false) }, plain(confirm.deny) || "Cancel"),
        el(`button.button${danger}`, { type: "button", onclick: done(true) }, plain(confirm.confirm) || "Yes")));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(false);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
