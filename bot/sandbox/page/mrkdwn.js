// Slack's mrkdwn to DOM. Source of the rules: docs.slack.dev, "Formatting message text".

import { slackDate } from "./dates.js";
import { el } from "./dom.js";

// The shortcodes an app of this kind uses; any other stays text, which is what Slack does with one it does not know.
const EMOJI = Object.fromEntries(
  `+1 👍|-1 👎|adult 🧑|alarm_clock ⏰|arrow_down ⬇️|arrow_left ⬅️|arrow_right ➡️|arrow_up ⬆️|ballot_box_with_check ☑️
  |bar_chart 📊|bell 🔔|books 📚|bulb 💡|calendar 📆|card_index 📇|clipboard 📋|clock1 🕐|construction 🚧
  |exclamation ❗|eyes 👀|file_folder 📁|gear ⚙️|globe_with_meridians 🌐|green_circle 🟢|hammer 🔨|heavy_check_mark ✔️
  |heavy_minus_sign ➖|heavy_plus_sign ➕|hourglass ⌛|hourglass_flowing_sand ⏳|inbox_tray 📥|information_source ℹ️
  |key 🔑|large_blue_circle 🔵|large_green_circle 🟢|large_yellow_circle 🟡|link 🔗|lock 🔒|mag 🔍|mailbox 📫|memo 📝
  |mute 🔇|no_bell 🔕|no_entry ⛔|no_entry_sign 🚫|octagonal_sign 🛑|ok 🆗|ok_hand 👌|outbox_tray 📤|page_facing_up 📄
  |paperclip 📎|pencil ✏️|pencil2 ✏️|phone ☎️|point_right 👉|pray 🙏|pushpin 📌|question ❓|red_circle 🔴|repeat 🔁
  |rocket 🚀|rotating_light 🚨|scroll 📜|shield 🛡️|slightly_smiling_face 🙂|smile 😄|speech_balloon 💬|stop_sign 🛑
  |tada 🎉|telephone ☎️|telephone_receiver 📞|thread 🧵|thumbsdown 👎|thumbsup 👍|ticket 🎫|unlock 🔓|warning ⚠️
  |wastebasket 🗑️|wave 👋|white_check_mark ✅|wrench 🔧|x ❌|zap ⚡`
    .split("|").map((pair) => pair.trim().split(" ")),
);

/** Slack escapes these three characters and no other. */
const unescape = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

const withEmoji = (text) =>
  text.replace(/:([a-z0-9_+-]+):/gu, (whole, name) => (Object.hasOwn(EMOJI, name) ? EMOJI[name] : whole));

/** plain_text: no markup, but entities, and shortcodes unless `emoji` is false. */
export function plain(object) {
  const text = unescape(object?.text ?? "");
  return object?.emoji === false ? text : withEmoji(text);
}

const SAFE_LINK = /^(?:https?|mailto|tel):/iu;
const PERMALINK = /\/archives\/(?<channel>[A-Z0-9]+)\/p(?<whole>\d{10})(?<part>\d{6})/u;

/** A link, opened in a new tab; a permalink of this workspace is followed on this page. */
function anchor(target, label, context) {
  const place = PERMALINK.exec(target)?.groups;
  const inside = place && context.permalink?.(place.channel, `${place.whole}.${place.part}`, target);
  if (inside) return el("a", { href: inside }, label);
  return el("a", { href: target, target: "_blank", rel: "noopener noreferrer" }, label);
}

/** The inside of `<...>`, as nodes; what is no reference, and a link of a scheme that could run something, stays text. */
function reference(inner, context) {
  const bar = inner.indexOf("|");
  const target = bar < 0 ? inner : inner.slice(0, bar);
  const label = bar < 0 ? null : unescape(inner.slice(bar + 1));
  if (target.startsWith("@")) return mention(target.slice(1), label, context);
  if (target.startsWith("#")) {
    const channel = context.channels.get(target.slice(1));
    return el("span.mention", {}, `#${channel?.name ?? label ?? target.slice(1)}`);
  }
  if (target.startsWith("!date^")) {
    const [, seconds, pattern, link] = target.split("^");
    const at = Number(seconds);
    const words = Number.isFinite(at) && pattern ? slackDate(at, unescape(pattern), context.tz) : label ?? target;
    const time = el("time", { datetime: Number.isFinite(at) ? new Date(at * 1000).toISOString() : null }, words);
    return link && SAFE_LINK.test(link) ? anchor(unescape(link), time, context) : time;
  }
  if (target.startsWith("!subteam^")) return el("span.mention", {}, label ?? "@group");
  if (target.startsWith("!")) return el("span.mention.loud", {}, `@${target.slice(1)}`);
  const url = unescape(target);
  if (!SAFE_LINK.test(url)) return `<${unescape(inner)}>`;
  return anchor(url, label ?? url.replace(/^(?:mailto|tel):/iu, ""), context);
}

