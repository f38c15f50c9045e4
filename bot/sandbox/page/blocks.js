// Block Kit to DOM. Source of the shapes: docs.slack.dev, "Reference: Block Kit".

import { confirmed } from "./confirm.js";
import { el } from "./dom.js";
import { fieldOf } from "./fields.js";
import { icon } from "./icons.js";
import { openMenu } from "./menu.js";
import { plain, textObject } from "./mrkdwn.js";
import { richText } from "./richtext.js";
import { optionItems } from "./selects.js";

/**
 * Blocks as nodes.
 * `surface`: {context, press(element, block, value), form}: press sends a block action and resolves when the app has
 * acknowledged it, to a sentence when it has not; `form` is a Form (fields.js) on a modal, where inputs are collected, and null elsewhere.
 */
export function renderBlocks(blocks, surface) {
  return (blocks ?? []).map((block) => {
    const draw = Object.hasOwn(BLOCKS, block.type) ? BLOCKS[block.type] : unknown;
    const node = draw(block, surface);
    node.classList.add("block", `block-${block.type.replaceAll("_", "-")}`);
    return node;
  });
}

const BLOCKS = {
  header: (block) => el("h2", {}, plain(block.text)),
  divider: () => el("hr"),
  section: (block, surface) => el("div", {},
    el("div.section-body", {},
      block.text ? el("div.section-text", {}, ...textObject(block.text, surface.context)) : null,
      block.fields?.length
        ? el("div.fields", {}, block.fields.map((field) => el("div.section-field", {}, ...textObject(field, surface.context)))) : null),
    block.accessory ? el("div.accessory", {}, element(block.accessory, block, surface)) : null),
  context: (block, surface) => el("div", {}, (block.elements ?? []).map((each) => (each.type === "image"
    ? picture(each, "context-image") : el("span.context-text", {}, ...textObject(each, surface.context))))),
  actions: (block, surface) => el("div", {}, (block.elements ?? []).map((each) => element(each, block, surface))),
  image: (block) => el("figure", {}, block.title ? el("figcaption", {}, plain(block.title)) : null, picture(block)),
  file: (block) => el("div.file-card", {}, icon("file"),
    el("span.file-name", {}, block.external_id ?? "A remote file")),
  input: (block, surface) => inputBlock(block, surface),
  markdown: (block, surface) => el("div", {}, ...textObject({ type: "mrkdwn", text: asMrkdwn(block.text) }, surface.context)),
  alert: (block, surface) => el(`div.alert-${block.level ?? "default"}`, {}, icon("warning"), el("span", {}, ...textObject(block.text, surface.context))),
  table: (block, surface) => {
    const [head, ...rows] = block.rows ?? [];
    const row = (cells, kind) => el("tr", {}, cells.map((cell, index) => el(kind, { class: `align-${block.column_settings?.[index]?.align ?? "left"}` },
      ...(cell.type === "rich_text" ? richText(cell.elements, surface.context) : [String(cell.text)]))));
    return el("div", {}, el("table", {}, el("thead", {}, row(head ?? [], "th")), el("tbody", {}, rows.map((cells) => row(cells, "td")))));
  },
  rich_text: (block, surface) => el("div", {}, ...richText(block.elements, surface.context)),
};

/** The part of Markdown that has a counterpart in Slack's own markup: headings, bold, links and lists. */
const asMrkdwn = (text) => text
  .replace(/^#{1,6}\s+(.*)$/gmu, "**$1**")
  .replace(/\[([^\]]+)\]\((https?:[^)\s]+)\)/gu, "<$2|$1>")
  .replace(/^(\s*)[-*]\s+/gmu, "$1• ")
  .replace(/\*\*([^*\n]+)\*\*/gu, "*$1*");

const unknown = (block) => el("div.unknown-block", {}, `This page does not draw blocks of type ${block.type}.`);

/** Nothing is loaded from elsewhere, so a picture of another host is shown as its description with a link. */
function picture(image, kind = "picture") {
  const alt = image.alt_text ?? "image";
  const url = image.image_url ?? "";
  if (url.startsWith(`${location.origin}/`) || (url.startsWith("/") && !url.startsWith("//"))) return el(`img.${kind}`, { src: url, alt });
  const link = /^https?:/iu.test(url) ? el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, alt) : alt;
  return el(`span.${kind}.elsewhere`, { role: "img", "aria-label": alt }, icon("picture"), " ", link);
}

