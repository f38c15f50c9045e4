"""What people see of a message is read, each piece once; what nobody sees is not, and no shape stops it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.slack.mrkdwn import plain
from handlers.slack.visible_text import DEEPEST, MOST_PARTS, VisibleText, brought_text, own_text, visible_text
from store import LONGEST_PROSE

ONE, TWO, THREE = "+12125550100", "+12125550101", "+12125550102"
STUB = "This content can't be displayed."
Json = dict[str, Any]


def numbers(read: VisibleText) -> list[str]:
    return [phone.number.e164 for phone in read.read("US").phones if phone.reference is None]


def words(message: object) -> str:
    """As the exact words are kept."""
    return plain(visible_text(message).text)


def rich(*pieces: Json, kind: str = "rich_text_section") -> Json:
    return {"type": "rich_text", "elements": [{"type": kind, "elements": list(pieces)}]}


def said(text: str, **style: bool) -> Json:
    return {"type": "text", "text": text} | ({"style": style} if style else {})


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def plain_text(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def section(text: str, **more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(text), **more}


def cell(text: str) -> Json:
    return {"type": "raw_text", "text": text}


SEEN: list[tuple[str, Json, str]] = [
    ("section", section("From: 212-555-0100"), "From: 212-555-0100"),
    ("fields", {"type": "section", "fields": [mrkdwn("*Phone*"), plain_text("212-555-0100")]}, "Phone\n212-555-0100"),
    ("header", {"type": "header", "text": plain_text("Call 212-555-0100")}, "Call 212-555-0100"),
    ("context", {"type": "context", "elements": [mrkdwn("_by 212-555-0100_")]}, "by 212-555-0100"),
    ("picture's title", {"type": "image", "title": plain_text("212-555-0100"), "image_url": "x"}, "212-555-0100"),
    (
        "button",
        {"type": "actions", "elements": [{"type": "button", "text": plain_text("Call 212-555-0100")}]},
        "Call 212-555-0100",
    ),
    (
        "boxes",
        {
            "type": "actions",
            "elements": [{"type": "checkboxes", "options": [{"text": mrkdwn("212-555-0100"), "value": "1"}]}],
        },
        "212-555-0100",
    ),
    (
        "form's field",
        {
            "type": "input",
            "label": plain_text("Phone"),
            "element": {"type": "plain_text_input", "initial_value": "212-555-0100"},
        },
        "Phone\n212-555-0100",
    ),
    (
        "markdown",
        {"type": "markdown", "text": "## Call\n**Phone**: [212-555-0100](https://example.org/1) \\#7"},
        "Call\nPhone: 212-555-0100 #7",
    ),
    (
        "table",
        {"type": "table", "rows": [[cell("Name"), cell("Phone")], [cell("Ann"), rich(said("212-555-"), said("0100"))]]},
        "Name | Phone\nAnn | 212-555-0100",
    ),
    (
        "numbers in a table",
        {"type": "table", "rows": [[{"type": "raw_number", "value": 2125550100.0, "text": "2125550100"}]]},
        "2125550100",
    ),
    ("alert", {"type": "alert", "level": "info", "text": mrkdwn("Call 212-555-0100")}, "Call 212-555-0100"),
    (
        "card",
        {"type": "card", "title": mrkdwn("Ann"), "subtitle": mrkdwn("voter"), "body": mrkdwn("212-555-0100")},
        "Ann\nvoter\n212-555-0100",
    ),
    (
        "carousel",
        {"type": "carousel", "elements": [{"type": "card", "body": mrkdwn("212-555-0100")}]},
        "212-555-0100",
    ),
    (
        "task",
        {"type": "task_card", "title": "Call", "output": rich(said("212-555-0100"))},
        "Call\n212-555-0100",
    ),
    (
        "plan",
        {"type": "plan", "title": "Calls", "tasks": [{"type": "task_card", "title": "212-555-0100"}]},
        "Calls\n212-555-0100",
    ),
    (
        "container",
        {"type": "container", "title": plain_text("Ann"), "child_blocks": [section("212-555-0100")]},
        "Ann\n212-555-0100",
    ),
    ("quote", rich(said("call\n212-555-0100"), kind="rich_text_quote"), "> call\n> 212-555-0100"),
    ("preformatted", rich(said("a\n212-555-0100"), kind="rich_text_preformatted"), "a\n212-555-0100"),
    (
        "list",
        rich(
            {"type": "rich_text_section", "elements": [said("Ann")]},
            {"type": "rich_text_section", "elements": [said("212-555-"), said("0100", bold=True)]},
            kind="rich_text_list",
        ),
        "Ann\n212-555-0100",
    ),
    (
        "what is no text",
        rich(
            {"type": "user", "user_id": "U1"},
            said(" "),
            {"type": "emoji", "name": "phone", "unicode": "260e-fe0f"},
            {"type": "emoji", "name": "ours"},
            said(" & <b> "),
            {"type": "date", "timestamp": 1700000000, "format": "{date}", "fallback": "310-555-0199"},
            said(" 212-555-0100"),
        ),
        "@U1 \u260e\ufe0f:ours: & <b> 14 Nov 2023 212-555-0100",
    ),
]


@pytest.mark.parametrize(("block", "shown"), [case[1:] for case in SEEN], ids=[case[0] for case in SEEN])
def test_blocks_are_read_as_people_see_them(block: Json, shown: str) -> None:
    """Each kind of block is read, its number found and its words kept; the stub beside it is not."""
    message = {"type": "message", "text": STUB, "blocks": [block]}
    assert words(message) == shown
    assert numbers(visible_text(message)) == [ONE]


@pytest.mark.parametrize(
    "pieces",
    [
        [said("212-555-010"), said("0", bold=True)],
        [said("(212) "), said("555", italic=True), said("-0100")],
        [said("2"), said("1", code=True), said("2555"), said("01", strike=True), said("00")],
        [{"type": "link", "url": "tel:+12125550100", "text": "212-555-0100"}],
        [
            {"type": "link", "url": "tel:+12125550100", "text": "212-555-"},
            {"type": "link", "url": "tel:+12125550100", "text": "0100", "style": {"bold": True}},
        ],
        [{"type": "link", "url": "tel:+12125550100"}],
        [said("212-"), {"type": "link", "url": "https://example.org/9", "text": "555"}, said("-0100")],
        [said("212-555-0100", strike=True)],
        [{"type": "link", "url": "mailto:212-555-0100@example.org", "text": "write"}, said(" or 212-555-0100")],
    ],
)
def test_pieces_of_rich_text_are_one_text(pieces: list[Json]) -> None:
    """A number that formatting cuts into pieces is one number, and no piece is another one."""
    assert numbers(visible_text({"text": STUB, "blocks": [rich(*pieces)]})) == [ONE]
    assert numbers(visible_text({"blocks": [{"type": "rich_text", "elements": pieces}]})) == [ONE]
    assert numbers(visible_text({"attachments": [{"message_blocks": [{"blocks": [rich(*pieces)]}]}]})) == [ONE]


@pytest.mark.parametrize(
    "text",
    ["*212*-555-0100", "`212-555-0100`", "*_212_*-555-0100", "212-555-01*0*0", "~212~-555-0100", "*(212) 555*-0100"],
)
def test_marks_of_mrkdwn_cut_no_number(text: str) -> None:
    """Where Slack's marks stand for formatting, in a section as in the text of a message."""
    assert numbers(visible_text({"blocks": [section(text)]})) == [ONE]
    assert numbers(visible_text({"text": text})) == [ONE]


