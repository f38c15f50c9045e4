"""What a modal carries: the same comes back, and modals that are open since an earlier release are still understood."""

import json

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.modal_context import ModalContext, ModalContextError
from handlers.slack.places import Place
from store import Actor

PLACE = Place(
    actor=Actor("U0ADMIN", "admin"),
    channel_id="C0TICKETS",
    channel_name="support-tickets",
    thread_ts="1.1",
    threaded=True,
    message_ts="1.2",
    response_url="https://hooks.slack.com/1",
    client=AsyncWebClient(),
)


@pytest.mark.parametrize(
    "context",
    [
        ModalContext.of(PLACE),
        ModalContext.of(PLACE, phone="+12125550100", last_entry=7),
        ModalContext.of(PLACE, upload=3, fingerprint="abc"),
        ModalContext(
            channel_id="C1", ephemeral=True, response_url="https://hooks.slack.com/2", permalink="https://x/1"
        ),
    ],
)
def test_what_is_carried_comes_back(context: ModalContext) -> None:
    """As it was packed; the place is the one where the modal was opened."""
    assert ModalContext.from_json(context.to_json()) == context
    place = context.place(PLACE.actor, PLACE.client)
    assert (place.channel_id, place.thread_ts, place.ephemeral) == (
        context.channel_id,
        context.thread_ts,
        context.ephemeral,
    )


def test_only_who_alone_saw_the_message_is_answered_alone() -> None:
    """The response_url of a message that others see is not carried: its modal's answer is for them too."""
    assert ModalContext.of(PLACE).response_url is None


@pytest.mark.parametrize(
    ("more", "carried"),
    [
        ({"phone": "+12125550100", "seen": 7}, {"phone": "+12125550100", "last_entry": 7}),
        ({"upload": 3, "seen": "abc"}, {"upload": 3, "fingerprint": "abc"}),
        ({"seen": "abc"}, {"fingerprint": "abc"}),
        ({"link": None}, {}),
        (
            {"link": "https://x/1", "response_url": "https://y/1"},
            {"permalink": "https://x/1", "response_url": "https://y/1"},
        ),
    ],
)
def test_modals_of_earlier_releases(more: dict[str, object], carried: dict[str, object]) -> None:
    """The names in JSON are those that open modals carry."""
    where = {"channel": "C1", "name": None, "thread": "1.1", "message": "1.2", "alone": False, "response_url": None}
    context = ModalContext.from_json(json.dumps(where | more))
    assert context == ModalContext(**{"channel_id": "C1", "thread_ts": "1.1", "message_ts": "1.2"} | carried)  # type: ignore[arg-type]
    assert (json.loads(context.to_json()) | {"link": more.get("link")}) == {"link": None} | where | more


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "null",
        "7",
        '"C1"',
        "{}",
        '{"channel": null}',
        '{"channel": ["C1"]}',
        '{"channel": "C1", "name": 7}',
        '{"channel": "C1", "alone": "yes"}',
        '{"channel": "C1", "upload": "3"}',
        '{"channel": "C1", "upload": true}',
        '{"channel": "C1", "phone": 12125550100}',
        '{"channel": "C1", "seen": [1]}',
        '{"channel": "C1", "response_url": {}}',
        "[" * 3000,
    ],
)
def test_what_no_modal_of_ours_carries(text: str) -> None:
    """Whatever else stands there is one kind of error, which quotes nothing of it."""
    with pytest.raises(ModalContextError, match=r"^no \w+$"):
        ModalContext.from_json(text)
