// Messages as a channel or a thread shows them.

import { renderBlocks } from "./blocks.js";
import { clock, dayKey, dayName, fullDate, shortClock } from "./dates.js";
import { avatar, el } from "./dom.js";
import { icon } from "./icons.js";
import { openMenu } from "./menu.js";
import { mrkdwn } from "./mrkdwn.js";
import { isOutsider, roleOf } from "./roles.js";

const FOLLOW_WITHIN_SECONDS = 300;

const secondsOf = (ts) => Number(ts);
const byTime = (one, other) => (one.ts < other.ts ? -1 : one.ts > other.ts ? 1 : 0);

/** Who wrote a message: {id, name, app, badge}. */
function authorOf(message, context) {
  const user = context.users.get(message.user);
  const app = Boolean(message.bot_id) || Boolean(user?.is_bot) || message.user === "USLACKBOT";
  const name = (app ? message.username || user?.real_name : user?.display_name) || message.handle || message.user || "Unknown";
  const badge = app ? "APP" : isOutsider(user) ? roleOf(user).toUpperCase() : null;
  return { id: message.user ?? message.bot_id ?? name, name, app, badge };
}

/**
 * The children of a message list: day dividers and messages, in time order, each to be kept while its signature holds.
 * `view`: {context, actions, thread: bool, channel}; a message in `messages` may be `private` (an ephemeral or a notice).
 */
export function listItems(messages, view) {
  const { context } = view;
  const items = [];
  let previous = null;
  let day = null;
  for (const message of [...messages].sort(byTime)) {
    const at = secondsOf(message.ts);
    const today = dayKey(at, context.tz);
    const author = authorOf(message, context);
    if (today !== day && !view.thread) {
      const words = dayName(at, context.tz);
      items.push({ key: `day-${today}`, signature: words, build: () => el("div.day", { role: "separator" }, el("span", {}, words)) });
      previous = null;
    }
    day = today;
    const follows = previous !== null && previous.author.id === author.id && previous.author.name === author.name
      && at - previous.at < FOLLOW_WITHIN_SECONDS && !message.private && !previous.private;
    previous = { at, author, private: message.private };
    items.push({
      key: message.ts,
      signature: JSON.stringify([message, follows, context.key, view.thread]),
      build: () => messageNode(message, author, follows, view),
    });
    if (view.thread && message.ts === view.thread) {
      const words = message.replies ? repliesWord(message.replies) : "No replies yet";
      items.push({ key: "replies", signature: words, build: () => el("div.day.replies-rule", { role: "separator" }, el("span", {}, words)) });
      previous = null;
    }
  }
  return items;
}

const repliesWord = (count) => `${count} ${count === 1 ? "reply" : "replies"}`;

function messageNode(message, author, follows, view) {
  const { context, actions } = view;
  const at = secondsOf(message.ts);
  const time = el("time.time", { datetime: new Date(at * 1000).toISOString(), title: fullDate(at, context.tz) }, follows ? shortClock(at, context.tz) : clock(at, context.tz));
  const head = follows ? null : el("div.message-head", {}, el("span.author", {}, author.name),
    author.badge ? el("span.badge", {}, author.badge) : null, time);
  const node = el(`article.message${follows ? ".follows" : ""}${message.private ? ".private" : ""}`, { "data-ts": message.ts, "data-focus": `message/${message.ts}`, tabindex: "-1", "aria-label": `Message of ${author.name}` },
    el("div.gutter", {}, follows ? time : avatar(author.id, author.name, { app: author.app })),
    el("div.message-main", {},
      message.private ? el("p.only-you", {}, icon("eye"), " Only visible to you") : null,
      head,
      body(message, view),
      files(message, view),
      message.private ? el("button.plain.link.dismiss", { type: "button", "data-focus": `dismiss/${message.ts}`, onclick: () => actions.dismiss(message) }, "Dismiss message") : null,
      view.thread || message.private ? null : threadBar(message, view)),
    message.private ? null : toolbar(message, view));
  return node;
}

