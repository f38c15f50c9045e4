// The elements that hold a value: text, dates, choices and menus. Each is {id, control, read, write, group?, wordsId?, fail?}.

import { el } from "./dom.js";
import { openMenu } from "./menu.js";
import { plain, textObject } from "./mrkdwn.js";

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
      if (value !== undefined && value !== null) field.write(value);
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
 * `changed(value)` is called when the person settles on a value; when it resolves to false a menu goes back to what it was.
 */
export function fieldOf(item, context, changed = () => true) {
  if (Object.hasOwn(MENUS, item.type)) return menuField(item, context, changed);
  const draw = Object.hasOwn(FIELDS, item.type) ? FIELDS[item.type] : null;
  return draw ? draw(item, context, changed) : null;
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
  file_input: (item) => {
    const id = nextId();
    const control = el("input.field", {
      type: "file", id, multiple: (item.max_files ?? 10) > 1,
      accept: item.filetypes?.length ? item.filetypes.map((type) => `.${type}`).join(",") : null,
    });
    return { id, control, read: () => [...control.files], write: (files) => keepFiles(control, files) };
  },
};

/** A file input takes no list of files, only a DataTransfer's. */
function keepFiles(control, files) {
  const carried = new DataTransfer();
  for (const file of files) carried.items.add(file);
  control.files = carried.files;
}

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

/** Options of a menu as menu items. */
export const optionItems = (list) =>
  (list ?? []).map((option) => ({
    label: plain(option.text), description: option.description ? plain(option.description) : null, value: option.value,
  }));

const personName = (user) => (user.is_bot ? user.real_name || user.name : `@${user.handle}`);
const channelItems = ({ channels }, fits) =>
  [...channels.values()].filter((channel) => !channel.is_im && fits(channel))
    .map((channel) => ({ label: `#${channel.name}`, value: channel.id }));

/** What each kind of menu offers, and the value it starts with. */
const MENUS = {
  static_select: (item) => [
    item.option_groups
      ? item.option_groups.flatMap((group) => [{ heading: plain(group.label) }, ...optionItems(group.options)])
      : optionItems(item.options),
    item.initial_option?.value],
  users_select: (item, { users }) =>
    [[...users.values()].map((user) => ({ label: personName(user), value: user.id })), item.initial_user],
  channels_select: (item, context) => [channelItems(context, (channel) => !channel.is_private), item.initial_channel],
  conversations_select: (item, context) => [channelItems(context, () => true), item.initial_conversation],
};

function menuField(item, context, changed) {
  const [items, initial] = MENUS[item.type](item, context);
  const id = nextId();
  const placeholder = plain(item.placeholder) || "Choose an option";
  const words = el("span.select-label", { id: `${id}-words` });
  let value = null;
  const write = (next) => {
    value = next ?? null;
    words.textContent = items.find((each) => !each.heading && each.value === value)?.label ?? placeholder;
  };
  write(initial);
  const control = el("button.button.select", {
    type: "button", id, "aria-haspopup": "menu", "aria-expanded": "false",
    onclick: () => openMenu(control, items.map((each) => ({ ...each, current: !each.heading && each.value === value })), {
      label: placeholder,
      pick: async (option) => {
        const before = value;
        write(option.value);
        control.setAttribute("aria-busy", "true");
        const kept = await changed(option.value);
        control.removeAttribute("aria-busy");
        if (kept === false) write(before);
      },
    }),
  }, words, el("span.caret", { "aria-hidden": "true" }, "▾"));
  return { id, control, read: () => value, write, wordsId: words.id };
}
