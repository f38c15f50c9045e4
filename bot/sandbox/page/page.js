// The workspace: who is looking (user), where (channel, thread, tab), and what the server last told. All of "where" is in
// location.hash, so that a reload, the back button and a copied address lead to the same view.

import { APP, appChannel, hashOf, place, visibleChannels } from "./address.js";
import { act, failureOf, follow } from "./api.js";
import { renderBlocks } from "./blocks.js";
import { Composer } from "./composer.js";
import { el, reconcile, toast } from "./dom.js";
import { receiveFiles } from "./dropping.js";
import { icon } from "./icons.js";
import { movesBetweenMessages, movesBetweenPanes } from "./keyboard.js";
import { listItems, spoken } from "./messages.js";
import { Modals } from "./modals.js";
import { atEnd, drawList, keepEnd, readsEnd, toEnd } from "./scrolling.js";
import { Seen } from "./seen.js";
import { drawClock, drawSidebar, Unread } from "./sidebar.js";
import { tabs } from "./tabs.js";
import { isTry, Tries } from "./tries.js";
import { WirePanel } from "./wirepanel.js";

// Of what was fetched, older messages are drawn on demand: a channel of thousands stays quick.
const SHOWN_AT_FIRST = 100;
const CLOCK_MS = 1000;

const $ = (id) => document.getElementById(id);
const modals = new Modals();
const unread = new Unread();
const tries = new Tries({ go, failure });
const seen = new Seen();
const wire = new WirePanel(go);
const selectAppTab = tabs([[$("tab-home"), "home"], [$("tab-messages"), null]], (tab) => go({ tab, thread: null }));

let workspace = null;
let notices = [];
let shown = SHOWN_AT_FIRST;
let drawn = { place: null, thread: null, home: null };

// ---- where we are ----------------------------------------------------------------------------------------------

function go(changes) {
  const hash = hashOf({ ...place(), at: null, ...changes });
  if (hash !== location.hash) location.hash = hash;
  // Not left to the hashchange, which comes later: who goes somewhere may want to put the focus there.
  draw();
}

const person = () => workspace.users.find((user) => user.handle === place().user);
const people = () => workspace.users.filter((user) => !user.is_bot);
const bot = () => workspace.users.find((user) => user.id === workspace.app.bot_user_id);

/** The address made whole: an unknown person or channel becomes the first there is. */
function settle() {
  const where = place();
  const viewer = person() ?? people()[0];
  const channels = visibleChannels(workspace, viewer);
  const first = channels.find((channel) => channel.members.includes(viewer.id)) ?? channels[0];
  const known = where.channel === APP || channels.some((channel) => channel.name === where.channel);
  const channel = known ? where.channel : first?.name ?? APP;
  const thread = known ? where.thread : null;
  if (viewer.handle !== where.user || channel !== where.channel || thread !== where.thread) {
    history.replaceState(null, "", hashOf({ ...where, user: viewer.handle, channel, thread, at: known ? where.at : null }));
  }
}

// ---- what the parts need to draw ---------------------------------------------------------------------------------

function contextFor(viewer) {
  const shortcuts = (workspace.app.shortcuts ?? []).filter((each) => (each.type ?? "message").startsWith("message"));
  return {
    users: new Map(workspace.users.map((user) => [user.id, user])),
    channels: new Map(workspace.channels.map((channel) => [channel.id, channel])),
    tz: viewer.tz,
    viewer: viewer.id,
    appName: workspace.app.name,
    shortcuts: shortcuts.map((each) => ({ ...each, name: each.name ?? each.callback_id })),
    // What a drawn message depends on besides itself; a change redraws all.
    key: JSON.stringify([viewer.id, viewer.tz, shortcuts, workspace.users.map((user) => user.display_name), place().wire]),
    fileUrl: (file) => (/^\/sandbox\/files\/\w+$/u.test(file.url ?? "") && !file.deleted ? file.url : null),
    permalink: (id, ts, url) => {
      const channel = workspace.channels.find((each) => each.id === id);
      if (!channel) return null;
      const parent = /[?&]thread_ts=(?<ts>\d+\.\d+)/u.exec(url)?.groups.ts;
      return hashOf({ user: viewer.handle, channel: channel.is_im ? APP : channel.name, thread: parent, at: ts, wire: place().wire });
    },
  };
}

