"""
Slack's mrkdwn: escaping of foreign text, and people, times and places the way Slack shows them.

https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from slack_sdk.models.blocks import ContextBlock, MarkdownTextObject, SectionBlock

from store import Actor

# A section takes 3,000: https://docs.slack.dev/reference/block-kit/blocks/section-block
SECTION_LONGEST = 2_900
# What a person or a list wrote, at most, in one line of an answer; escaping makes it up to five times longer.
QUOTED_LONGEST = 300
# What a file may be called, at most, where an answer names it.
_FILE_NAME_LONGEST = 100
# A sentence of the store's, at most: it may list the columns of a file.
_SENTENCE_LONGEST = 1_000

_USER = re.compile(r"[UW][A-Z0-9]{2,}")
_GROUP = re.compile(r"S[A-Z0-9]{2,}")
_CHANNEL = re.compile(r"[CG][A-Z0-9]{8,}")
_MARKUP = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# An address that ends nothing of the markup around it.
_ADDRESS = re.compile(r"https?://[^\s<>|]+")
# What has no looks of its own: marks, embeddings, overrides and isolates, which turn round what stands after them, signs
# without width, fillers, tags and noncharacters; not the joiners, which names and emoji are written with.
_UNSEEN = re.compile(
    "[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
# Half a character, which no text may hold: posting it would fail.
_HALVES = re.compile("[\ud800-\udfff]")
# Between two letters or digits, as in nov_stops.csv, none of these formats anything.
_FORMATTING = re.compile(r"(?<![^\W_])[*_~]|[*_~](?![^\W_])|:(?=[\w+'-]+:)")
_LOOKALIKES = str.maketrans({"*": "\u2217", "_": "\u02cd", "~": "\u223c", ":": "\u2236"})


def escape(text: str) -> str:
    """*text* so that Slack shows it as it is: no mention, link or broadcast can come out of it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(text: str) -> str:
    """
    The plain text of mrkdwn that Slack delivers: the opposite of `escape`, mentions and links by their names.

    With the manifest's `should_escape` `@support` arrives as `<@U1|support>` and a typed `<` as `&lt;`.
    """
    return _MARKUP.sub(_named, text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _named(markup: re.Match[str]) -> str:
    target, label = markup[1], markup[2]
    sign = target[:1] if target[:1] in {"@", "#"} else ""
    if target.startswith("!date^"):
        return label or ""
    if target.startswith("!"):
        name = label or target[1:].partition("^")[0]
        return name if name.startswith("@") else f"@{name}"
    if sign:
        return f"{sign}{label or target[1:]}"
    return label or target.removeprefix("mailto:").removeprefix("tel:")


def one_line(text: str, longest: int = QUOTED_LONGEST) -> str:
    """*text* on one line, at most *longest* characters long, with nothing unseen in it that turns other text round or hides."""
    text = _BLANKS.sub(" ", _HALVES.sub("\ufffd", _UNSEEN.sub("", text))).strip()
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def quoted(text: str, longest: int = QUOTED_LONGEST) -> str:
    """
    Foreign *text*, shortened to one line, escaped, and unable to format anything, itself or the words around it.

    Slack has no escape for `*`, `_`, `~` and backticks, and `verbatim` does not touch them: a name with a `*` would end
    the bold that it is shown in. Where one could format, and where colons would make an emoji, a sign that looks like it
    stands instead, which holds in every client; what clients make of a zero-width sign there is nowhere written down.
    """
    return _unformatted(one_line(text, longest).replace("`", "'"))


def sentence(text: str) -> str:
    """A sentence of the store's, plain text but for the backticks of its `code`, in which a file may be called anything."""
    text = one_line(text, _SENTENCE_LONGEST)
    # One that opens and does not close is a name's, or its other half was cut off.
    return _unformatted(text.replace("`", "'") if text.count("`") % 2 else text)


def file_name(name: str) -> str:
    """The name of a file, `quoted`."""
    return quoted(name, _FILE_NAME_LONGEST)


def _unformatted(text: str) -> str:
    return escape(_FORMATTING.sub(lambda mark: mark[0].translate(_LOOKALIKES), text))


# Of a line to send instead of one that was not understood, in characters.
LONGEST_LINE = 300


def code(text: str, longest: int = 60) -> str:
    """Foreign *text* in fixed width; a backtick inside would end it, so it becomes an apostrophe."""
    return f"`{escape(one_line(text, longest).replace('`', chr(39))) or ' '}`"


def link(url: str | None, text: str) -> str:
    """*text*, our own words, as a link; the words alone when there is nowhere on the web to lead."""
    return f"<{url}|{text}>" if is_address(url) else text


def is_address(url: str | None) -> bool:
    """Whether *url* leads to somewhere on the web, and ends nothing of the markup around it."""
    return bool(url and _ADDRESS.fullmatch(url))


def person(actor: Actor) -> str:
    """
    The name of a person, of the texting platform or of a system. It notifies nobody: see `mention`.

    https://docs.slack.dev/messaging/formatting-message-text#mentioning-users
    """
    return quoted(actor.name, 80)


def mention(actor: Actor) -> str:
    """A mention, which notifies, of who has to act or has waited, a group's members too; a name where they are no Slack user."""
    if _GROUP.fullmatch(actor.id):
        return f"<!subteam^{actor.id}>"
    return f"<@{actor.id}>" if _USER.fullmatch(actor.id) else person(actor)


def people(ids: Sequence[str]) -> str:
    """Mentions: "@a", "@a and @b", "@a, @b and @c"."""
    return listed([f"<@{user}>" for user in ids])


def listed(words: Sequence[str], last: str = "and") -> str:
    """*words* as in "a", "a and b", "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""


def moment(at: datetime, lead: str = "") -> str:
    """
    Date and time in the reader's zone, "today at 5:12 PM" or "Nov 3, 2026 at 5:12 PM", with the words *lead* before it.

    *lead* has to read right before both: "since ", "until ", ", ", and never "on ". It stands inside of the date, where
    Slack writes "Today" with a capital when nothing does.
    """
    return _date(at, f"{lead}{{date_short_pretty}} at {{time}}", f"{lead}{{day}} %b %Y at %H:%M UTC")


def day(at: datetime, lead: str = "") -> str:
    """The date in the reader's zone, "today" or "Nov 3, 2026", with *lead* before it as in `moment`."""
    return _date(at, f"{lead}{{date_short_pretty}}", f"{lead}{{day}} %b %Y")


def _date(at: datetime, tokens: str, fallback: str) -> str:
    at = at.astimezone(UTC)
    return f"<!date^{int(at.timestamp())}^{tokens}|{at.strftime(fallback).format(day=at.day)}>"


def place(channel_id: str | None, channel_name: str | None) -> str:
    """A channel by its link, which Slack shows by name to those who may know it."""
    if channel_id and _CHANNEL.fullmatch(channel_id):
        return f"<#{channel_id}>"
    return "a direct message" if (channel_id or "").startswith("D") else quoted(f"#{channel_name or channel_id}", 80)


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """*number* with its noun: "1 phone", "4,812 phones"."""
    return f"{number:,} {singular if number == 1 else plural or f'{singular}s'}"


class SlackWriter:
    """Writes the parts of a note (`store.notes`) in mrkdwn."""

    def person(self, actor: Actor) -> str:
        return person(actor)

    def moment(self, at: datetime, lead: str = "") -> str:
        return moment(at, f", {lead}")

    def place(self, channel_id: str | None, channel_name: str | None) -> str:
        return place(channel_id, channel_name)

    def text(self, text: str) -> str:
        return quoted(text)


def markup(text: str) -> MarkdownTextObject:
    """
    A text object in mrkdwn, the one kind that blocks are made of here.

    `verbatim`, since Slack otherwise makes mentions and links of plain words like @here by itself.
    """
    return MarkdownTextObject(text=text, verbatim=True)


def section(text: str) -> SectionBlock:
    """A paragraph, all of it shown at once. *text* must fit: 3,000 characters."""
    # https://docs.slack.dev/reference/block-kit/blocks/section-block: else a long one folds under "see more".
    return SectionBlock(text=markup(text), expand=True)


def context(text: str) -> ContextBlock:
    """A line in small print."""
    return ContextBlock(elements=[markup(text)])


def sections(lines: Sequence[str], gap: str = "\n\n") -> list[SectionBlock]:
    """*lines* in as few sections as hold them; one longer than a section is broken where it has breaks, or cut at a blank."""
    texts: list[str] = []
    pieces = [piece for line in lines for piece in (line.split("\n") if len(line) > SECTION_LONGEST else [line])]
    for line in pieces:
        if texts and len(texts[-1]) + len(gap) + len(line) <= SECTION_LONGEST:
            texts[-1] += gap + line
        else:
            texts.append(line if len(line) <= SECTION_LONGEST else f"{line[:SECTION_LONGEST].rpartition(' ')[0]} …")
    return [section(text) for text in texts]


def grouped(lines: Iterable[tuple[str, str]]) -> list[str]:
    """Each heading of *lines*, which are (heading, line), once, with its lines below it."""
    groups: dict[str, list[str]] = {}
    for heading, line in lines:
        groups.setdefault(heading, []).append(line)
    return [line for heading, group in groups.items() for line in (heading, *group)]


def bar(fraction: float) -> str:
    """Ten blocks, as many filled as *fraction* (0 to 1) says, and the percentage."""
    fraction = min(max(fraction, 0.0), 1.0)
    filled = int(fraction * 10)
    return "▓" * filled + "░" * (10 - filled) + f" {int(fraction * 100)}%"