/** The field of an element, registered with the form when there is one; null for a kind this page does not draw. */
function fieldIn(block, item, surface, changed) {
  const field = fieldOf(item, surface.context, changed, block.type === "input" && Boolean(block.optional));
  if (field) surface.form?.register(block, item, field);
  return field;
}

function inputBlock(block, surface) {
  const field = fieldIn(block, block.element, surface, (value) => !block.dispatch_action || act(block.element, block, value, surface, field.control));
  if (!field) return unknown(block.element);
  const label = el("label.input-label", { id: `${field.id}-label`, for: field.group ? null : field.id }, plain(block.label),
    block.optional ? el("span.optional", {}, " (optional)") : null);
  const hint = block.hint ? el("p.field-hint", { id: `${field.id}-hint` }, plain(block.hint)) : null;
  const error = el("p.field-error", { id: `${field.id}-error`, role: "alert", hidden: true });
  for (const node of field.group ? field.control.querySelectorAll("input") : [field.control]) {
    node.dataset.focus = `${focusKey(block.element, block)}${field.group ? `/${node.value}` : ""}`;
  }
  if (block.element.focus_on_load) field.control.dataset.focusFirst = "";
  field.control.setAttribute("aria-labelledby", `${label.id}${field.wordsId ? ` ${field.wordsId}` : ""}`);
  field.control.setAttribute("aria-describedby", `${hint ? `${hint.id} ` : ""}${error.id}`);
  field.fail = (sentence) => {
    error.textContent = sentence ?? "";
    error.hidden = !sentence;
    field.control.setAttribute("aria-invalid", sentence ? "true" : "false");
  };
  return el("div", { "data-block": block.block_id }, label, field.node ?? field.control, hint, error);
}

function element(item, block, surface) {
  if (item.type === "image") return picture(item);
  if (item.type === "button") return button(item, block, surface);
  if (item.type === "overflow") return overflow(item, block, surface);
  const field = fieldIn(block, item, surface, (value) => act(item, block, value, surface, field.control));
  if (!field) return unknown(item);
  field.control.dataset.focus = focusKey(item, block);
  if (!field.wordsId) field.control.setAttribute("aria-label", plain(item.placeholder) || item.action_id || item.type);
  return field.control;
}

const focusKey = (item, block) => `${block.block_id ?? ""}/${item.action_id ?? ""}`;

/**
 * Ask when the element says so, send the action, and keep the control busy until the app has acknowledged.
 * False when the person said no or the action failed: the choice is then taken back.
 */
async function act(item, block, value, surface, control) {
  if (item.confirm && !(await confirmed(item.confirm, surface.context))) return false;
  warn(control, null);
  control.setAttribute("aria-busy", "true");
  try {
    const failure = await surface.press(item, block, value);
    if (typeof failure !== "string") return true;
    warn(control, failure);
    return false;
  } finally {
    control.removeAttribute("aria-busy");
  }
}

/** Slack's small triangle beside a control whose press the app did not acknowledge; null takes it away. */
function warn(control, sentence) {
  if (control.nextElementSibling?.matches(".no-answer")) control.nextElementSibling.remove();
  if (sentence) control.after(el("span.no-answer", { role: "alert", title: sentence }, icon("warning"), el("span.unseen", {}, sentence)));
}

function button(item, block, surface) {
  const style = ["primary", "danger"].includes(item.style) ? `.${item.style}` : "";
  const control = el(`button.button${style}`, {
    type: "button",
    "data-focus": focusKey(item, block),
    "aria-label": item.accessibility_label,
    onclick: () => {
      if (control.getAttribute("aria-busy") === "true") return;
      // A link button opens its page and tells the app, as in Slack.
      if (item.url && /^https?:/iu.test(item.url)) window.open(item.url, "_blank", "noopener,noreferrer");
      act(item, block, item.value, surface, control);
    },
  }, plain(item.text));
  return control;
}

function overflow(item, block, surface) {
  const control = el("button.button.overflow", {
    type: "button", "aria-haspopup": "menu", "aria-expanded": "false", "aria-label": "More options", "data-focus": focusKey(item, block),
    onclick: () => openMenu(control, optionItems(item.options), {
      label: "More options",
      pick: ({ value }) => act(item, block, value, surface, control),
    }),
  }, "⋯");
  return control;
}