function body(message, { context, actions }) {
  const edited = message.edited ? el("span.edited", {}, "(edited)") : null;
  if (message.blocks?.length) {
    const surface = { context, form: null, press: (item, block, value) => actions.press(message, item, block, value) };
    const nodes = renderBlocks(message.blocks, surface);
    return el("div.message-body", {}, nodes, edited ? el("div", {}, edited) : null);
  }
  if (!message.text && !edited) return null;
  return el("div.message-body", {}, el("div.text", {}, ...mrkdwn(message.text, context), edited ? " " : null, edited));
}

const UNITS = ["bytes", "KB", "MB", "GB"];

function sizeWords(bytes) {
  if (!Number.isFinite(bytes)) return "";
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit && value < 10 ? value.toFixed(1) : Math.round(value)} ${value === 1 && !unit ? "byte" : UNITS[unit]}`;
}

/** The files of a message; one that was deleted leaves a tombstone. */
function files(message, { context }) {
  const all = message.files ?? [];
  if (!all.length) return null;
  return el("div.files", {}, all.map((file) => {
    if (file.deleted) return el("div.file-card.gone", {}, "This file was deleted.");
    const name = file.name ?? file.title ?? file.id;
    const kind = [file.pretty_type ?? file.filetype?.toUpperCase(), sizeWords(file.size)].filter(Boolean).join(" · ");
    const link = context.fileUrl(file);
    return el("div.file-card", {}, icon("file"),
      el("span.file-words", {}, link ? el("a.file-name", { href: link, download: name }, name) : el("span.file-name", {}, name),
        el("span.file-kind", {}, kind)));
  }));
}

function threadBar(message, { context, actions }) {
  const replies = message.thread ?? [];
  if (!message.replies) return null;
  const people = [...new Map(replies.map((reply) => authorOf(reply, context)).map((author) => [author.id, author])).values()].slice(0, 4);
  const last = secondsOf(replies.at(-1).ts);
  return el("button.plain.thread-bar", { type: "button", "data-focus": `thread/${message.ts}`, onclick: () => actions.openThread(message.ts) },
    people.map((author) => avatar(author.id, author.name, { small: true, app: author.app })),
    el("span.replies", {}, repliesWord(message.replies)),
    el("span.last-reply", {}, `Last reply at ${clock(last, context.tz)}`));
}

function toolbar(message, { context, actions, thread }) {
  const items = [
    ...context.shortcuts.map((shortcut) => ({ label: shortcut.name, description: context.appName, value: () => actions.shortcut(message, shortcut) })),
    { label: "Copy ts", description: message.ts, value: () => navigator.clipboard?.writeText(message.ts) },
    ...(message.user === context.viewer ? (message.files ?? []).filter((file) => !file.deleted).map((file) => ({ label: "Delete file", description: file.name, value: () => actions.deleteFile(file.id) })) : []),
  ];
  const more = el("button.plain.icon", {
    type: "button", "aria-label": "More actions", "aria-haspopup": "menu", "aria-expanded": "false", "data-focus": `more/${message.ts}`,
    onclick: () => openMenu(more, items, { label: "Message actions", pick: (item) => item.value() }),
  }, "⋮");
  const reply = thread ? null : el("button.plain.icon", {
    type: "button", "aria-label": "Reply in thread", title: "Reply in thread", "data-focus": `reply/${message.ts}`, onclick: () => actions.openThread(message.ts),
  }, icon("reply"));
  return el("div.toolbar", {}, reply, more);
}

/** A message in one line of plain text, for the announcement to screen readers. */
export function spoken(message, context) {
  const holder = el("div", {}, ...mrkdwn(message.text, context));
  return `${authorOf(message, context).name}: ${holder.textContent.slice(0, 200)}`;
}
