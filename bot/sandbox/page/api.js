// The embedded Slack's control API: what a person does goes out here, what there is to see comes in.

/** A refusal in words: the control API's own sentence, or that nobody answered. */
export class Refused extends Error {}

async function answer(request) {
  let response;
  try {
    response = await request;
  } catch {
    throw new Refused("The embedded Slack does not answer.");
  }
  let body;
  try {
    body = await response.json();
  } catch {
    throw new Refused(`The embedded Slack answered ${response.status} without JSON.`);
  }
  if (!response.ok) throw new Refused(body.error ?? `The embedded Slack answered ${response.status}.`);
  return body;
}

/** POST /sandbox/{what} as JSON; returns the answer, a failure that Slack's client would show included. */
export function act(what, body) {
  return answer(fetch(`/sandbox/${what}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  }));
}

/** POST /sandbox/file: `file` is a File, or the name of a sample list. Without a channel it is uploaded and not shared. */
export function drop({ user, channel, file, text, threadTs }) {
  const form = new FormData();
  form.append("user", user);
  if (channel) form.append("channel", channel);
  if (text) form.append("text", text);
  if (threadTs) form.append("thread_ts", threadTs);
  if (typeof file === "string") form.append("sample", file);
  else form.append("file", file, file.name);
  return answer(fetch("/sandbox/file", { method: "POST", body: form }));
}

/** What Slack's client would say of an answer, or null when all went well. */
export function failureOf(reply) {
  return reply.ok === false ? reply.shown ?? reply.error ?? "That did not work." : null;
}

export function state() {
  return answer(fetch("/sandbox/state"));
}

export async function samples() {
  const body = await answer(fetch("/sandbox/samples"));
  return Array.isArray(body) ? body : body.samples;
}

/**
 * Call `changed` whenever the workspace changes and after every (re)connection; `online(bool)` as the line comes and goes.
 */
export function follow({ changed, online }) {
  let pause = 300;
  const dial = () => {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/sandbox/live`);
    socket.addEventListener("open", () => {
      pause = 300;
      online(true);
      changed();
    });
    socket.addEventListener("message", changed);
    socket.addEventListener("close", () => {
      online(false);
      setTimeout(dial, pause);
      pause = Math.min(pause * 2, 5000);
    });
  };
  dial();
}