/** Run an act of the person: null, or what to tell them when it failed. */
async function failure(request) {
  try {
    return failureOf(await request);
  } catch (error) {
    return error.message;
  }
}

/** The same with a failure as a toast; the answer is whether it went through. */
async function attempt(request) {
  const sentence = await failure(request);
  if (sentence) toast(sentence);
  return !sentence;
}

function actionsFor(viewer, channelId) {
  const user = viewer.handle;
  return {
    press: (message, item, block, value) => (isTry(message, item) ? tries.press(item, { user, channel: workspace.channels.find((each) => each.id === channelId) })
      : failure(act("click", { user, channel: channelId, ts: message.ts, action_id: item.action_id, block_id: block.block_id, value }))),
    shortcut: (message, shortcut) => attempt(act("shortcut", { user, channel: channelId, ts: message.ts, callback_id: shortcut.callback_id })),
    deleteFile: (file) => attempt(act("files/delete", { user, file })),
    openThread: (ts) => {
      go({ thread: ts });
      composers.thread.focus();
    },
    dismiss: (message) => {
      if (!notices.some((notice) => notice.ts === message.ts)) return attempt(act("dismiss", { user, ts: message.ts }));
      notices = notices.filter((notice) => notice.ts !== message.ts);
      return draw();
    },
  };
}

/** What only the viewer sees in a channel: ephemerals of the app and Slackbot's notices. */
function privateMessages(viewer, channelId, thread) {
  const ephemerals = (workspace.ephemerals[viewer.handle] ?? []).filter((message) => message.channel === channelId);
  const own = notices.filter((notice) => notice.viewer === viewer.handle && notice.channel === channelId);
  const inThread = (message) => (message.thread_ts && message.thread_ts !== message.ts ? message.thread_ts : null);
  return [...ephemerals, ...own]
    .filter((message) => inThread(message) === thread)
    .map((message) => ({ ...message, private: true }));
}

/** What Slack's client tells the person alone when a command or message fails. */
function notice({ user, channelKey, threadTs }, sentence) {
  const last = Math.max(Date.now() / 1000, ...notices.map((each) => Number(each.ts) + 0.000001));
  notices.push({ ts: last.toFixed(6), user: "USLACKBOT", username: "Slackbot", text: escaped(sentence), viewer: user, channel: channelKey, thread_ts: threadTs });
  $("announce").textContent = sentence;
  draw();
  toEnd(threadTs ? $("thread-messages") : $("messages"));
}

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Show the message an address points at, once. */
function pointAt(ts) {
  const node = ts && document.querySelector(`.message[data-ts="${CSS.escape(ts)}"]`);
  if (!node) return;
  node.scrollIntoView({ block: "center" });
  node.classList.add("pointed");
  history.replaceState(null, "", hashOf({ ...place(), at: null }));
}

// ---- drawing -----------------------------------------------------------------------------------------------------

function draw() {
  const waits = !workspace || workspace.app.awaited;
  $("awaiting").hidden = !waits;
  $("workspace").hidden = waits;
  if (waits) {
    awaiting();
    return;
  }
  settle();
  const where = place();
  const viewer = person();
  const context = contextFor(viewer);
  const inApp = where.channel === APP;
  const channel = inApp ? appChannel(workspace, viewer) : workspace.channels.find((each) => !each.is_im && each.name === where.channel);
  const fresh = drawn.place !== `${where.user} ${where.channel}`;
  if (fresh) shown = SHOWN_AT_FIRST;

  drawSidebar(workspace, { viewer, where, people: people(), unread });
  drawHead(viewer, channel, inApp);
  const home = inApp && where.tab === "home";
  drawTabs(viewer, inApp, home, context);
  $("messages").hidden = $("composer").hidden = home;
  drawMessages(viewer, channel, context, fresh, where, home);
  drawThread(viewer, channel, context, where, home);
  if (channel) for (const ts of [where.at, where.thread]) reach(channel, ts);
  wire.show(where.wire, viewer.tz);
  modals.show(workspace.views[viewer.handle] ?? [], { user: viewer.handle, context, press: pressInView(viewer) });

  const count = unread.total(viewer, workspace);
  document.title = `${count ? `(${count}) ` : ""}${inApp ? workspace.app.name : `#${where.channel}`} · ${workspace.team.name ?? "Embedded Slack"}`;
  drawn = { ...drawn, place: `${where.user} ${where.channel}` };
  pointAt(where.at);
  tries.follow(where.user, channel, workspace.app.bot_user_id);
}

