// Twilio's, Telnyx's and Standard Webhooks' own libraries as judges: a question a line on standard input, its answer a line on standard output.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../node/package.json", import.meta.url));
const twilio = require("twilio/lib/webhooks/webhooks");
const { default: Telnyx } = require("telnyx");
const { Webhook } = require("standardwebhooks");

const answers = {
  // The signature of a form for an address.
  sign: ({ secret, url, form, algorithm }) => twilio.getExpectedTwilioSignature(secret, url, form, algorithm),
  // Whether a form is signed.
  check: ({ secret, url, form, signature, settings }) =>
    twilio.validateRequest(secret, signature, url, form, twilio.getSignatureAlgorithm(settings)),
  // Whether an event is.
  unwrap: async ({ publicKey, body, headers }) => {
    try {
      await new Telnyx({ apiKey: "none", publicKey }).webhooks.unwrap(body, { headers });
      return true;
    } catch {
      return false;
    }
  },
  // Whether a webhook of the desk's is.
  verify: ({ secret, body, headers }) => {
    try {
      new Webhook(secret).verify(body, headers);
      return true;
    } catch {
      return false;
    }
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { question, ...rest } = JSON.parse(line);
  console.log(JSON.stringify(await answers[question](rest)));
}
