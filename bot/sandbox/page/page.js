// The workspace: who is looking (user), where (channel, thread, tab), and what the server last told. All of "where" is in
// location.hash, so that a reload, the back button and a copied address lead to the same view.

import { APP, appChannel, hashOf, place, visibleChannels } from "./address.js";
import { act, failureOf, follow, state as fetchState } from "./api.js";
import { renderBlocks } from "./blocks.js";
import { Composer } from "./composer.js";
import { el, reconcile, toast } from "./dom.js";
import { icon } from "./icons.js";
import { listItems, spoken } from "./messages.js";
import { Modals } from "./modals.js";
import { atEnd, drawList, keepEnd, toEnd } from "./scrolling.js";
import { drawSidebar, Unread } from "./sidebar.js";

// Older messages are drawn on demand: a channel of thousands stays quick.
const SHOWN_AT_FIRST = 150;

const $ = (id) => document.getElementById(id);
const modals = new Modals();
const unread = new Unread();

let workspace = null;
let notices = [];
let shown = SHOWN_AT_FIRST;
let drawn = { place: null, thread: null, home: null };

// ---- where we are ----------------------------------------------------------------------------------------------

function go(changes) {
  const hash = hashOf({ ...place(), at: null, ...changes });
  if (hash !== location.hash) location.hash = hash;
  else draw();
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
    files: new Map((workspace.files ?? []).map((file) => [file.id, file])),
    tz: viewer.tz,
    viewer: viewer.id,
    appName: workspace.app.name,
    shortcuts: shortcuts.map((each) => ({ ...each, name: each.name ?? each.callback_id })),
    // What a drawn message depends on besides itself; a change redraws all.
    key: JSON.stringify([viewer.id, viewer.tz, shortcuts, workspace.users.length, (workspace.files ?? []).map((file) => [file.id, file.mode, file.deleted, file.size])]),
    fileUrl: (file) => (/^\/sandbox\/files\/\w+$/u.test(file.url ?? "") && !file.deleted ? file.url : null),
    permalink: (id, ts, url) => {
      const channel = workspace.channels.find((each) => each.id === id);
      if (!channel) return null;
      const parent = /[?&]thread_ts=(?<ts>\d+\.\d+)/u.exec(url)?.groups.ts;
      return hashOf({ user: viewer.handle, channel: channel.is_im ? APP : channel.name, thread: parent, at: ts });
    },
  };
}

/** Run an act of the person; a failure is a toast, and the answer is whether it went through. */
async function attempt(request) {
  try {
    const failure = failureOf(await request);
    if (failure) toast(failure);
    return !failure;
  } catch (error) {
    toast(error.message);
    return false;
  }
}

function actionsFor(viewer, channelId) {
  const user = viewer.handle;
  return {
    press: (message, item, block, value) => attempt(act("click", {
      user, channel: channelId, ts: message.ts, action_id: item.action_id, block_id: block.block_id, value,
    })),
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
  if (!workspace) return;
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
  modals.show(workspace.views[viewer.handle] ?? [], { user: viewer.handle, context, press: pressInView(viewer) });

  document.title = `${inApp ? workspace.app.name : `#${where.channel}`} · ${workspace.team.name ?? "Embedded Slack"}`;
  drawn = { ...drawn, place: `${where.user} ${where.channel}` };
  pointAt(where.at);
}

const pressInView = (viewer) => (view, item, block, value) =>
  attempt(act("click", { user: viewer.handle, view_id: view.id, action_id: item.action_id, block_id: block.block_id, value }));

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
  for (const [tab, on] of [[$("tab-home"), home], [$("tab-messages"), !home]]) {
    tab.setAttribute("aria-selected", String(on));
    tab.tabIndex = on ? 0 : -1;
  }
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
  items.unshift(all.length > shown
    ? { key: "earlier", signature: "", build: () => el("button.button.earlier", { type: "button", onclick: showEarlier }, "Show earlier messages") }
    : { key: "intro", signature: JSON.stringify([where.channel, viewer.handle, commands()]), build: () => intro(where, channel?.is_archived) });
  const more = drawList(list, items, fresh);
  if (fresh || atEnd(list)) $("newer").hidden = true;
  else if (more) $("newer").hidden = false;
  if (channel && !home) unread.read(viewer, channel);
  composers.channel.setPlace(composerPlace(viewer, channel, where, null));
}

