"""Block Kit's limits: each has a case just inside and one just outside."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import SandboxClient
from bot.sandbox.blocks import completed, problems_of, texts_of, view_problems

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def section(text: str = "x", **more: Any) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def button(text: str = "Go", **more: Any) -> Json:
    return {"type": "button", "text": plain(text), **more}


def select(count: int, **more: Any) -> Json:
    options = [{"text": plain(f"option {n}"), "value": str(n)} for n in range(count)]
    return {"type": "static_select", "action_id": "pick", "options": options, **more}


def confirm(text: str = "Sure?", **more: Any) -> Json:
    return {"title": plain("Please"), "text": plain(text), "confirm": plain("Yes"), "deny": plain("No"), **more}


FINE: list[list[Json]] = [
    [section("x" * 3000)],
    [{"type": "section", "fields": [plain("x" * 2000)] * 10}],
    [{"type": "header", "text": plain("x" * 150)}],
    [{"type": "context", "elements": [plain("x")] * 10}],
    [actions(*[button(action_id=str(n)) for n in range(25)])],
    [actions(button("x" * 75, value="v" * 2000, style="danger", action_id="a" * 255, confirm=confirm("x" * 300)))],
    [section(accessory=select(100))],
    [{"type": "divider"}] * 50,
    [{"type": "markdown", "text": "# any"}],
    [{"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a"}],
    [actions(button(action_id="same")), actions(button(action_id="same"))],
    [{"type": "rich_text", "elements": []}],
    [section(expand=True)],
    [
        {
            "type": "table",
            "rows": [[{"type": "raw_text", "text": "x"}] * 20] * 100,
            "column_settings": [{"align": "right"}],
        }
    ],
    [{"type": "alert", "text": {"type": "mrkdwn", "text": "*Mind*"}, "level": "warning"}],
    [section(accessory=select(2, initial_option={"value": "1", "text": plain("option 1") | {"emoji": True}}))],
    [
        actions(
            {"type": "conversations_select", "filter": {"include": ["public", "private"], "exclude_bot_users": True}}
        )
    ],
    [
        {
            "type": "input",
            "label": plain("x"),
            "element": {"type": "plain_text_input", "max_length": 3000, "min_length": 0},
        }
    ],
]

REFUSED: list[tuple[list[Any], str]] = [
    ([section("x" * 3001)], "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    ([section("")], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    ([{"type": "section"}], "missing required field: text or fields [json-pointer:/blocks/0]"),
    (
        [{"type": "section", "fields": [plain("x" * 2001)]}],
        "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
    ),
    (
        [{"type": "section", "fields": [plain("x")] * 11}],
        "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
    ),
    (
        [{"type": "header", "text": plain("x" * 151)}],
        "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
    ),
    (
        [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
        "must be a valid plain_text [json-pointer:/blocks/0/text]",
    ),
    (
        [{"type": "context", "elements": [plain("x")] * 11}],
        "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
    ),
    ([actions(*[button()] * 26)], "no more than 25 items allowed [json-pointer:/blocks/0/elements]"),
    ([actions()], "no less than 1 items allowed [json-pointer:/blocks/0/elements]"),
    (
        [actions(button("x" * 76))],
        "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
    ),
    (
        [actions(button(value="x" * 2001))],
        "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
    ),
    (
        [actions(button(action_id="x" * 256))],
        "must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]",
    ),
    (
        [actions(button(action_id="a"), button(action_id="a"))],
        "`action_id` 'a' already exists [json-pointer:/blocks/0/elements/1/action_id]",
    ),
    (
        [actions(button(style="loud"))],
        'must be a valid enum value: "primary", "danger" [json-pointer:/blocks/0/elements/0/style]',
    ),
    (
        [actions(button(confirm=confirm("x" * 301)))],
        "must be less than 301 characters [json-pointer:/blocks/0/elements/0/confirm/text/text]",
    ),
    (
        [actions(button(confirm=confirm(deny=plain("x" * 31))))],
        "must be less than 31 characters [json-pointer:/blocks/0/elements/0/confirm/deny/text]",
    ),
    ([section(accessory=select(101))], "no more than 100 items allowed [json-pointer:/blocks/0/accessory/options]"),
    (
        [section(accessory={"type": "overflow", "options": select(6)["options"]})],
        "no more than 5 items allowed [json-pointer:/blocks/0/accessory/options]",
    ),
    (
        [section(accessory={"type": "static_select", "options": [{"text": plain("x" * 76), "value": "1"}]})],
        "must be less than 76 characters [json-pointer:/blocks/0/accessory/options/0/text/text]",
    ),
    (
        [section(accessory=select(2, initial_option={"text": plain("z"), "value": "z"}))],
        "initial option must be one of the options [json-pointer:/blocks/0/accessory]",
    ),
    (
        [section(accessory=select(2, initial_option={"text": plain("another word"), "value": "1"}))],
        "initial option must be one of the options [json-pointer:/blocks/0/accessory]",
    ),
    ([section(colour="red")], "invalid additional property: colour [json-pointer:/blocks/0]"),
    ([actions(button(size=3))], "invalid additional property: size [json-pointer:/blocks/0/elements/0]"),
    (
        [actions(button(confirm=confirm(icon="x")))],
        "invalid additional property: icon [json-pointer:/blocks/0/elements/0/confirm]",
    ),
    (
        [actions({"type": "conversations_select", "filter": {"include": ["public", "secret"]}})],
        "must be one of: im, mpim, private, public [json-pointer:/blocks/0/elements/0/filter/include/1]",
    ),
    (
        [actions({"type": "conversations_select", "filter": {"only": ["public"]}})],
        "invalid additional property: only [json-pointer:/blocks/0/elements/0/filter]",
    ),
    (
        [{"type": "input", "label": plain("x"), "element": {"type": "plain_text_input", "max_length": 3001}}],
        "must be between 1 and 3000 [json-pointer:/blocks/0/element/max_length]",
    ),
    (
        [{"type": "input", "label": plain("x"), "element": {"type": "file_input"}}],
        "unsupported type: file_input [json-pointer:/blocks/0/element/type]",
    ),
    (
        [{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]] * 101}],
        "no more than 100 items allowed [json-pointer:/blocks/0/rows]",
    ),
    (
        [{"type": "table", "rows": [[plain("x")]]}],
        "must be one of: raw_text, rich_text [json-pointer:/blocks/0/rows/0/0]",
    ),
    (
        [{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}] * 2,
        "only one table allowed [json-pointer:/blocks]",
    ),
    (
        [{"type": "alert", "text": plain("x"), "level": "loud"}],
        "must be one of: default, info, warning, error, success [json-pointer:/blocks/0/level]",
    ),
    ([section(block_id="x" * 256)], "must be less than 256 characters [json-pointer:/blocks/0/block_id]"),
    (
        [section(block_id="a"), section(block_id="a")],
        "`block_id` 'a' already exists [json-pointer:/blocks/1/block_id]",
    ),
    ([{"type": "divider"}] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    ([{"type": "sidebar"}], "unsupported type: sidebar [json-pointer:/blocks/0/type]"),
    ([{}], "missing required field: type [json-pointer:/blocks/0]"),
    (["text"], "must provide an object [json-pointer:/blocks/0]"),
    ([{"type": "input", "element": select(1)}], "missing required field: label [json-pointer:/blocks/0]"),
    (
        [{"type": "input", "label": plain("x"), "element": button()}],
        "unsupported type: button [json-pointer:/blocks/0/element/type]",
    ),
]


@pytest.mark.parametrize("blocks", FINE)
def test_blocks_at_their_limits_are_taken(blocks: list[Json]) -> None:
    """What Slack's limits allow is allowed to the last character."""
    assert problems_of(blocks, "message") == []