/** Why there is nothing to see yet; the role of the line has it read out once. */
function awaiting() {
  const words = workspace ? `Waiting for ${workspace.app.name} to connect. Its database is made ready first; this page opens by itself.` : "Opening the workspace…";
  if ($("awaiting").textContent !== words) $("awaiting").textContent = words;
}

const pressInView = (viewer) => (view, item, block, value) =>
  failure(act("click", { user: viewer.handle, view_id: view.id, action_id: item.action_id, block_id: block.block_id, value }));

function drawHead(viewer, channel, inApp) {
  $("channel-title").replaceChildren(...(inApp ? [workspace.app.name] : [channel.is_private ? icon("lock") : "#", ` ${channel.name}`]));
  const notes = [];
  if (inApp) notes.push("App");
  else {
    notes.push(`${channel.members.length} members`);
    if (channel.is_ext_shared) notes.push("shared with another organisation");
    if (!channel.members.includes(viewer.id)) notes.push("you are not in it");
    if (bot() && !channel.members.includes(bot().id)) notes.push(`${workspace.app.name} is not in it`);
  }
  $("channel-note").textContent = notes.join(" · ");
}

function drawTabs(viewer, inApp, home, context) {
  $("tabs").hidden = !inApp;
  $("home").hidden = !home;
  selectAppTab(home ? "home" : null);
  if (!home) {
    drawn.home = null;
    return;
  }
  if (drawn.home !== viewer.handle) {
    drawn.home = viewer.handle;
    attempt(act("home", { user: viewer.handle }));
  }
  const view = workspace.homes?.[viewer.handle];
  const surface = { context, form: null, press: (item, block, value) => pressInView(viewer)(view, item, block, value) };
  reconcile($("home"), [{
    key: "home", signature: JSON.stringify([context.key, view]),
    build: () => el("div.home-view", {}, view ? renderBlocks(view.blocks, surface) : el("p.intro", {}, `${workspace.app.name} has put nothing here for you yet.`)),
  }]);
}

function drawMessages(viewer, channel, context, fresh, where, home) {
  const list = $("messages");
  const channelId = channel?.id ?? APP;
  const all = [...(channel?.messages ?? []), ...privateMessages(viewer, channelId, null)].sort((one, other) => (one.ts < other.ts ? -1 : 1));
  const pointed = where.at ? all.findIndex((message) => message.ts === where.at) : -1;
  if (pointed >= 0) shown = Math.max(shown, all.length - pointed);
  const view = { context, thread: null, actions: actionsFor(viewer, channelId) };
  const items = listItems(all.slice(-shown), view);
  items.unshift(all.length > shown || channel?.earlier
    ? { key: "earlier", signature: String(channel.messages.length), build: () => el("button.button.earlier", { type: "button", onclick: () => showEarlier(list, channel, null) }, "Show earlier messages") }
    : { key: "intro", signature: JSON.stringify([where.channel, viewer.handle, commands(), channel?.members]), build: () => intro(where, channel) });
  const more = drawList(list, items, fresh);
  if (fresh || atEnd(list)) $("newer").hidden = true;
  else if (more) $("newer").hidden = false;
  if (channel && !home) {
    unread.read(viewer, channel);
    unread.notice(viewer, channel, workspace.notifications?.[viewer.handle] ?? []);
  }
  composers.channel.setPlace(composerPlace(viewer, channel, where, null));
}

/** Draw what is before a list's first message, and keep in sight what is there now. */
async function showEarlier(list, channel, thread) {
  const fromEnd = () => list.scrollHeight - list.scrollTop;
  if (!thread) shown += SHOWN_AT_FIRST;
  if (thread || (channel.earlier && shown > channel.messages.length)) await fetchEarlier(channel, { thread });
  const kept = fromEnd();
  draw();
  list.scrollTop = list.scrollHeight - kept;
}

