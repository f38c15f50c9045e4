"""Parsing of Slack's payloads: their idempotency key, who asks and where, and what was pressed or filled in."""

import hashlib
import json
import re
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.modal_context import ModalContext, ModalContextError
from handlers.slack.places import Place
from store import Actor

# In the payload of whoever does what was handed over to them: the id of the handover.
HANDED_OVER: Final = "handed_over"
_TS: Final = re.compile(r"\d{1,16}\.\d{6}")


def installation_of(body: dict[str, Any]) -> tuple[str, str | None]:
    """
    The Slack id and, where told, the name of the account a payload is for.

    That is the organisation or workspace that installed the app.

    An event from a channel shared with another organisation carries *its* team id outside; whose installation it is for
    stands in `authorizations` (https://docs.slack.dev/apis/events-api/#authorizations).
    """
    for authorization in body.get("authorizations") or ():
        if authorization.get("is_enterprise_install"):
            return authorization["enterprise_id"], None
        return authorization["team_id"], None
    # Slash commands say "false", as a string.
    if body.get("is_enterprise_install") in (True, "true"):
        enterprise = body.get("enterprise") or {}
        slack_id = body.get("enterprise_id") or enterprise["id"]
        return slack_id, body.get("enterprise_name") or enterprise.get("name")
    view, team = body.get("view") or {}, body.get("team") or {}
    if (installed := view.get("app_installed_team_id")) is not None:
        # Of a modal's end `team` is that of whoever ended it (https://github.com/slackapi/bolt-python, `extract_team_id`).
        return installed, team.get("domain") if team.get("id") == installed else None
    slack_id = body.get("team_id") or team.get("id") or body["user"]["team_id"]
    return slack_id, body.get("team_domain") or team.get("domain")


def idempotency_key_of(body: dict[str, Any]) -> str:
    """
    The idempotency key of what a payload asks for: the same payload, however often it comes, has the same one.

    Slack gives each command, button and shortcut a trigger of its own, and each event an id. A submitted modal is named
    by who submits it and what stands in it: Slack lets people submit once more what it got no acknowledgement for, and they may have
    changed it by then.
    """
    if HANDED_OVER in body:
        # Whoever of the admins presses, and how often.
        return f"handover {body[HANDED_OVER]}"
    if "event_id" in body:
        return f"event {body['event_id']}"
    if body.get("type") == "view_submission":
        view = body["view"]
        values = json.dumps(view["state"]["values"], sort_keys=True)
        return f"view {view['id']} {(body.get('user') or {}).get('id', '')} {hashlib.sha256(values.encode()).hexdigest()[:16]}"
    return f"trigger {body['trigger_id']}"


def pressed_value(body: dict[str, Any]) -> str:
    """The value of the button that was pressed, or of the option that was chosen in a menu."""
    action = body["actions"][0]
    if (chosen := action.get("selected_option")) is None:
        return str(action["value"])
    value = str(chosen["value"])
    _require_offered(body, action.get("action_id"), {value})
    return value


class NotOfferedError(ValueError):
    """What was chosen is not among the options that the message or modal has."""


def _require_offered(body: dict[str, Any], action_id: str | None, chosen: set[str]) -> None:
    """
    Raise `NotOfferedError` unless all of *chosen* is offered by the element *action_id* of the payload's message or modal.

    Of a message that one person alone sees Slack does not say what stands in it.
    """
    blocks = [block for part in ("message", "view") for block in (body.get(part) or {}).get("blocks") or ()]
    if not blocks:
        return
    offered = {
        str(option["value"])
        for block in blocks
        for element in (block.get("element"), block.get("accessory"), *(block.get("elements") or ()))
        if isinstance(element, dict) and element.get("action_id") == action_id
        for option in element.get("options") or ()
    }
    if not chosen <= offered:
        raise NotOfferedError(f"{sorted(chosen - offered)} is no option of {action_id}")


def submitted_values(body: dict[str, Any]) -> dict[str, Any]:
    """The values of the fields of a submitted modal, by block: text, an option's value or a list; None in an empty one."""
    values: dict[str, Any] = {}
    for block, elements in body["view"]["state"]["values"].items():
        [(action_id, state)] = elements.items()
        value = next((part for name, part in state.items() if name != "type"), None)
        if isinstance(value, dict):  # an option
            value = value["value"]
            _require_offered(body, action_id, {value})
        elif isinstance(value, list) and "selected_options" in state:
            value = [option["value"] for option in value]
            _require_offered(body, action_id, set(value))
        values[block] = value or None
    return values