@pytest.mark.parametrize(("blocks", "problem"), REFUSED)
def test_blocks_over_their_limits_are_refused(blocks: list[Any], problem: str) -> None:
    """What goes one over is named, with its place, in Slack's words."""
    assert problem in problems_of(blocks, "message")


async def test_a_refusal_reaches_the_app_as_slack_sends_it(people: SandboxClient, api: AsyncWebClient) -> None:
    """`invalid_blocks` with the problems in `errors` and, marked, in `response_metadata.messages`."""
    channel = (await people.state()).channel("support-tickets").id
    with pytest.raises(SlackApiError) as caught:
        await api.chat_postMessage(channel=channel, text="x", blocks=[section("x" * 3001)])
    answer = caught.value.response.data
    assert isinstance(answer, dict)
    problems = [
        "failed to match all allowed schemas [json-pointer:/blocks/0/text]",
        "must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
    ]
    assert answer == {
        "ok": False,
        "error": "invalid_blocks",
        "errors": problems,
        "response_metadata": {"messages": [f"[ERROR] {problem}" for problem in problems]},
    }


def modal(**more: Any) -> Json:
    return {"type": "modal", "title": plain("Title"), "blocks": [section()], **more}


@pytest.mark.parametrize(
    ("view", "problem"),
    [
        (modal(title=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/title/text]"),
        (modal(submit=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/submit/text]"),
        (modal(blocks=[{"type": "divider"}] * 101), "no more than 100 items allowed [json-pointer:/view/blocks]"),
        (modal(private_metadata="x" * 3001), "must be less than 3001 characters [json-pointer:/view/private_metadata]"),
        (
            modal(blocks=[{"type": "input", "label": plain("x"), "element": {"type": "plain_text_input"}}]),
            "must define `submit` to use an `input` block in modals [json-pointer:/view]",
        ),
        ({"type": "modal", "title": plain("x")}, "missing required field: blocks [json-pointer:/view]"),
        ({"blocks": []}, "missing required field: type [json-pointer:/view]"),
    ],
)
def test_views_over_their_limits_are_refused(view: Json, problem: str) -> None:
    """The same for modals: titles, blocks, metadata, and inputs that nothing submits."""
    assert problem in view_problems(view)
    assert view_problems(modal()) == []


def test_what_slack_fills_in_leaves_the_app_s_own_alone() -> None:
    """Missing ids are made, given ones kept, and the blocks handed in are not changed."""
    sent = [actions(button(action_id="mine"), button("two")), section(block_id="b")]
    filled = completed(sent)
    assert filled[0]["elements"][0]["action_id"] == "mine"
    assert filled[0]["elements"][1]["action_id"]
    assert filled[1]["block_id"] == "b"
    assert "block_id" not in sent[0]
    assert texts_of(filled) == ["Go", "two", "x"]
