// The elements that hold a value: text, dates, choices, selects and files. Each is a field:
// {id, control, node?, read, write, group?, wordsId?, fail?}; `node` is what to show where that is more than the control.

import { el } from "./dom.js";
import { fileField } from "./filefield.js";
import { plain, textObject } from "./mrkdwn.js";
import { selectOf } from "./selects.js";

let made = 0;
const nextId = () => `field-${(made += 1)}`;

/** The fields of a modal, by block_id and action_id; values come out as Slack's state.values has them, flattened to the value. */
export class Form {
  #fields = [];

  register(block, item, field) {
    this.#fields.push({ block: block.block_id, action: item.action_id, field });
  }

  /** {block_id: {action_id: value}}; a choice of several is a list of values, nothing chosen is null. */
  values() {
    const values = {};
    for (const { block, action, field } of this.#fields) (values[block] ??= {})[action] = field.read();
    return values;
  }

  /** What was typed into an earlier version of the view stays where block_id and action_id are the same, as in Slack. */
  restore(values) {
    for (const { block, action, field } of this.#fields) {
      const value = values[block]?.[action];
      if (value !== undefined) field.write(value);
    }
  }

  /** Show the errors ({block_id: sentence}) at their fields and go to the first; returns those that have no field. */
  fail(errors) {
    let first = null;
    const seen = new Set();
    for (const { block, field } of this.#fields) {
      field.fail?.(errors[block] ?? null);
      if (errors[block]) {
        seen.add(block);
        first ??= field.control;
      }
    }
    first?.focus();
    return Object.entries(errors).filter(([block]) => !seen.has(block)).map(([, sentence]) => sentence);
  }
}

/**
 * A field for a Block Kit element, or null for a kind this page does not draw.
 * `changed(value)` is called when the person settles on a value; when it resolves to false a select goes back to what it
 * was. An `optional` select can be emptied again.
 */
export function fieldOf(item, context, changed = () => true, optional = false) {
  const draw = Object.hasOwn(FIELDS, item.type) ? FIELDS[item.type] : null;
  return draw ? draw(item, context, changed) : selectOf(item, nextId(), context, changed, optional);
}

function typed(spec, attributes, initial, changed) {
  const id = nextId();
  const control = el(spec, { id, ...attributes });
  control.value = initial ?? "";
  control.addEventListener("change", () => changed(control.value || null));
  return { id, control, read: () => control.value || null, write: (value) => { control.value = value; } };
}

const input = (type, initial) => (item, _context, changed) =>
  typed("input.field", { type, placeholder: plain(item.placeholder) || null }, item[initial], changed);

const FIELDS = {
  plain_text_input: (item, _context, changed) => typed(
    item.multiline ? "textarea.field" : "input.field",
    {
      type: item.multiline ? null : "text", rows: item.multiline ? 4 : null, autocomplete: "off",
      placeholder: plain(item.placeholder) || null, maxlength: item.max_length, minlength: item.min_length,
    },
    item.initial_value, changed),
  email_text_input: input("email", "initial_value"),
  url_text_input: input("url", "initial_value"),
  number_input: input("number", "initial_value"),
  datepicker: input("date", "initial_date"),
  timepicker: input("time", "initial_time"),
  checkboxes: (item, context, changed) =>
    options(item, context, "checkbox", (item.initial_options ?? []).map((each) => each.value), changed),
  radio_buttons: (item, context, changed) =>
    options(item, context, "radio", item.initial_option ? [item.initial_option.value] : [], changed),
  file_input: (item) => fileField(item, nextId()),
};

function options(item, context, type, initial, changed) {
  const id = nextId();
  const boxes = (item.options ?? []).map((option) => {
    const box = el("input", { type, name: id, value: option.value });
    box.checked = initial.includes(option.value);
    return [box, el("label.option", {}, box, el("span", {}, ...textObject(option.text, context),
      option.description ? el("span.option-description", {}, ...textObject(option.description, context)) : null))];
  });
  const control = el("div.options", { id, role: type === "radio" ? "radiogroup" : "group", tabindex: "-1" }, boxes.map(([, label]) => label));
  const chosen = () => boxes.filter(([box]) => box.checked).map(([box]) => box.value);
  const read = () => (type === "radio" ? chosen()[0] ?? null : chosen());
  control.addEventListener("change", () => changed(read()));
  return {
    id, control, read, group: true,
    write: (value) => {
      for (const [box] of boxes) box.checked = [value].flat().includes(box.value);
    },
  };
}
