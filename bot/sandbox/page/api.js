// The embedded Slack's control API: what a person does goes out here, what there is to see comes in.

/** A refusal in words: the control API's own sentence, or that nobody answered. */
class Refused extends Error {}

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

/**
 * POST /sandbox/file: `file` is a File, or the name of a sample list. Without a channel it is uploaded and not shared.
 * `progress(share)` follows the upload, from 0 to 1; `signal` stops it, and the promise rejects with the signal's reason.
 */
export function drop({ user, channel, file, text, threadTs, progress, signal }) {
  const form = new FormData();
  form.append("user", user);
  if (channel) form.append("channel", channel);
  if (text) form.append("text", text);
  if (threadTs) form.append("thread_ts", threadTs);
  if (typeof file === "string") form.append("sample", file);
  else form.append("file", file, file.name);
  // fetch() does not tell how far an upload is.
  const request = new XMLHttpRequest();
  const response = new Promise((resolve, reject) => {
    request.upload.addEventListener("progress", (event) => event.lengthComputable && progress?.(event.loaded / event.total));
    request.addEventListener("load", () => resolve(new Response(request.responseText, { status: request.status })));
    request.addEventListener("error", reject);
  });
  const stopped = new Promise((_, reject) => {
    signal?.addEventListener("abort", () => {
      request.abort();
      reject(signal.reason);
    });
  });
  request.open("POST", "/sandbox/file");
  request.send(form);
  return Promise.race([answer(response), stopped]);
}

/** What Slack's client would say of an answer, or null when all went well. */
export function failureOf(reply) {
  return reply.ok === false ? reply.shown ?? reply.error ?? "That did not work." : null;
}

/** GET /sandbox/changes: what is new since `cursor`, or all there is to start with. */
export function changes(cursor) {
  return answer(fetch(`/sandbox/changes${cursor ? `?since=${encodeURIComponent(cursor)}` : ""}`));
}

/** GET /sandbox/earlier: a page of messages before `before`. */
export function earlier(asked) {
  return answer(fetch(`/sandbox/earlier?${new URLSearchParams(Object.entries(asked).filter(([, value]) => value))}`));
}

/** GET /sandbox/wire: what was delivered and called since `cursor`, or the latest of it. */
export function wire(cursor) {
  return answer(fetch(`/sandbox/wire${cursor ? `?since=${cursor}` : ""}`));
}

/** GET /sandbox/faults: the kinds there are, and what waits. */
export function faults() {
  return answer(fetch("/sandbox/faults"));
}

export async function samples() {
  const body = await answer(fetch("/sandbox/samples"));
  return Array.isArray(body) ? body : body.samples;
}

/**
 * Call `changed` whenever the workspace changes and after every (re)connection, `wired` likewise for what goes over the
 * wire, and `online(bool)` as the line comes and goes.
 */
export function follow({ changed, wired, online }) {
  let pause = 300;
  const dial = () => {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/sandbox/live?wire`);
    socket.addEventListener("open", () => {
      pause = 300;
      online(true);
      changed();
      wired();
    });
    socket.addEventListener("message", (event) => ("wire" in JSON.parse(event.data) ? wired() : changed()));
    socket.addEventListener("close", () => {
      online(false);
      setTimeout(dial, pause);
      pause = Math.min(pause * 2, 5000);
    });
  };
  dial();
}