def test_two_numbers_between_marks_stay_two() -> None:
    """Numbers that only marks keep apart are not glued together."""
    assert numbers(visible_text({"text": "*212-555-0100*212-555-0101*"})) == [ONE, TWO]


@pytest.mark.parametrize(
    "piece",
    [
        {"type": "link", "url": "https://example.org/212-555-0100"},
        {"type": "link", "url": "https://example.org/212-555-0100", "text": "here"},
        {"type": "link", "url": "tel:+12125550100", "text": "212-555-0199"},
        {"type": "link", "url": "mailto:2125550100@example.org"},
        {"type": "user", "user_id": "212-555-0100"},
        {"type": "date", "timestamp": 10**40, "fallback": "212-555-0100"},
    ],
)
def test_addresses_and_ids_are_no_numbers(piece: Json) -> None:
    """What a link leads to, and whose label says another number, is nobody's phone."""
    assert numbers(visible_text({"blocks": [rich(said("see "), piece)]})) == []


@pytest.mark.parametrize(
    "hidden",
    [
        {"text": "212-555-0100", "blocks": [section("call me")]},
        {"blocks": [section("a"), {"type": "actions", "elements": [{"type": "button", "value": "2125550100"}]}]},
        {"blocks": [{"type": "image", "image_url": "https://example.org/2125550100", "alt_text": "212-555-0100"}]},
        {
            "blocks": [
                section("a", accessory={"type": "overflow", "options": [{"text": plain_text("212-555-0100")}]}),
                section("b", accessory={"type": "button", "confirm": {"text": plain_text("212-555-0100")}}),
            ]
        },
        {"attachments": [{"text": "call me", "fallback": "212-555-0100"}]},
        {"attachments": [{"text": "call me", "callback_id": "2125550100", "title_link": "tel:2125550100"}]},
        {"text": "a", "metadata": {"event_payload": {"phone": "212-555-0100"}}},
        {"text": "a", "files": [{"mode": "tombstone", "title": "212-555-0100", "preview": "212-555-0100"}]},
        {"text": "a", "files": [{"mode": "hosted", "title": "b", "preview_highlight": "212-555-0100"}]},
        {"text": "a", "client_msg_id": "2125550100", "username": "212-555-0100"},
        {"blocks": [{"type": "markdown", "text": "![212-555-0100](https://example.org/a.png) [a](tel:2125550100)"}]},
    ],
)
def test_what_nobody_sees_is_not_read(hidden: Json) -> None:
    """Texts for notifications, values, addresses, closed menus, and what was deleted."""
    assert numbers(visible_text(hidden)) == []


