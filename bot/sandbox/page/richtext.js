// rich_text blocks, which is what people's own messages carry. Source: docs.slack.dev, "Rich text block".

import { slackDate } from "./dates.js";
import { el } from "./dom.js";
import { mention, mrkdwn } from "./mrkdwn.js";

const STYLES = { code: "code", strike: "s", italic: "i", bold: "b" };

/** The elements of a rich_text block as nodes; `context` as for mrkdwn. */
export function richText(elements, context) {
  return (elements ?? []).map((part) => {
    const inner = () => (part.elements ?? []).map((each) => piece(each, context));
    if (part.type === "rich_text_list") {
      return el(part.style === "ordered" ? "ol" : "ul", {}, (part.elements ?? []).map((item) => el("li", {}, ...richText([item], context))));
    }
    if (part.type === "rich_text_quote") return el("blockquote", {}, ...inner());
    if (part.type === "rich_text_preformatted") return el("pre", {}, ...inner());
    return el("div", {}, ...inner());
  });
}

function piece(item, context) {
  let node = words(item, context);
  for (const [style, tag] of Object.entries(STYLES)) if (item.style?.[style]) node = el(tag, {}, node);
  return node;
}

function words(item, context) {
  if (item.type === "text") return item.text ?? "";
  if (item.type === "user") return mention(item.user_id, null, context);
  if (item.type === "channel") return el("span.mention", {}, `#${context.channels.get(item.channel_id)?.name ?? item.channel_id}`);
  if (item.type === "broadcast") return el("span.mention.loud", {}, `@${item.range}`);
  if (item.type === "date") return el("time", {}, slackDate(Number(item.timestamp), item.format ?? "{date}", context.tz));
  // Links and shortcodes mean the same in mrkdwn; an address with a bracket or a bar in it cannot be written there.
  if (item.type === "link") return /[<>|]/u.test(item.url) ? item.text ?? item.url : el("span", {}, ...mrkdwn(`<${item.url}|${(item.text ?? item.url).replace(/[<>|\n]/gu, " ")}>`, context));
  if (item.type === "emoji") return el("span", {}, ...mrkdwn(`:${item.name}:`, context));
  return "";
}
