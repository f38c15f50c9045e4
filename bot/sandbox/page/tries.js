// The buttons of the sandbox's own welcome (bot/sandbox/welcome.py): each does what a person would do by hand, and leads
// to where the answer appears. The app is told of the act and never of the button.

import { act, drop } from "./api.js";

const PREFIX = "sandbox_try:";

/** Whether a button is the page's own; only Slackbot's are, whatever an app calls its actions. */
export const isTry = (message, item) => message.user === "USLACKBOT" && (item.action_id ?? "").startsWith(PREFIX);

/** `go` leads somewhere; `failure` runs an act of the person and says why it failed, if it did. */
export class Tries {
  #go;
  #failure;
  #awaited = null;

  constructor({ go, failure }) {
    this.#go = go;
    this.#failure = failure;
  }

  /** Do what a button says, as `user` in `channel`: null, or what to tell them when it failed. */
  press(item, { user, channel }) {
    return item.action_id === `${PREFIX}drop` ? this.#drop(user, item.value) : this.#command(user, channel, item.value);
  }

  async #command(user, channel, text) {
    this.#awaited = { user, channel: channel.id, after: channel.messages.at(-1)?.ts ?? "" };
    const failed = await this.#failure(act("command", { user, channel: channel.id, text }));
    if (failed) this.#awaited = null;
    return failed;
  }

  async #drop(user, value) {
    const [channel, file] = value.split(" ");
    let ts = null;
    const failed = await this.#failure(drop({ user, channel, file }).then((reply) => {
      ts = reply.ts;
      return reply;
    }));
    if (!failed) this.#go({ channel, thread: ts });
    return failed;
  }

  /** Open the thread of the answer that `bot` gave to a command, once it is there; whoever went elsewhere stays there. */
  follow(user, channel, bot) {
    const awaited = this.#awaited;
    if (!awaited) return;
    if (user !== awaited.user || channel?.id !== awaited.channel) {
      this.#awaited = null;
      return;
    }
    const answer = channel.messages.find((message) => message.ts > awaited.after && message.user === bot && message.thread?.length);
    if (!answer) return;
    this.#awaited = null;
    this.#go({ thread: answer.ts });
  }
}
