"""Triggers, modals and App Homes: https://docs.slack.dev/surfaces/modals"""

import copy
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.blocks import completed_view, elements_of, options_of, view_problems
from bot.sandbox.errors import BadRequestError, SlackError, invalid_arguments
from bot.sandbox.installation import Installation
from bot.sandbox.workspace import Workspace, new_id

TRIGGER_LIFE = 3.0  # seconds
_MOST_STACKED = 3
_MOST_BYTES = 250_000


@dataclass(slots=True)
class Trigger:
    """One act of a person; it opens one modal, soon. `view` is the modal the act happened in."""

    user: str
    made: float
    view: str | None = None
    used: bool = False


@dataclass(slots=True)
class View:
    """A modal or Home. `payload` is what the app sent; `values` what the person chose or typed so far."""

    id: str
    user: str
    payload: dict[str, Any]
    hash: str
    root: str
    previous: str | None = None
    values: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)


class Views:
    """Every open view, per person: a stack of modals and one Home."""

    def __init__(self, workspace: Workspace, app: Installation) -> None:
        self._workspace = workspace
        self._app = app
        self.trigger_life = TRIGGER_LIFE
        self.triggers: dict[str, Trigger] = {}
        self.stacks: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}

    # -- triggers ---------------------------------------------------------------------------------------------

    def new_trigger(self, user: str, *, view: str | None = None) -> str:
        self._forget_old_triggers()
        trigger_id = f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self.triggers[trigger_id] = Trigger(user, time.monotonic(), view)
        return trigger_id

    def _use(self, trigger_id: str) -> Trigger:
        trigger = self.triggers.get(trigger_id)
        if trigger is None:
            raise invalid_arguments("invalid `trigger_id` [json-pointer:/trigger_id]")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if time.monotonic() - trigger.made > self.trigger_life:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger

    def _forget_old_triggers(self) -> None:
        long_ago = time.monotonic() - 600
        while self.triggers and (oldest := next(iter(self.triggers))) and self.triggers[oldest].made < long_ago:
            del self.triggers[oldest]

    # -- what the app does ------------------------------------------------------------------------------------

    def open(self, trigger_id: str, payload: object) -> View:
        """`views.open`: replaces whatever the person had open."""
        modal = self._checked(payload, "modal")
        view = self._new(self._use(trigger_id).user, modal)
        self.stacks[view.user] = [view]
        self._workspace.touch()
        return view

    def push(self, trigger_id: str, payload: object) -> View:
        """`views.push`: on top of the modal the trigger came from."""
        modal = self._checked(payload, "modal")
        trigger = self._use(trigger_id)
        if not self.stacks.get(trigger.user):
            raise SlackError("not_found")
        return self.stack(trigger.user, modal)

    def stack(self, user: str, modal: dict[str, Any]) -> View:
        stack = self.stacks[user]
        if len(stack) >= _MOST_STACKED:
            raise SlackError("push_limit_reached")
        view = self._new(user, modal)
        view.root, view.previous = stack[0].id, stack[-1].id
        stack.append(view)
        self._workspace.touch()
        return view

    def update(self, payload: object, *, view_id: str | None, external_id: str | None, view_hash: str | None) -> View:
        """`views.update`: one open view gets new content; `hash_conflict` when it changed since *view_hash*."""
        modal = self._checked(payload, None)
        view = self._find(view_id, external_id)
        if view is None:
            raise SlackError("not_found")
        if view_hash is not None and view_hash != view.hash:
            raise SlackError("hash_conflict")
        self.replace(view, modal)
        return view

    def publish(self, user: str, payload: object, *, view_hash: str | None) -> View:
        """`views.publish`: the person's App Home."""
        home = self._checked(payload, "home")
        current = self.homes.get(user)
        if view_hash is not None and current is not None and view_hash != current.hash:
            raise SlackError("hash_conflict")
        if current is None:
            current = self.homes[user] = self._new(user, home)
            self._workspace.touch()
        else:
            self.replace(current, home)
        return current

    def replace(self, view: View, payload: dict[str, Any]) -> None:
        """New content for *view*; inputs with the same block and action keep what was typed, as in Slack."""
        view.payload = completed_view(payload)
        view.hash = _new_hash()
        typed = view.values
        view.values = initial_values(view.payload["blocks"])
        for block_id, actions in view.values.items():
            for action_id in actions:
                if action_id in typed.get(block_id, {}):
                    actions[action_id] = typed[block_id][action_id]
        self._workspace.touch()

    def checked_response(self, payload: object) -> dict[str, Any]:
        """The view of a `response_action`, checked like any other."""
        return self._checked(payload, "modal")

    def _checked(self, payload: object, kind: str | None) -> dict[str, Any]:
        problems = view_problems(payload)
        if not isinstance(payload, dict) or problems:
            raise invalid_arguments(*problems)
        if kind is not None and payload["type"] != kind:
            raise invalid_arguments(f"must be a {kind} view [json-pointer:/view/type]")
        if len(str(payload)) > _MOST_BYTES:
            raise SlackError("view_too_large")
        external_id = payload.get("external_id")
        if external_id and kind == "modal" and self._find(None, external_id) is not None:
            raise SlackError("duplicate_external_id")
        return payload

    def _new(self, user: str, payload: dict[str, Any]) -> View:
        view_id, filled = new_id("V"), completed_view(payload)
        return View(
            id=view_id,
            user=user,
            payload=filled,
            hash=_new_hash(),
            root=view_id,
            values=initial_values(filled["blocks"]),
        )

    def _find(self, view_id: str | None, external_id: str | None) -> View | None:
        everything = [view for stack in self.stacks.values() for view in stack] + list(self.homes.values())
        for view in everything:
            if view.id == view_id or (external_id and view.payload.get("external_id") == external_id):
                return view
        return None

    # -- what the person sees ---------------------------------------------------------------------------------

    def of(self, user: str, view_id: str) -> View:
        """The person's open modal or Home of that id; BadRequestError when there is none."""
        for view in [*self.stacks.get(user, []), *filter(None, [self.homes.get(user)])]:
            if view.id == view_id:
                return view
        raise BadRequestError(f"This user has no open view {view_id!r}.")

    def close(self, view: View, *, everything: bool = False) -> None:
        stack = self.stacks.get(view.user, [])
        self.stacks[view.user] = [] if everything else [other for other in stack if other is not view]
        self._workspace.touch()

    def described(self, view: View) -> dict[str, Any]:
        """https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload"""
        payload = view.payload
        return {
            "id": view.id,
            "team_id": self._workspace.team_id,
            "type": payload["type"],
            "blocks": payload["blocks"],
            "private_metadata": payload.get("private_metadata") or "",
            "callback_id": payload.get("callback_id") or "",
            "state": {"values": copy.deepcopy(view.values)},
            "hash": view.hash,
            "title": payload.get("title") or {"type": "plain_text", "text": "View Title", "emoji": True},
            "clear_on_close": bool(payload.get("clear_on_close")),
            "notify_on_close": bool(payload.get("notify_on_close")),
            "close": payload.get("close"),
            "submit": payload.get("submit"),
            "previous_view_id": view.previous,
            "root_view_id": view.root,
            "app_id": self._app.app_id,
            "external_id": payload.get("external_id") or "",
            "app_installed_team_id": self._workspace.team_id,
            "bot_id": self._app.bot_id,
        }


