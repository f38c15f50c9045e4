// Times as Slack words them, always in the time zone of the person the page is seen as.

const formats = new Map();

/** Intl formats are slow to make and a page uses few, so each is made once. */
function format(tz, options) {
  const key = `${tz} ${JSON.stringify(options)}`;
  if (!formats.has(key)) {
    let made;
    try {
      made = new Intl.DateTimeFormat("en-US", { ...options, timeZone: tz || undefined });
    } catch {
      made = new Intl.DateTimeFormat("en-US", options);
    }
    formats.set(key, made);
  }
  return formats.get(key);
}

const say = (seconds, tz, options) => format(tz, options).format(new Date(seconds * 1000)).replace(/\u202f/gu, " ");
const part = (seconds, tz, options, type) =>
  format(tz, options).formatToParts(new Date(seconds * 1000)).find((each) => each.type === type)?.value ?? "";

const isoDay = (seconds, tz) =>
  ["year", "month", "day"]
    .map((type) => part(seconds, tz, { year: "numeric", month: "2-digit", day: "2-digit" }, type))
    .join("-");

function ordinal(day) {
  const tens = day % 100;
  const suffix = tens >= 11 && tens <= 13 ? "th" : { 1: "st", 2: "nd", 3: "rd" }[day % 10] ?? "th";
  return `${day}${suffix}`;
}

const long = (seconds, tz) =>
  `${part(seconds, tz, { month: "long" }, "month")} ${ordinal(Number(part(seconds, tz, { day: "numeric" }, "day")))}`;
const year = (seconds, tz) => part(seconds, tz, { year: "numeric" }, "year");

/** "today", "yesterday", "tomorrow", or null when the day is none of them. */
function near(seconds, tz, now) {
  const day = isoDay(seconds, tz);
  for (const [name, away] of [["today", 0], ["yesterday", -86400], ["tomorrow", 86400]]) {
    if (isoDay(now + away, tz) === day) return name;
  }
  return null;
}

function ago(seconds, now) {
  const [value, unit] = [[86400, "day"], [3600, "hour"], [60, "minute"]]
    .map(([size, name]) => [Math.floor(Math.abs(now - seconds) / size), name])
    .find(([count]) => count >= 1) ?? [Math.floor(Math.abs(now - seconds)), "second"];
  const span = `${value} ${unit}${value === 1 ? "" : "s"}`;
  return seconds > now ? `in ${span}` : `${span} ago`;
}

/**
 * The tokens of Slack's date formatting (docs.slack.dev, "Formatting message text", dates).
 * `_pretty` tokens are the plain ones unless the day is near.
 */
const TOKENS = {
  date_num: isoDay,
  date_slash: (seconds, tz) => say(seconds, tz, { year: "numeric", month: "2-digit", day: "2-digit" }),
  date_long: (seconds, tz) => `${part(seconds, tz, { weekday: "long" }, "weekday")}, ${long(seconds, tz)}, ${year(seconds, tz)}`,
  date_long_full: (seconds, tz) => say(seconds, tz, { month: "long", day: "numeric", year: "numeric" }),
  date: (seconds, tz) => `${long(seconds, tz)}, ${year(seconds, tz)}`,
  date_short: (seconds, tz) => say(seconds, tz, { month: "short", day: "numeric", year: "numeric" }),
  time: (seconds, tz) => say(seconds, tz, { hour: "numeric", minute: "2-digit" }),
  time_secs: (seconds, tz) => say(seconds, tz, { hour: "numeric", minute: "2-digit", second: "2-digit" }),
};

/** A `<!date^...>` format with its tokens replaced; an unknown token stays as it was written. */
export function slackDate(seconds, pattern, tz, now = Date.now() / 1000) {
  return pattern.replace(/\{(\w+)\}/gu, (whole, token, at) => {
    if (token === "ago") return ago(seconds, now);
    const pretty = /^(?<plain>date\w*)_pretty$/u.exec(token)?.groups.plain;
    const close = pretty ? near(seconds, tz, now) : null;
    if (close) return at === 0 ? close[0].toUpperCase() + close.slice(1) : close;
    const spell = Object.hasOwn(TOKENS, pretty ?? token) ? TOKENS[pretty ?? token] : null;
    return spell ? spell(seconds, tz) : whole;
  });
}

export const clock = (seconds, tz) => TOKENS.time(seconds, tz);
/** As narrow as the margin in which it stands: without AM and PM, as in Slack. */
export const shortClock = (seconds, tz) => clock(seconds, tz).replace(/ [AP]M$/u, "");
export const fullDate = (seconds, tz) => `${TOKENS.date_long(seconds, tz)} at ${TOKENS.time_secs(seconds, tz)}`;
/** To the millisecond, for what goes over the wire. */
export const exactTime = (seconds, tz) =>
  say(seconds, tz, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" });
export const dayKey = isoDay;

/** The divider between two days: Today, Yesterday, or "Monday, November 23rd", with the year when it is another one. */
export function dayName(seconds, tz, now = Date.now() / 1000) {
  const close = near(seconds, tz, now);
  if (close) return close[0].toUpperCase() + close.slice(1);
  const same = year(seconds, tz) === year(now, tz);
  return `${part(seconds, tz, { weekday: "long" }, "weekday")}, ${long(seconds, tz)}${same ? "" : `, ${year(seconds, tz)}`}`;
}