def test_attachments() -> None:
    """All that Slack draws of one, in order; the fallback where nothing is drawn."""
    whole = {
        "pretext": "New call",
        "author_name": "Ann",
        "title": "Ticket",
        "text": "from *212-555-0100*",
        "fields": [{"title": "Mobile", "value": "212-555-0101"}, {"value": "x"}],
        "footer": "by 212-555-0102",
        "fallback": "not shown",
    }
    read = visible_text({"text": "", "attachments": [whole]})
    assert read.text == "New call\nAnn\nTicket\nfrom 212-555-0100\nMobile: 212-555-0101\nx\nby 212-555-0102"
    assert numbers(read) == [ONE, TWO, THREE]
    assert words({"attachments": [{"fallback": "212-555-0100"}]}) == "212-555-0100"
    drawn = {"text": "212-555-0100", "blocks": [section("212-555-0101")], "fallback": "no"}
    assert words({"attachments": [drawn]}) == "212-555-0101"


def test_a_forwarded_message() -> None:
    """Read as it was written, once, not by the summary that stands beside it; with what it brought."""
    inner = {
        "blocks": [rich(said("stop: 212-555-"), said("0100", bold=True))],
        "attachments": [{"message_blocks": [{"message": {"blocks": [rich(said("and 212-555-0101"))]}}]}],
    }
    forwarded = {
        "is_share": True,
        "author_name": "Kit",
        "fallback": "[27 Nov, 10:00] Kit: stop: 212-555-*0100*",
        "text": "stop: 212-555-*0100*",
        "message_blocks": [{"team": "T1", "channel": "C1", "ts": "1.0", "message": inner}],
        "files": [{"mode": "hosted", "title": "Voicemail from 212-555-0102"}],
    }
    message = {"text": "look", "blocks": [rich(said("look"))], "attachments": [forwarded]}
    assert words(message) == "look\nKit\nstop: 212-555-0100\nand 212-555-0101\nVoicemail from 212-555-0102"
    assert numbers(visible_text(message)) == [ONE, TWO, THREE]


EMAIL = {"mode": "email", "filetype": "email", "title": "Stop", "from": [{"original": "Ann <ann@example.org>"}]}


@pytest.mark.parametrize(
    "file",
    [
        EMAIL | {"plain_text": "please, 212-555-0100", "preview": "<p>not this</p>"},
        EMAIL | {"preview_plain_text": "please, 212-555-0100", "preview": "<p>not this</p>"},
        EMAIL
        | {
            "preview": "<head><title>no</title></head><style>a{b:'310-555-0199'}</style>"
            "please,&nbsp;<a href='tel:310-555-0198'>212-<b>555</b>-0100</a>"
        },
    ],
)
def test_an_email(file: Json) -> None:
    """The words of an e-mail: as plain text, or else what a browser shows of it."""
    message = {"text": "", "files": [file]}
    lines = words(message).replace("\xa0", " ").split("\n")
    assert [line for line in lines if line] == ["Stop", "Ann <ann@example.org>", "please, 212-555-0100"]
    assert numbers(visible_text(message)) == [ONE]


