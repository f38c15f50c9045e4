// @slack/web-api alone: what its own client makes of the embedded Slack's answers, printed as one JSON object a line.
import { createRequire } from "node:module";

const require = createRequire(new URL("../node/package.json", import.meta.url));
const { WebClient, WebClientEvent, LogLevel } = require("@slack/web-api");

const { SLACK_API_URL, SLACK_BOT_TOKEN, CHANNEL } = process.env;
const say = (what, facts = {}) => process.stdout.write(`${JSON.stringify({ what, ...facts })}\n`);
const open = (token, options = {}) =>
  new WebClient(token, { slackApiUrl: SLACK_API_URL, logLevel: LogLevel.ERROR, ...options });
const client = open(SLACK_BOT_TOKEN);

const steps = {
  async pages() {
    const listed = {};
    for (const [method, items] of [
      ["conversations.list", "channels"],
      ["users.list", "members"],
    ]) {
      listed[items] = [];
      for await (const page of client.paginate(method, { limit: 3, types: "public_channel,private_channel" })) {
        listed[items].push(page[items].map((item) => item.id));
      }
    }
    listed.members_of = [];
    for await (const page of client.paginate("conversations.members", { channel: CHANNEL, limit: 2 })) {
      listed.members_of.push(page.members);
    }
    return listed;
  },

  async upload() {
    const answer = await client.filesUploadV2({
      channel_id: CHANNEL,
      initial_comment: "two files",
      file_uploads: [
        { content: "phone\n+12125550100\n", filename: "one.csv", title: "One" },
        { file: Buffer.alloc(300_000, "x"), filename: "two.bin" },
      ],
    });
    return { files: answer.files.flatMap((part) => part.files.map(({ id, title }) => ({ id, title }))) };
  },

  async errors() {
    const invalid = [{ type: "section" }];
    const attempts = {
      unknown_channel: () => client.chat.postMessage({ channel: "C0NOWHERE00", text: "x" }),
      no_text: () => client.chat.postMessage({ channel: CHANNEL, text: "" }),
      blocks: () => client.chat.postMessage({ channel: CHANNEL, text: "x", blocks: invalid }),
      arguments: () => client.views.open({ trigger_id: "1.2.3", view: { type: "modal" } }),
      unknown_method: () => client.apiCall("chat.shout"),
      no_token: () => open(undefined).auth.test(),
      wrong_token: () => open("xoxb-1-2-3").auth.test(),
      wrong_kind: () => client.apps.connections.open(),
    };
    const got = {};
    for (const [name, attempt] of Object.entries(attempts)) {
      got[name] = await attempt().then(
        () => null,
        ({ code, data }) => ({ code, error: data.error, messages: data.response_metadata?.messages ?? [] }),
      );
    }
    return got;
  },

  async limited() {
    const told = [];
    client.on(WebClientEvent.RATE_LIMITED, (seconds) => told.push(seconds));
    const began = performance.now();
    const { ok, ts } = await client.chat.postMessage({ channel: CHANNEL, text: "after a pause" });
    return { ok, ts, told, seconds: (performance.now() - began) / 1000 };
  },

  async rejected() {
    const impatient = open(SLACK_BOT_TOKEN, { rejectRateLimitedCalls: true });
    return impatient.chat.postMessage({ channel: CHANNEL, text: "never" }).then(
      () => null,
      ({ code, retryAfter }) => ({ code, retryAfter }),
    );
  },

  async scopes() {
    const { response_metadata } = await client.auth.test();
    return response_metadata;
  },

  // An answer with 5xx is tried again by the client itself.
  async broken() {
    const patient = open(SLACK_BOT_TOKEN, { retryConfig: { retries: 2, minTimeout: 1, maxTimeout: 1 } });
    return { ok: (await patient.chat.postMessage({ channel: CHANNEL, text: "after a fall" })).ok };
  },
};

say("done", { answer: await steps[process.env.STEP]() });
