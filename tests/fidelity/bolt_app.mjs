// The strangers' contract (tests/fidelity/strangers.py) kept by Bolt for JavaScript, over Socket Mode or HTTP.
// What it sees and does is printed, one JSON object a line.
import { createHash } from "node:crypto";
import { createRequire } from "node:module";

const require = createRequire(new URL("../node/package.json", import.meta.url));
const { App, HTTPReceiver, LogLevel, SocketModeReceiver } = require("@slack/bolt");

const { SLACK_API_URL, SLACK_BOT_TOKEN, SLACK_APP_TOKEN, SLACK_SIGNING_SECRET, MODE } = process.env;
const clientOptions = { slackApiUrl: SLACK_API_URL };
const say = (what, facts = {}) => process.stdout.write(`${JSON.stringify({ what, ...facts })}\n`);

const socket = MODE === "socket";
const receiver = socket
  ? new SocketModeReceiver({
      appToken: SLACK_APP_TOKEN,
      // Bolt waits as long before it dials again as it waits for a PONG: five seconds unless told otherwise.
      clientPingTimeout: 500,
      installerOptions: { clientOptions },
      logLevel: LogLevel.WARN,
    })
  : new HTTPReceiver({ signingSecret: SLACK_SIGNING_SECRET, logLevel: LogLevel.WARN });

// Bolt acknowledges an event once it knows for whom it acts, so holding that back is how its app misses one.
const missed = new Set();
const bot = {};
const authorize = async (_source, body) => {
  if (body?.event?.text?.includes("once more") && !missed.has(body.event_id)) {
    missed.add(body.event_id);
    await new Promise(() => {});
  }
  return { botToken: SLACK_BOT_TOKEN, botId: bot.id, botUserId: bot.user };
};
const app = new App({ receiver, authorize, clientOptions, logLevel: LogLevel.WARN });
app.error(async (error) => say("failed", { error: error.stack }));

const text = (words) => ({ type: "plain_text", text: words });
const button = (action_id, words, value) => ({ type: "button", action_id, text: text(words), value });
const form = (title, metadata) => ({
  type: "modal",
  callback_id: "form",
  title: text(title),
  submit: text("Send"),
  close: text("Leave"),
  notify_on_close: true,
  private_metadata: metadata,
  blocks: [
    {
      type: "input",
      block_id: "amount",
      label: text("Amount"),
      element: { type: "plain_text_input", action_id: "typed" },
    },
    {
      type: "actions",
      block_id: "more",
      elements: [button("refresh", "Refresh", "r"), button("deeper", "Deeper", "d")],
    },
  ],
});
const home = (words) => ({
  type: "home",
  blocks: [
    { type: "section", text: { type: "mrkdwn", text: words } },
    { type: "actions", block_id: "greeting", elements: [button("hello", "Hello", "h")] },
  ],
});

const commands = {
  async form({ client, command }) {
    const { view } = await client.views.open({
      trigger_id: command.trigger_id,
      view: form("First", command.channel_id),
    });
    say("opened", { view: view.id, hash: view.hash, title: view.title.text });
  },
  async upload({ client, command }) {
    const { files } = await client.filesUploadV2({
      channel_id: command.channel_id,
      filename: "numbers.csv",
      title: "Numbers",
      content: "phone\n+12125550100\n",
      initial_comment: "here",
    });
    say("uploaded", { file: files[0].files[0].id });
  },
  async post({ client, command }, rest) {
    const began = performance.now();
    const { ts, message } = await client.chat.postMessage({
      channel: command.channel_id,
      text: rest,
      blocks: [
        { type: "section", text: { type: "mrkdwn", text: rest } },
        {
          type: "actions",
          block_id: "choices",
          elements: [
            button("press", "Press", "pressed"),
            {
              type: "static_select",
              action_id: "choose",
              placeholder: text("Choose"),
              options: ["a", "b"].map((value) => ({ text: text(value), value })),
            },
          ],
        },
      ],
    });
    say("posted", { ts, text: message.text, seconds: (performance.now() - began) / 1000 });
  },
  async pages({ client }) {
    const pages = { users: [], channels: [], most: 0 };
    for await (const page of client.paginate("users.list", { limit: 2 })) {
      pages.users.push(...page.members.map((user) => user.id));
      pages.most = Math.max(pages.most, page.members.length);
    }
    for await (const page of client.paginate("conversations.list", { limit: 2 })) {
      pages.channels.push(...page.channels.map((channel) => channel.id));
      pages.most = Math.max(pages.most, page.channels.length);
    }
    say("pages", pages);
  },
  async errors({ client }) {
    const errors = [];
    for (const failing of [
      () => client.chat.postMessage({ channel: "C0NOWHERE00", text: "x" }),
      () => client.users.info({ user: "U0NOBODY000" }),
      () => client.files.info({ file: "F0NOTHING00" }),
      () => client.views.open({ trigger_id: "1.2.3", view: home("x") }),
    ]) {
      await failing().then(
        () => errors.push("none"),
        (error) => errors.push(error.data.error),
      );
    }
    say("errors", { errors });
  },
};

app.command("/stranger", async (args) => {
  const { ack, command, respond } = args;
  say("command", {
    command: command.command,
    text: command.text,
    user: command.user_id,
    channel: command.channel_id,
    team: command.team_id,
    app: command.api_app_id,
  });
  const [word, ...words] = command.text.split(" ");
  const rest = words.join(" ");
  if (word === "echo") {
    await ack({ text: `heard ${rest}` });
    await respond({ response_type: "in_channel", text: `answered ${rest}` });
    return;
  }
  await ack();
  await commands[word](args, rest);
});

