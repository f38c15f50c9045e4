// The panel for developers beside the workspace: traffic and faults, opened by a button and kept in the address.

import { FaultSwitch } from "./faults.js";
import { tabs } from "./tabs.js";
import { Traffic } from "./wire.js";

const $ = (id) => document.getElementById(id);

export class WirePanel {
  #traffic = new Traffic($("traffic"));
  #faults = new FaultSwitch($("faults"));
  #select;
  #go;

  /** `go(changes)` leads to another address. */
  constructor(go) {
    this.#go = go;
    this.#select = tabs([[$("tab-traffic"), "traffic"], [$("tab-faults"), "faults"]], (wire) => go({ wire }));
    $("open-wire").addEventListener("click", () => {
      if (!$("wire").hidden) {
        this.close();
        return;
      }
      go({ wire: "traffic" });
      $("tab-traffic").focus();
    });
    $("close-wire").addEventListener("click", () => this.close());
  }

  /** `tab` is "traffic", "faults" or null; times are shown in `tz`. */
  show(tab, tz) {
    const inFaults = tab === "faults";
    $("wire").hidden = !tab;
    $("open-wire").setAttribute("aria-expanded", String(Boolean(tab)));
    document.body.classList.toggle("has-wire", Boolean(tab));
    this.#select(inFaults ? "faults" : "traffic");
    $("faults").hidden = !inFaults;
    $("traffic").hidden = inFaults;
    this.#traffic.show(Boolean(tab) && !inFaults, tz);
    this.#faults.show(inFaults);
  }

  /** Something went over the wire, and may have used up a fault. */
  news() {
    this.#traffic.news();
    this.#faults.news();
  }

  close() {
    this.#go({ wire: null });
    $("open-wire").focus();
  }
}