function showEarlier() {
  const list = $("messages");
  const fromEnd = list.scrollHeight - list.scrollTop;
  shown += SHOWN_AT_FIRST;
  draw();
  list.scrollTop = list.scrollHeight - fromEnd;
}

function intro(where, archived) {
  if (where.channel === APP) {
    return el("div.intro", {}, el("h2", {}, workspace.app.name), el("p", {}, "This is the start of your messages with this app."));
  }
  const command = commands()[0]?.name;
  if (archived) return el("div.intro", {}, el("h2", {}, `# ${where.channel}`), el("p", {}, "This is the start of the channel."));
  const words = command ?? `@${workspace.app.name}`;
  return el("div.intro", {}, el("h2", {}, `# ${where.channel}`),
    el("p", {}, `This is the start of the channel. Write to ${workspace.app.name}, or drop a list of phones anywhere here.`),
    el("div.intro-steps", {},
      el("button.button", { type: "button", onclick: () => composers.channel.begin(`${words} `) }, `Type ${words}`),
      el("button.button", { type: "button", "aria-haspopup": "menu", onclick: (event) => composers.channel.offer(event.currentTarget) }, "Drop a sample list")));
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
  drawList($("thread-messages"), listItems([parent, ...replies], view), fresh);
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
    people: [workspace.app.name, ...people().map((user) => user.handle)],
  };
}

// ---- what happens ------------------------------------------------------------------------------------------------

/** Say a new message of the place on screen aloud; edits stay silent, or a progress message would never stop talking. */
function announce(before, after) {
  const where = place();
  const viewer = after.users.find((user) => user.handle === where.user);
  if (!viewer) return;
  const channel = after.channels.find((each) => (where.channel === APP ? each.is_im && each.members.includes(viewer.id) : each.name === where.channel));
  const old = before.channels.find((each) => each.id === channel?.id);
  if (!channel || !old) return;
  const visible = (each) => [...each.messages, ...(each.messages.find((message) => message.ts === where.thread)?.thread ?? [])];
  const last = visible(old).reduce((latest, message) => (message.ts > latest ? message.ts : latest), "");
  const fresh = visible(channel).filter((message) => message.ts > last && message.user !== viewer.id);
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
      workspace = await fetchState();
      $("offline").hidden = true;
      if (before) announce(before, workspace);
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

function listenForFiles(pane, composer) {
  const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  let depth = 0;
  const show = (on) => pane.classList.toggle("dropping", on);
  pane.addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    depth += 1;
    show(true);
  });
  pane.addEventListener("dragleave", (event) => {
    if (!carriesFiles(event)) return;
    depth = Math.max(0, depth - 1);
    show(depth > 0);
  });
  pane.addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  pane.addEventListener("drop", (event) => {
    depth = 0;
    show(false);
    if (!carriesFiles(event)) return;
    event.preventDefault();
    if (!composer.form.hidden) composer.attach([...event.dataTransfer.files]);
  });
}

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
  for (const list of [$("messages"), $("thread-messages")]) keepEnd(list);
  for (const [tab, other, name] of [[$("tab-home"), $("tab-messages"), "home"], [$("tab-messages"), $("tab-home"), null]]) {
    tab.addEventListener("click", () => go({ tab: name, thread: null }));
    tab.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      other.click();
      other.focus();
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open], :popover-open")) return;
    if (document.body.classList.contains("sidebar-open")) sidebarOpen(false);
    else if (place().thread) closeThread();
  });
  listenForFiles($("channel"), composers.channel);
  listenForFiles($("thread"), composers.thread);
  window.addEventListener("hashchange", draw);
  follow({ changed: refresh, online: (on) => { $("offline").hidden = on; } });
}

start();