export function mention(id, label, context) {
  const user = context.users.get(id);
  const own = id === context.viewer ? ".own" : "";
  return el(`span.mention${own}`, {}, `@${user?.is_bot ? user.real_name || user.name : user?.display_name ?? label ?? id}`);
}

const INLINE = new RegExp(
  [
    "`(?<code>[^`\\n]+)`",
    "<(?<ref>[^<>\\n]+)>",
    "(?<url>https?://[^\\s<>|`]+[^\\s<>|`.,;:!?)\\]'\"*_~])",
    // A pair opens after a non-word character before text, and closes after text before a non-word character.
    "(?<![\\p{L}\\p{N}*])\\*(?<bold>[^\\s*](?:[^*\\n]*[^\\s*])?)\\*(?![\\p{L}\\p{N}*])",
    "(?<![\\p{L}\\p{N}_])_(?<italic>[^\\s_](?:[^\\n]*?[^\\s])?)_(?![\\p{L}\\p{N}_])",
    "(?<![\\p{L}\\p{N}~])~(?<strike>[^\\s~](?:[^~\\n]*[^\\s~])?)~(?![\\p{L}\\p{N}~])",
  ].join("|"),
  "gu",
);

const TAGS = { bold: "b", italic: "i", strike: "s" };

function inline(text, context) {
  const nodes = [];
  let done = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > done) nodes.push(withEmoji(unescape(text.slice(done, match.index))));
    done = match.index + match[0].length;
    const { code, ref, url } = match.groups;
    if (code !== undefined) nodes.push(el("code", {}, ...literal(code, context)));
    else if (ref !== undefined) nodes.push(reference(ref, context));
    else if (url !== undefined && context.verbatim) nodes.push(unescape(url));
    else if (url !== undefined) nodes.push(anchor(unescape(url), unescape(url), context));
    else {
      const [kind, inner] = Object.entries(match.groups).find(([, value]) => value !== undefined);
      nodes.push(el(TAGS[kind], {}, ...inline(inner, context)));
    }
  }
  if (done < text.length) nodes.push(withEmoji(unescape(text.slice(done))));
  return nodes;
}

/** Inside code no markup counts, only links and mentions, as in Slack. */
function literal(text, context) {
  return text.split(/(<[^<>\n]+>)/u).filter(Boolean)
    .map((piece) => (/^<[^<>]+>$/u.test(piece) ? reference(piece.slice(1, -1), context) : unescape(piece)));
}

const QUOTE = /^(?:>|&gt;)(?!(?:>|&gt;)) ?/u;
const QUOTE_REST = /^(?:>|&gt;){3} ?/u;

function lines(text, context) {
  const nodes = [];
  let quoted = [];
  const close = () => {
    if (quoted.length) nodes.push(el("blockquote", {}, ...joined(quoted, context)));
    quoted = [];
  };
  let open = [];
  const flush = () => {
    if (open.length) nodes.push(...joined(open, context));
    open = [];
  };
  const all = text.split("\n");
  for (const [index, line] of all.entries()) {
    if (QUOTE_REST.test(line)) {
      flush();
      quoted.push(line.replace(QUOTE_REST, ""), ...all.slice(index + 1));
      break;
    }
    if (QUOTE.test(line)) {
      flush();
      quoted.push(line.replace(QUOTE, ""));
    } else {
      close();
      open.push(line);
    }
  }
  flush();
  close();
  return nodes;
}

const joined = (parts, context) =>
  parts.flatMap((line, index) => [...(index ? [el("br")] : []), ...inline(line, context)]);

/**
 * mrkdwn text as nodes.
 * `context`: users and channels by id (Maps), tz and id (viewer) of the person looking, permalink(channel, ts, url) -> hash or null.
 */
export function mrkdwn(text, context) {
  return String(text ?? "").split(/```\n?([\s\S]+?)\n?```\n?/u).flatMap((piece, index) => {
    if (index % 2) return [el("pre", {}, ...piece.split("\n").flatMap((line, at) => [at ? "\n" : "", ...literal(line, context)]))];
    return piece ? lines(piece.replace(/\n$/u, ""), context) : [];
  });
}

/** A text object of either kind; in a `verbatim` one addresses that are only written out stay text. */
export function textObject(object, context) {
  if (!object) return [];
  if (typeof object === "string") return [object];
  if (object.type !== "mrkdwn") return [plain(object)];
  return mrkdwn(object.text, object.verbatim ? { ...context, verbatim: true } : context);
}
