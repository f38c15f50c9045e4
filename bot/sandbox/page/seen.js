// What this page has seen of the workspace. The server tells only what changed since; see bot/sandbox/unseen.py.

import { changes, earlier } from "./api.js";

const byTime = (one, other) => (one.ts < other.ts ? -1 : one.ts > other.ts ? 1 : 0);

/** The workspace as far as it was told: `workspace` is replaced, never changed, by each `refresh`. */
export class Seen {
  workspace = null;
  #cursor = null;

  async refresh() {
    const told = await changes(this.#cursor);
    const { cursor, whole, channels, ...parts } = told;
    const known = whole ? [] : this.workspace.channels;
    const news = new Map(channels.map((channel) => [channel.id, channel]));
    const kept = known.map((channel) => (news.has(channel.id) ? merged(channel, news.get(channel.id)) : channel));
    const ids = new Set(known.map((channel) => channel.id));
    const added = channels.filter((channel) => !ids.has(channel.id)).map((channel) => merged(null, channel));
    this.#cursor = cursor;
    this.workspace = { ...(whole ? {} : this.workspace), ...parts, channels: [...kept, ...added] };
    return this.workspace;
  }

  /** Get a page of messages before those seen of a channel (back to `reach`, when given), or of replies before those of `thread`. */
  async earlier(channelId, { reach = null, thread = null } = {}) {
    const channel = this.workspace.channels.find((each) => each.id === channelId);
    const parent = thread && channel.messages.find((message) => message.ts === thread);
    const before = (parent ? parent.thread : channel.messages)[0]?.ts;
    if (!before) return;
    const told = await earlier({ channel: channelId, before, reach, thread });
    this.#replace(channelId, (now) => (parent
      ? { ...now, messages: now.messages.map((each) => (each.ts === thread ? { ...each, thread: together(told.messages, each.thread) } : each)) }
      : { ...now, earlier: told.earlier, messages: together(told.messages, now.messages) }));
  }

  #replace(channelId, change) {
    const channels = this.workspace.channels.map((each) => (each.id === channelId ? change(each) : each));
    this.workspace = { ...this.workspace, channels };
  }
}

/** Both lists in time order; of a message in both the one of `later`. */
const together = (sooner, later) =>
  [...new Map([...sooner, ...later].map((message) => [message.ts, message])).values()].sort(byTime);

/** A channel after news of it. A thread is told from its end, so replies before that which were fetched are kept. */
function merged(channel, news) {
  const { whole, removed = [], messages, ...about } = news;
  if (whole || !channel) return { ...about, messages };
  const gone = new Set(removed);
  const known = new Map(channel.messages.map((message) => [message.ts, message]));
  const fresh = messages.map((message) => {
    const before = known.get(message.ts)?.thread ?? [];
    const kept = before.filter((reply) => reply.ts < (message.thread[0]?.ts ?? "") && !gone.has(reply.ts));
    return { ...message, thread: [...kept, ...message.thread] };
  });
  // What is older than all that was fetched stays unfetched, also when it changes.
  const first = channel.earlier ? channel.messages[0]?.ts ?? "" : "";
  const here = together(channel.messages, fresh).filter((message) => !gone.has(message.ts) && message.ts >= first);
  return { ...channel, ...about, messages: here };
}