async function fetchEarlier(channel, what) {
  try {
    await seen.earlier(channel.id, what);
    workspace = seen.workspace;
  } catch (error) {
    toast(error.message);
  }
}

// Each is looked for once: an address may name what never was.
const lookedFor = new Set();

/** Fetch what an address names (a thread, a message) when it is older than what was fetched. */
async function reach(channel, ts) {
  const key = `${channel?.id} ${ts}`;
  if (!ts || !channel?.earlier || ts >= channel.messages[0].ts || lookedFor.has(key)) return;
  lookedFor.add(key);
  await fetchEarlier(channel, { reach: ts });
  draw();
}

function intro(where, channel) {
  if (where.channel === APP) {
    return el("div.intro", {}, el("h2", {}, workspace.app.name), el("p", {}, "This is the start of your messages with this app."));
  }
  const command = commands()[0]?.name;
  const start = `This is the start of the channel${channel.purpose ? `: ${channel.purpose}` : ""}.`;
  if (channel.is_archived) return el("div.intro", {}, el("h2", {}, `# ${where.channel}`), el("p", {}, start));
  const absent = Boolean(bot()) && !channel.members.includes(bot().id);
  const words = command ?? `@${workspace.app.name}`;
  return el("div.intro", {}, el("h2", {}, `# ${where.channel}`),
    el("p", {}, start, absent ? ` ${workspace.app.name} is not in it: here it answers commands, to you alone, and sees nothing else.` : ""),
    el("div.intro-steps", {},
      el("button.button", { type: "button", onclick: () => composers.channel.begin(`${words} `) }, `Type ${words}`),
      absent ? null : el("button.button", { type: "button", "aria-haspopup": "menu", onclick: (event) => composers.channel.offer(event.currentTarget) }, "Drop a sample list")));
}

function drawThread(viewer, channel, context, where, home) {
  const parent = !home && where.thread ? channel?.messages.find((message) => message.ts === where.thread) : null;
  $("thread").hidden = !parent;
  document.body.classList.toggle("has-thread", Boolean(parent));
  const key = parent ? `${where.user} ${where.channel} ${parent.ts}` : null;
  const fresh = drawn.thread !== key;
  drawn.thread = key;
  if (!parent) return;
  $("thread-note").textContent = where.channel === APP ? workspace.app.name : `#${where.channel}`;
  const view = { context, thread: parent.ts, actions: actionsFor(viewer, channel.id) };
  const replies = [...(parent.thread ?? []), ...privateMessages(viewer, channel.id, parent.ts)];
  const list = $("thread-messages");
  const items = listItems([parent, ...replies], view);
  const more = parent.replies - (parent.thread?.length ?? 0);
  // After the parent and the line with the number of replies.
  if (more > 0) items.splice(2, 0, { key: "earlier", signature: String(more), build: () => el("button.button.earlier", { type: "button", onclick: () => showEarlier(list, channel, parent.ts) }, `Show earlier replies (${more})`) });
  drawList(list, items, fresh);
  composers.thread.setPlace(composerPlace(viewer, channel, where, parent.ts));
}

function commands() {
  return (workspace.app.commands ?? []).map((each) => (typeof each === "string" ? { name: each } : {
    name: each.command ?? each.name, description: each.description, usage: each.usage_hint,
  }));
}

function composerPlace(viewer, channel, where, threadTs) {
  const inApp = where.channel === APP;
  return {
    user: viewer.handle, channel: inApp ? "app" : channel.id, channelKey: channel?.id ?? APP, threadTs,
    words: threadTs ? "Reply…" : `Message ${inApp ? workspace.app.name : `#${channel.name}`}`,
    closed: channel?.is_archived ? "This channel is archived. Nothing can be posted in it." : null,
    commands: commands(),
    people: [workspace.app.name, ...people().map((user) => user.display_name)],
  };
}

// ---- what happens ------------------------------------------------------------------------------------------------