def initial_values(blocks: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    """`state.values` before anybody touched anything: every stateful element with its initial choice."""
    values: dict[str, dict[str, dict[str, Any]]] = {}
    for block in blocks:
        for element in elements_of(block):
            if element.get("type") in ("button", "overflow", "image", "mrkdwn", "plain_text", "workflow_button"):
                continue
            value: Any = element.get("initial_value")
            for name in ("option", "options", "user", "users", "channel", "conversation", "date", "time", "date_time"):
                value = element.get(f"initial_{name}", value)
            entry = {"type": element["type"]} | _as_state(element["type"], value)
            values.setdefault(block["block_id"], {})[element["action_id"]] = entry
    return values


def chosen(element: dict[str, Any], value: Any) -> dict[str, Any]:
    """
    The state of *element* after a person gave it *value*.

    Menus take the value of an option (a list of them where several may be chosen); inputs take text; pickers take
    what they pick. BadRequestError when there is no such option.
    """
    kind = element["type"]
    if kind in ("static_select", "radio_buttons", "overflow", "multi_static_select", "checkboxes"):
        many = kind in ("multi_static_select", "checkboxes")
        wanted = value if isinstance(value, list) else [] if value in (None, "") else [value]
        by_value = {option.get("value"): option for option in options_of(element)}
        missing = [item for item in wanted if item not in by_value]
        if missing:
            raise BadRequestError(f"No option {missing[0]!r} here. There are: {', '.join(map(str, by_value))}.")
        options = [by_value[item] for item in wanted]
        return {"type": kind} | _as_state(kind, options if many else (options[0] if options else None))
    return {"type": kind} | _as_state(kind, value)


def _as_state(kind: str, value: Any) -> dict[str, Any]:
    if kind in ("multi_static_select", "multi_external_select", "checkboxes"):
        return {"selected_options": value or []}
    if kind in ("static_select", "external_select", "radio_buttons", "overflow"):
        return {"selected_option": value}
    for name in ("user", "channel", "conversation"):
        if kind == f"{name}s_select":
            return {f"selected_{name}": value}
        if kind == f"multi_{name}s_select":
            return {f"selected_{name}s": value or []}
    if kind == "datepicker":
        return {"selected_date": value}
    if kind == "timepicker":
        return {"selected_time": value}
    if kind == "datetimepicker":
        return {"selected_date_time": value}
    if kind == "file_input":
        return {"files": value or []}
    if kind == "rich_text_input":
        return {"rich_text_value": value}
    return {"value": value if value is None or isinstance(value, str) else str(value)}


def _new_hash() -> str:
    return f"{int(time.time())}.{secrets.token_hex(4)}"