app.event("app_mention", async ({ event, body, context, client }) => {
  say("mention", {
    user: event.user,
    text: event.text,
    ts: event.ts,
    thread_ts: event.thread_ts ?? null,
    channel: event.channel,
    event_ts: event.event_ts,
    event_id: body.event_id,
    retry_num: context.retryNum ?? 0,
    retry_reason: context.retryReason ?? "",
  });
  const thread_ts = event.thread_ts ?? event.ts;
  await client.chat.postMessage({ channel: event.channel, thread_ts, text: `you said ${event.text}` });
});

app.message(async ({ message, client }) => {
  if (message.channel_type !== "im" || message.subtype) return;
  say("message", { text: message.text, user: message.user, channel: message.channel, ts: message.ts });
  await client.chat.postMessage({ channel: message.channel, text: `dm ${message.text}` });
});

app.event("file_shared", async ({ event, client }) => {
  if (event.user_id === bot.user) return;
  const { file } = await client.files.info({ file: event.file_id });
  const answer = await fetch(file.url_private_download, { headers: { Authorization: `Bearer ${SLACK_BOT_TOKEN}` } });
  const content = Buffer.from(await answer.arrayBuffer());
  const [share] = { ...file.shares.public, ...file.shares.private }[event.channel_id];
  say("file", {
    file: event.file.id,
    user: event.user_id,
    channel: event.channel_id,
    name: file.name,
    size: file.size,
    sha256: createHash("sha256").update(content).digest("hex"),
    thread: share.thread_ts ?? share.ts,
  });
  await client.chat.postMessage({
    channel: event.channel_id,
    thread_ts: share.thread_ts ?? share.ts,
    text: `${file.name} has ${content.length} bytes`,
  });
});

app.event("app_home_opened", async ({ event, client }) => {
  say("home", { user: event.user, tab: event.tab });
  if (event.view) return;
  const { view } = await client.views.publish({ user_id: event.user, view: home("Welcome") });
  say("published", { view: view.id, hash: view.hash });
});

app.shortcut("look", async ({ ack, shortcut, respond }) => {
  await ack();
  say("shortcut", {
    callback_id: shortcut.callback_id,
    text: shortcut.message.text,
    ts: shortcut.message_ts,
    thread_ts: shortcut.message.thread_ts ?? null,
    channel: shortcut.channel.id,
    user: shortcut.user.id,
  });
  await respond({ text: `looked at ${shortcut.message.text}` });
});

app.shortcut("anywhere", async ({ ack, shortcut }) => {
  await ack();
  say("anywhere", { user: shortcut.user.id });
});

app.action(/.*/, async ({ ack, action, body, client, respond }) => {
  await ack();
  const { view } = body;
  say("action", {
    action_id: action.action_id,
    value: action.value ?? action.selected_option.value,
    user: body.user.id,
    container: body.container.type,
    ts: body.message?.ts ?? null,
    thread_ts: body.message?.thread_ts ?? null,
  });
  switch (action.action_id) {
    case "press":
      await respond({ replace_original: true, text: `pressed by <@${body.user.id}>` });
      break;
    case "choose":
      await respond({ replace_original: false, text: `chose ${action.selected_option.value}` });
      break;
    case "refresh": {
      const answer = await client.views.update({
        view_id: view.id,
        hash: view.hash,
        view: form("Second", view.private_metadata),
      });
      say("updated", { view: answer.view.id, hash: answer.view.hash, title: answer.view.title.text });
      break;
    }
    case "deeper": {
      const answer = await client.views.push({ trigger_id: body.trigger_id, view: form("Third", view.private_metadata) });
      say("pushed", { view: answer.view.id, root: answer.view.root_view_id, previous: answer.view.previous_view_id });
      break;
    }
    case "hello": {
      const answer = await client.views.publish({
        user_id: body.user.id,
        hash: view.hash,
        view: home("Hello yourself"),
      });
      say("published", { view: answer.view.id, hash: answer.view.hash });
    }
  }
});

app.view("form", async ({ ack, view, body, client }) => {
  const value = view.state.values.amount.typed.value;
  say("submission", { callback_id: view.callback_id, value, metadata: view.private_metadata, user: body.user.id });
  if (!/^\d+$/.test(value)) {
    await ack({ response_action: "errors", errors: { amount: "Digits only" } });
    return;
  }
  await ack();
  await client.chat.postMessage({ channel: view.private_metadata, text: `amount ${value}` });
});

app.view({ callback_id: "form", type: "view_closed" }, async ({ ack, view, body }) => {
  await ack();
  say("closed", { callback_id: view.callback_id, view: view.id, cleared: body.is_cleared });
});

const me = await app.client.auth.test({ token: SLACK_BOT_TOKEN });
Object.assign(bot, { id: me.bot_id, user: me.user_id });
say("ready", { user: me.user_id, bot: me.bot_id, team: me.team_id });
if (socket) {
  receiver.client.on("connected", () => say("connected"));
  await app.start();
} else {
  const server = await app.start(0);
  say("listening", { port: server.address().port });
}
// The test ends this program by closing its standard input.
process.stdin.resume().on("end", () => process.exit(0));
