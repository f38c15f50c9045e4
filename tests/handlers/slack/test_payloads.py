"""What is read of Slack's payloads."""

from typing import Any

import pytest

from handlers.slack.payloads import idempotency_key_of, submitted_values


def submitted(values: dict[str, Any], view: str = "V1") -> dict[str, Any]:
    """A submitted modal with *values* in its state."""
    return {"type": "view_submission", "trigger_id": "9.9", "view": {"id": view, "state": {"values": values}}}


TEXT = {"field": {"field": {"type": "plain_text_input", "value": "212 555 0100"}}}
OTHER = {"field": {"field": {"type": "plain_text_input", "value": "212 555 0101"}}}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"command": "/optout", "trigger_id": "1.1"}, {"command": "/optout", "trigger_id": "1.2"}),
        ({"type": "block_actions", "trigger_id": "1.1"}, {"type": "block_actions", "trigger_id": "1.2"}),
        ({"type": "event_callback", "event_id": "Ev1"}, {"type": "event_callback", "event_id": "Ev2"}),
        (submitted(TEXT), submitted(OTHER)),
        (submitted(TEXT), submitted(TEXT, view="V2")),
    ],
)
def test_a_payload_is_named_by_what_it_asks_for(one: dict[str, Any], other: dict[str, Any]) -> None:
    """The same payload has the same key, whenever it comes; another has another."""
    assert idempotency_key_of(one) == idempotency_key_of(dict(one))
    assert idempotency_key_of(one) != idempotency_key_of(other)


def test_a_modal_submitted_again_is_the_same_request() -> None:
    """Slack gives each submit a trigger of its own, and lets people submit again what it got no acknowledgement for."""
    assert idempotency_key_of(submitted(TEXT)) == idempotency_key_of(submitted(TEXT) | {"trigger_id": "8.8"})


@pytest.mark.parametrize(
    ("state", "value"),
    [
        ({"type": "plain_text_input", "value": "words"}, "words"),
        ({"type": "plain_text_input", "value": None}, None),
        ({"type": "static_select", "selected_option": {"text": {}, "value": "other"}}, "other"),
        ({"type": "static_select", "selected_option": None}, None),
        ({"type": "checkboxes", "selected_options": [{"value": "a"}, {"value": "b"}]}, ["a", "b"]),
        ({"type": "checkboxes", "selected_options": []}, None),
        ({"type": "multi_users_select", "selected_users": ["U1", "U2"]}, ["U1", "U2"]),
        ({"type": "conversations_select", "selected_conversation": "C1"}, "C1"),
        ({"type": "file_input", "files": [{"id": "F1"}]}, [{"id": "F1"}]),
    ],
)
def test_what_stands_in_a_field(state: dict[str, Any], value: object) -> None:
    """Whatever kind of element it is, its value alone; None for an empty one."""
    assert submitted_values(submitted({"block": {"element": state}})) == {"block": value}
