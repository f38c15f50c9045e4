// Files on their way: how far each is, and a way to stop it.

import { el } from "./dom.js";

/** The person stopped an upload. */
export class Stopped extends Error {}

/** A list of uploads; `list` is where they are shown. */
export class Uploads {
  constructor() {
    this.list = el("ul.uploads", { "aria-label": "Files on their way" });
  }

  /** Run `request({progress, signal})`, which sends the file called `name`, with a row that shows it; rejects with Stopped. */
  async run(name, request) {
    const stop = new AbortController();
    const bar = el("progress", { max: 1, value: 0, "aria-label": `Uploading ${name}` });
    const percent = el("span.upload-percent", {}, "0%");
    const row = el("li.upload", {}, el("span.upload-name", {}, name), bar, percent,
      el("button.plain.icon", { type: "button", "aria-label": `Stop uploading ${name}`, onclick: () => stop.abort(new Stopped()) }, "✕"));
    this.list.append(row);
    const progress = (share) => {
      bar.value = share;
      percent.textContent = `${Math.floor(share * 100)}%`;
      // The rest is the app's time: there is nothing left to stop.
      if (share === 1) row.remove();
    };
    try {
      return await request({ progress, signal: stop.signal });
    } finally {
      row.remove();
    }
  }
}
