// A made-up texting platform, whole: it has conversations of its own in SQLite, and keeps in step with the desk by
// its API.
//
//   OPTOUT_URL=http://127.0.0.1:3000/v1 OPTOUT_KEY=optk_... node platform.mjs platform.db
//
// It can be killed at any moment and started again: all that it is in the middle of stands in its database, and is done
// again without harm. A line is printed for each thing that it does; Ctrl-C ends it.

// Node 22 has SQLite itself. Before it `npm install libsql`, which takes the same calls.
const Database = await import("node:sqlite")
  .then((sqlite) => sqlite.DatabaseSync, async () => (await import("libsql")).default);
const { OPTOUT_URL, OPTOUT_KEY } = process.env;
const AT_ONCE = 1000; // conversations told in one request; the desk takes 10,000

const db = new Database(process.argv[2] ?? "platform.db");
db.exec(`
  PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS campaigns (id TEXT PRIMARY KEY, name TEXT, active INTEGER);
  CREATE TABLE IF NOT EXISTS conversations (
    campaign TEXT, contact TEXT, phone TEXT, opted_out INTEGER DEFAULT 0, told INTEGER DEFAULT 0, sent_at INTEGER,
    PRIMARY KEY (campaign, contact));
  CREATE INDEX IF NOT EXISTS by_phone ON conversations (phone);
  CREATE TABLE IF NOT EXISTS sends (
    campaign TEXT, contact TEXT, phone TEXT, asked_at INTEGER, as_of INTEGER, sent_at INTEGER);
  CREATE TABLE IF NOT EXISTS replies (id TEXT PRIMARY KEY, phone TEXT, words TEXT, told INTEGER DEFAULT 0);
  CREATE TABLE IF NOT EXISTS opted_out (phone TEXT PRIMARY KEY);
  CREATE TABLE IF NOT EXISTS cursor (one INTEGER PRIMARY KEY CHECK (one = 1), after TEXT);
`);
const all = (sql, ...values) => db.prepare(sql).all(...values);
const run = (sql, ...values) => db.prepare(sql).run(...values);

/** What `work` writes is written whole or not at all, wherever the process is killed. */
function together(work) {
  db.exec("BEGIN IMMEDIATE");
  try {
    work();
    db.exec("COMMIT");
  } catch (error) {
    db.exec("ROLLBACK");
    throw error;
  }
}

/**
 * The desk's answer, asked for until there is one: it may be away, restart, or have too much to do.
 *
 * A request that changes something bears a key, so that asked again it is done once. A problem that the same request
 * would meet again is thrown.
 */
async function ask(method, path, body, key) {
  const headers = { Authorization: "Bearer " + OPTOUT_KEY, ...(body && { "Content-Type": "application/json" }) };
  if (key) headers["Idempotency-Key"] = key;
  for (;;) {
    let seconds = 0.2;
    try {
      const signal = AbortSignal.timeout(60_000);
      const answer = await fetch(OPTOUT_URL + path, { method, headers, body: body && JSON.stringify(body), signal });
      const told = await answer.json();
      if (answer.ok) return told;
      if (!answer.headers.has("Retry-After")) throw Object.assign(new Error(told.detail), { type: told.type });
      seconds = Number(answer.headers.get("Retry-After"));
    } catch (error) {
      if (error.type) throw error;
      console.error(`${method} ${path} again, since ${error.cause?.message ?? error.message}`);
    }
    await new Promise((wake) => setTimeout(wake, seconds * 1000));
  }
}

/** Two campaigns, one of them over, with people to write to; all numbers are fiction. */
function makeUp() {
  if (all("SELECT 1 FROM campaigns").length) return;
  const areas = [212, 213, 302, 305, 312, 404, 512, 617, 702, 808];
  const add = (...values) => run("INSERT INTO conversations (campaign, contact, phone) VALUES (?, ?, ?)", ...values);
  together(() => {
    run("INSERT INTO campaigns VALUES ('gotv-october', 'GOTV October', 1), ('primary', 'Primary', 0)");
    for (let n = 0; n < 1000; n++) {
      const phone = `+1${areas[Math.floor(n / 100)]}55501${String(n % 100).padStart(2, "0")}`;
      add("gotv-october", `c-${n}`, phone);
      if (n % 10 === 0) add("primary", `c-${n}`, phone);
    }
  });
}