/** What the viewer has before them in a workspace as it was told: the open channel and thread, and what they alone see there. */
function inView(told, viewer, where) {
  const channel = told.channels.find((each) => (where.channel === APP ? each.is_im && each.members.includes(viewer.id) : each.name === where.channel));
  if (!channel) return null;
  const thread = channel.messages.find((message) => message.ts === where.thread)?.thread ?? [];
  const whispers = (told.ephemerals[viewer.handle] ?? []).filter((message) => message.channel === channel.id);
  return [...channel.messages, ...thread, ...whispers];
}

/** Say a new message of the place on screen aloud; edits stay silent, or a progress message would never stop talking. */
function announce(before, after) {
  const viewer = after.users.find((user) => user.handle === place().user);
  const [old, now] = viewer ? [before, after].map((told) => inView(told, viewer, place())) : [];
  if (!old || !now) return;
  const last = old.reduce((latest, message) => (message.ts > latest ? message.ts : latest), "");
  const fresh = now.filter((message) => message.ts > last && message.user !== viewer.id);
  if (fresh.length) $("announce").textContent = fresh.map((message) => spoken(message, contextFor(viewer))).join(" ");
}

let fetching = false;
let again = false;

/** Fetch and draw; changes that come in meanwhile are fetched together afterwards. */
async function refresh() {
  if (fetching) {
    again = true;
    return;
  }
  fetching = true;
  try {
    do {
      again = false;
      const before = workspace;
      workspace = await seen.refresh();
      $("offline").hidden = true;
      if (before) announce(before, workspace);
      // Who is back at the end does not go on carrying thousands of earlier messages.
      if (readsEnd($("messages"))) shown = SHOWN_AT_FIRST;
      draw();
    } while (again);
  } catch {
    // The banner of the lost connection says it; coming back online refreshes again.
    $("offline").hidden = false;
  } finally {
    fetching = false;
  }
}

const sent = (list) => () => requestAnimationFrame(() => toEnd(list));
const composers = {
  channel: new Composer($("composer"), { label: "Message", notice, sent: sent($("messages")) }),
  thread: new Composer($("thread-composer"), { label: "Reply", notice, sent: sent($("thread-messages")) }),
};

function sidebarOpen(open) {
  document.body.classList.toggle("sidebar-open", open);
  if (open) $("user").focus();
}

function closeThread() {
  const ts = place().thread;
  go({ thread: null });
  [...document.querySelectorAll("[data-focus]")].find((node) => node.dataset.focus === `thread/${ts}`)?.focus();
}

function start() {
  $("user").addEventListener("change", () => go({ user: $("user").value, thread: null }));
  $("open-sidebar").addEventListener("click", () => sidebarOpen(true));
  $("close-sidebar").addEventListener("click", () => {
    sidebarOpen(false);
    $("open-sidebar").focus();
  });
  $("places").addEventListener("click", (event) => event.target.closest("a") && sidebarOpen(false));
  $("close-thread").addEventListener("click", closeThread);
  $("newer").addEventListener("click", () => {
    toEnd($("messages"));
    $("newer").hidden = true;
  });
  $("messages").addEventListener("scroll", () => {
    if (atEnd($("messages"))) $("newer").hidden = true;
  }, { passive: true });
  movesBetweenPanes();
  for (const list of [$("messages"), $("thread-messages")]) {
    keepEnd(list);
    movesBetweenMessages(list);
  }
  draw();
  setInterval(() => workspace && person() && drawClock(person()), CLOCK_MS);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open], :popover-open")) return;
    // A search field that holds something is emptied by Escape first.
    if (event.target.matches("input[type=search]") && event.target.value) return;
    if (document.body.classList.contains("sidebar-open")) sidebarOpen(false);
    else if (place().wire && $("wire").contains(event.target)) wire.close();
    else if (place().thread) closeThread();
    else if (place().wire) wire.close();
  });
  for (const [pane, composer] of [[$("channel"), composers.channel], [$("thread"), composers.thread]]) {
    receiveFiles(pane, (files) => !composer.form.hidden && composer.attach(files));
  }
  window.addEventListener("hashchange", draw);
  follow({ changed: refresh, wired: () => wire.news(), online: (on) => { $("offline").hidden = on; } });
}

start();
