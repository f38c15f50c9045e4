// The file input of a modal: files are chosen, or dropped anywhere on it.

import { receiveFiles } from "./dropping.js";
import { el } from "./dom.js";
import { icon } from "./icons.js";

const MOST_FILES = 10;

/** A file_input as a field (see fields.js). Files of a kind or number it does not take are refused with a sentence. */
export function fileField(item, id) {
  const most = item.max_files ?? MOST_FILES;
  const kinds = item.filetypes ?? [];
  const list = el("ul.chips", { "aria-label": "Chosen files" });
  const control = el("input.field", {
    type: "file", id, multiple: most > 1, accept: kinds.length ? kinds.map((kind) => `.${kind}`).join(",") : null,
  });
  const node = el("div.file-field", {}, control, el("p.file-field-words", {}, most > 1 ? "Choose files, or drop them here." : "Choose a file, or drop it here."), list);
  const field = { id, control, node, read: () => [...control.files], write: (files) => put(files) };

  function put(files) {
    // A file input takes no list of files, only a DataTransfer's.
    const carried = new DataTransfer();
    for (const file of files) carried.items.add(file);
    control.files = carried.files;
    list.replaceChildren(...files.map((file) => el("li.chip", {}, icon("file"), el("span", {}, file.name),
      el("button.plain.icon", { type: "button", "aria-label": `Remove ${file.name}`, onclick: () => {
        put(field.read().filter((each) => each !== file));
        control.focus();
      } }, "✕"))));
  }
  function take(files) {
    const fits = files.filter((file) => !kinds.length || kinds.some((kind) => file.name.toLowerCase().endsWith(`.${kind.toLowerCase()}`)));
    const refused = files.find((file) => !fits.includes(file));
    let sentence = refused ? `${refused.name} cannot be taken here. Can be: ${kinds.join(", ")}.` : null;
    if (fits.length > most) sentence = `No more than ${most} ${most === 1 ? "file" : "files"} here.`;
    field.fail?.(sentence);
    put(fits.slice(0, most));
  }
  control.addEventListener("change", () => take(field.read()));
  receiveFiles(node, (files) => take(most > 1 ? [...field.read(), ...files] : files));
  return field;
}