/** Campaigns and conversations, so that Slack can say what a number stands in, and re-open it. Again is no change. */
async function tell() {
  for (const { id, name, active } of all("SELECT * FROM campaigns")) {
    await ask("PUT", `/campaigns/${id}`, { name, active: Boolean(active) });
    for (;;) {
      const some = all("SELECT contact, phone FROM conversations WHERE campaign = ? AND NOT told LIMIT ?", id, AT_ONCE);
      if (!some.length) break;
      await ask("PUT", `/campaigns/${id}/conversations`, { conversations: some });
      const told = "UPDATE conversations SET told = 1 WHERE campaign = ? AND contact = ?";
      together(() => some.forEach(({ contact }) => run(told, id, contact)));
    }
  }
  console.log("told");
}

// What is over stays as it was.
const REOPEN = `
  UPDATE conversations SET opted_out = 0
  WHERE phone = ? AND campaign IN (SELECT id FROM campaigns WHERE active)`;
const OPEN = `
  SELECT campaign, contact, phone FROM conversations JOIN campaigns ON id = campaign
  WHERE active AND NOT opted_out AND sent_at IS NULL`;
let news; // what waits for the next page of the feed

/** The list and what changes of it: each page is written together with where the next one begins. */
async function follow() {
  for (;;) {
    const [known] = all("SELECT after FROM cursor");
    let page;
    try {
      page = await ask("GET", "/changes?wait=25" + (known ? "&after=" + known.after : ""));
    } catch (error) {
      if (!error.type?.endsWith(":start-anew")) throw error;
      run("DELETE FROM cursor"); // the whole list comes again, and puts right what is here
      continue;
    }
    together(() => {
      for (const { phone, opted_out } of page.phones) {
        if (opted_out) {
          run("INSERT OR IGNORE INTO opted_out VALUES (?)", phone);
          run("UPDATE conversations SET opted_out = 1 WHERE phone = ?", phone);
        } else {
          run("DELETE FROM opted_out WHERE phone = ?", phone);
          run(REOPEN, phone);
        }
      }
      run("INSERT OR REPLACE INTO cursor VALUES (1, ?)", page.cursor);
    });
    for (const { phone, opted_out } of page.phones) console.log(opted_out ? "out" : "in", phone);
    if (!page.more) console.log("followed", page.cursor);
    news?.();
  }
}

/** A text to each open conversation, each after a check of its own. */
async function send() {
  for (;;) {
    const came = new Promise((wake) => (news = wake));
    for (const { campaign, contact, phone } of all(OPEN)) {
      const asked_at = Date.now();
      const { as_of, opted_out, invalid } = await ask("POST", "/checks", { phones: [phone] });
      // The conversation is left to the feed, which may have told of something newer than this answer.
      if (opted_out.length || invalid.length) {
        console.log("held", phone);
        continue;
      }
      together(() => {
        run("INSERT INTO sends VALUES (?, ?, ?, ?, ?, ?)", campaign, contact, phone, asked_at, as_of, Date.now());
        run("UPDATE conversations SET sent_at = ? WHERE campaign = ? AND contact = ?", Date.now(), campaign, contact);
        // Made up like the rest: now and then somebody answers.
        if (Number(contact.slice(2)) % 50 !== 7) return;
        run("INSERT INTO replies (id, phone, words) VALUES (?, ?, 'STOP')", `SM-${contact}`, phone);
      });
      console.log("sent", phone);
      await report();
    }
    console.log("idle");
    await came;
  }
}

/** What was heard and is not known to the desk yet. The id of the reply is the key, so that it is reported once. */
async function report() {
  for (const { id, phone, words } of all("SELECT * FROM replies WHERE NOT told")) {
    await ask("POST", "/entries", { function: "keyword", phones: [phone], reason: words }, id);
    run("UPDATE replies SET told = 1 WHERE id = ?", id);
    console.log("reported", phone);
  }
}

makeUp();
await tell();
await Promise.all([follow(), report().then(send)]);