def test_a_snippet_and_a_recording() -> None:
    """The part of a snippet that is shown, and what was heard in a recording."""
    snippet = {"mode": "snippet", "title": "stops.txt", "preview": "212-555-0100 <x>\n212-555-0101"}
    clip = {"mode": "hosted", "title": "Clip", "transcription": {"preview": {"content": "it is 212-555-0102"}}}
    message = {"text": "here", "files": [snippet, clip]}
    assert words(message) == "here\nstops.txt\n212-555-0100 <x>\n212-555-0101\nClip\nit is 212-555-0102"
    assert numbers(visible_text(message)) == [ONE, TWO, THREE]


def test_each_number_once() -> None:
    """What a message says twice, in two ways, is one number, and the same words are kept once."""
    message = {
        "text": "212-555-0100",
        "blocks": [rich(said("212-555-0100"))],
        "attachments": [{"text": "212-555-0100", "title": "+1 (212) 555-0100"}],
    }
    assert numbers(visible_text(message)) == [ONE]
    assert words(message) == "212-555-0100\n+1 (212) 555-0100"


def test_what_a_person_typed_and_what_they_brought() -> None:
    """Rich text is theirs; attachments and drawn blocks are not, nor is the text that such blocks hide."""
    message = {
        "text": "opt out 212-555-01*00*",
        "blocks": [rich(said("opt out 212-555-01"), said("00", bold=True)), section("212-555-0102")],
        "attachments": [{"text": "212-555-0101"}],
    }
    assert own_text(message).text == "opt out 212-555-0100"
    assert brought_text(message).text == "212-555-0102\n212-555-0101"
    assert own_text({"text": "opt *out*"}).text == "opt *out*"
    assert own_text({"text": "opt out 212-555-0100", "blocks": [section("hello")]}).text == ""


# What no client sends


def test_a_long_message_is_read_to_a_limit() -> None:
    """The rest is not read, and that is said."""
    read = visible_text({"blocks": [rich(said("212-555-0100 " + "x " * LONGEST_PROSE))]})
    assert (len(read.text), read.is_whole) == (LONGEST_PROSE, False)
    assert numbers(read) == [ONE]
    assert visible_text({"text": "x" * LONGEST_PROSE}).is_whole


def test_endless_messages_end() -> None:
    """One that holds itself, one without end to its depth, and one of very many parts are read to a limit."""
    ring: Json = {"text": "212-555-0100", "attachments": []}
    ring["attachments"] += [{"message_blocks": [{"message": ring}]}] * 3
    knot: list[Any] = []
    knot += [knot, knot, {"type": "section", "fields": knot}]
    deep: Any = mrkdwn("212-555-0100")
    for _ in range(DEEPEST * 40):
        deep = {"elements": [deep]}
    row = {"type": "rich_text_section", "elements": []}
    for message in (
        ring,
        {"blocks": knot},
        {"blocks": [deep]},
        {"blocks": [rich(*([said("")] * (2 * MOST_PARTS)))]},
        {"blocks": [{"type": "rich_text", "elements": [row]}] * (2 * MOST_PARTS)},
    ):
        assert not visible_text(message).is_whole


NAMES = st.sampled_from(
    [
        *("type", "text", "blocks", "attachments", "elements", "fields", "value", "files", "message_blocks", "message"),
        *("rows", "style", "strike", "url", "title", "timestamp", "unicode", "name", "preview", "mode", "plain_text"),
        *("options", "initial_value", "child_blocks", "accessory", "from", "transcription", "content", "fallback"),
    ]
)
KINDS = st.sampled_from(
    [
        *("rich_text", "rich_text_section", "rich_text_list", "rich_text_quote", "section", "table", "markdown"),
        *("mrkdwn", "plain_text", "raw_text", "link", "text", "emoji", "date", "user", "checkboxes", "email", "card"),
    ]
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), KINDS, st.just("212-555-0100")
)
SHAPES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=6)),
    max_leaves=40,
)


@pytest.mark.wide
@given(SHAPES)
def test_no_shape_is_refused(message: object) -> None:
    """Whatever stands where, reading does not fail, and finds no number but what is there."""
    for read in (visible_text(message), own_text(message), brought_text(message)):
        assert set(numbers(read)) <= {ONE} or "212-555-0100" not in str(message)
        plain(read.text)