def place_of_command(body: dict[str, Any], client: AsyncWebClient) -> Place:
    """The channel in which a command was typed; none of its threads, since Slack has no commands there."""
    return Place(
        actor=Actor(body["user_id"], body["user_name"]),
        channel_id=body["channel_id"],
        channel_name=_name_of({"name": body["channel_name"]}),
        response_url=body["response_url"],
        client=client,
    )


def place_of_button(body: dict[str, Any], client: AsyncWebClient) -> Place:
    """
    The place of a pressed button: its answer goes to the thread of its message, or to the asker who alone sees it.

    One in a modal stands for where that was opened. One in App Home belongs to no message: what it has to say goes to
    the asker's direct messages.
    """
    container, message = body["container"], body.get("message") or {}
    if container["type"] == "view" and body["view"]["type"] == "modal":
        return modal_context_of(body).place(actor_of(body), client)
    actor = actor_of(body)
    if container["type"] == "view":
        return Place(actor=actor, channel_id=actor.id, client=client)
    thread = message.get("thread_ts") or container.get("thread_ts")
    return Place(
        actor=actor,
        channel_id=body["channel"]["id"],
        channel_name=_name_of(body["channel"]),
        thread_ts=thread or container["message_ts"],
        threaded=thread is not None,
        message_ts=container["message_ts"],
        response_url=body.get("response_url"),
        client=client,
        ephemeral=bool(container.get("is_ephemeral")),
    )


def is_of_home(body: dict[str, Any]) -> bool:
    """Whether what was pressed stands in App Home."""
    return (body.get("view") or {}).get("type") == "home"


def place_of_shortcut(body: dict[str, Any], client: AsyncWebClient) -> Place:
    """The message that a shortcut was used on; it may stand where the bot is not."""
    message = body.get("message") or {}
    return Place(
        actor=actor_of(body),
        channel_id=body["channel"]["id"],
        channel_name=_name_of(body["channel"]),
        thread_ts=message.get("thread_ts") or body["message_ts"],
        threaded=message.get("thread_ts") is not None,
        message_ts=body["message_ts"],
        response_url=body.get("response_url"),
        client=client,
    )


def place_of_payload(body: dict[str, Any], client: AsyncWebClient) -> Place | None:
    """The place of any event or interaction in which somebody asked for something; None where nobody did."""
    if body.get("type") == "view_submission":
        return modal_context_of(body).place(actor_of(body), client)
    if body.get("type") == "block_actions":
        return place_of_button(body, client)
    event = body.get("event") or {}
    kind, user = event.get("type"), event.get("user") or event.get("user_id")
    channel = event.get("channel") or event.get("channel_id")
    if (
        kind not in {"app_mention", "message", "file_shared"}
        or not isinstance(user, str)
        or not isinstance(channel, str)
    ):
        return None
    thread = event.get("thread_ts") or (event.get("ts") if kind == "app_mention" else None)
    return Place(
        actor=Actor(user, user),
        channel_id=channel,
        thread_ts=thread,
        threaded=event.get("thread_ts") is not None,
        client=client,
    )


def modal_context_of(body: dict[str, Any]) -> ModalContext:
    """
    The context of the modal that was submitted, or in which something was pressed.

    Of one that carries nothing readable, only whom there is to tell: what is wrong with it is said there.
    """
    try:
        return ModalContext.from_json(body["view"]["private_metadata"])
    except (ModalContextError, KeyError):
        return ModalContext(channel_id=actor_of(body).id)


def actor_of(body: dict[str, Any]) -> Actor:
    """The person who pressed, chose or submitted."""
    user = body["user"]
    return Actor(user["id"], user.get("username") or user.get("name") or user["id"])


def is_ts(text: str) -> bool:
    """Whether *text* can be that of a message: seconds with six decimals, https://docs.slack.dev/messaging/retrieving-messages."""
    return _TS.fullmatch(text) is not None


def _name_of(channel: dict[str, Any]) -> str | None:
    """The channel's name; Slack calls all private channels and direct messages by these same names."""
    name = channel.get("name")
    return None if name in {"privategroup", "directmessage"} else name
