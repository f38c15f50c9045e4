// The side of the page: the workspace, who one is, the channels and the app.

import { APP, appChannel, hashOf, visibleChannels } from "./address.js";
import { clock } from "./dates.js";
import { avatar, el, reconcile } from "./dom.js";
import { icon } from "./icons.js";
import { fullRoleOf, roleOf } from "./roles.js";

const $ = (id) => document.getElementById(id);

/** Where it is kept up to which notification a person has looked at a channel: a reload forgets none of it. */
const noticedBy = (viewer, channel) => `noticed ${viewer.id} ${channel}`;

/** What each person has read of each channel. A reply in a thread does not make a channel unread, as in Slack. */
export class Unread {
  #seen = new Map();

  has(viewer, channel) {
    const key = `${viewer.id} ${channel.id}`;
    const last = channel.messages.at(-1);
    if (!this.#seen.has(key)) this.read(viewer, channel);
    return Boolean(last) && last.ts > this.#seen.get(key) && last.user !== viewer.id;
  }

  read(viewer, channel) {
    this.#seen.set(`${viewer.id} ${channel.id}`, channel.messages.at(-1)?.ts ?? "");
  }

  /** How many messages of the channel the viewer was notified of since they last looked at it: the number on a badge. */
  badge(viewer, channel, notifications) {
    const since = localStorage.getItem(noticedBy(viewer, channel.id)) ?? "";
    return notifications.filter((one) => one.channel === channel.id && one.ts > since).length;
  }

  notice(viewer, channel, notifications) {
    const latest = notifications.findLast((one) => one.channel === channel.id);
    if (latest) localStorage.setItem(noticedBy(viewer, channel.id), latest.ts);
  }

  /** The sum of all badges of the viewer. */
  total(viewer, workspace) {
    const notifications = workspace.notifications?.[viewer.handle] ?? [];
    return workspace.channels.reduce((sum, channel) => sum + this.badge(viewer, channel, notifications), 0);
  }
}

/** The time where the person is, which is the one all times on the page are told in. */
export function drawClock(viewer) {
  const now = Date.now() / 1000;
  $("you-time").textContent = clock(now, viewer.tz);
  $("you-zone").textContent = viewer.tz.split("/").at(-1).replaceAll("_", " ");
}

const badge = (count) => (count ? el("span.place-badge", {}, count > 9 ? "9+" : String(count), el("span.unseen", {}, count === 1 ? " notification" : " notifications")) : null);

/** Who else was notified of something and has not looked: one is all of them here, and would not know. */
function drawOthers(workspace, { viewer, where, people, unread }) {
  const told = people.filter((user) => user.id !== viewer.id).map((user) => [user, unread.total(user, workspace)]).filter(([, count]) => count);
  $("you-others").hidden = !told.length;
  reconcile($("you-others"), told.map(([user, count]) => ({
    key: user.id, signature: JSON.stringify([user.display_name, count, where]),
    build: () => el("a.other", { href: hashOf({ ...where, user: user.handle, thread: null, at: null }), "data-focus": `other/${user.id}` }, user.display_name, badge(count)),
  })));
}

/** `viewer` is the person, `where` the place, `people` who one can be, `unread` what they have not read. */
export function drawSidebar(workspace, { viewer, where, people, unread }) {
  const name = workspace.team.name ?? workspace.team.domain ?? "Workspace";
  $("team-name").textContent = name;
  $("team-mark").textContent = name.slice(0, 1).toUpperCase();
  $("you-avatar").replaceChildren(avatar(viewer.id, viewer.display_name, { small: true }));
  $("you-role").textContent = [fullRoleOf(viewer), viewer.title].filter(Boolean).join(" · ");
  drawClock(viewer);
  reconcile($("user"), people.map((user) => ({
    key: user.id, signature: `${user.display_name} ${roleOf(user)}`, build: () => el("option", { value: user.handle }, `${user.display_name} · ${roleOf(user)}`),
  })));
  $("user").value = viewer.handle;
  drawOthers(workspace, { viewer, where, people, unread });

  const notifications = workspace.notifications?.[viewer.handle] ?? [];
  const channels = visibleChannels(workspace, viewer).map((channel) => {
    const here = channel.name === where.channel;
    const note = channel.is_archived ? "archived" : channel.is_ext_shared ? "shared" : "";
    const news = !here && unread.has(viewer, channel);
    const count = here ? 0 : unread.badge(viewer, channel, notifications);
    return {
      key: channel.id, signature: JSON.stringify([channel.name, here, news, count, channel.is_private, note, viewer.handle, where.wire]),
      build: () => el(`a.place${news ? ".unread" : ""}`, {
        href: hashOf({ user: viewer.handle, channel: channel.name, wire: where.wire }), "aria-current": here ? "page" : null, "data-focus": channel.id,
      }, el("span.mark", { "aria-hidden": "true" }, channel.is_private ? icon("lock") : "#"), el("span.place-name", {}, channel.name),
      note ? el("span.place-note", {}, note) : null, news ? el("span.unseen", {}, " (unread)") : null, badge(count)),
    };
  });
  const direct = appChannel(workspace, viewer);
  const inApp = where.channel === APP;
  const news = !inApp && direct && unread.has(viewer, direct);
  const count = inApp || !direct ? 0 : unread.badge(viewer, direct, notifications);
  const app = {
    key: "app", signature: JSON.stringify([inApp, news, count, viewer.handle, workspace.app.name, where.wire]),
    build: () => el(`a.place${news ? ".unread" : ""}`, {
      href: hashOf({ user: viewer.handle, channel: APP, wire: where.wire }), "aria-current": inApp ? "page" : null, "data-focus": "app",
    }, avatar(workspace.app.bot_user_id ?? "app", workspace.app.name, { small: true, app: true }), el("span.place-name", {}, workspace.app.name), badge(count)),
  };
  const heading = (words) => ({ key: words, signature: words, build: () => el("h2.places-heading", {}, words) });
  reconcile($("places"), [heading("Channels"), ...channels, heading("Apps"), app]);
  const { connected, events_url: url } = workspace.app;
  $("app-state").textContent = url ? `App reached at ${url}` : connected ? `App connected (${connected})` : "App not connected";
  $("app-state").classList.toggle("on", Boolean(url) || connected > 0);
}
