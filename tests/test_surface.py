"""What the desk asks of Slack and offers there: the manifest against the code, and the polite no at every entrance."""

import ast
import inspect
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from pydantic import SecretStr
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.listener_matcher.async_builtins import AsyncBuiltinListenerMatcher
from slack_sdk.web.async_client import AsyncWebClient

from bot.app import create_app
from bot.config import Settings
from bot.manifest import manifest, scopes
from bot.sandbox import SandboxMessage, State
from handlers.views import uploads as views
from store import Function, Origin, Outlook, Store
from tests.handlers import conftest as desks
from tests.handlers.conftest import TICKETS, Office

# Fixtures: the real app over real sockets, as the tests of the handlers have it.
slack, settings, office = desks.slack, desks.settings, desks.office

ROOT = Path(__file__).parents[1]
UPLOADS = "optout-uploads"
OUT, NOT_OUT = "+12125550100", "+12125550101"

# Bot scopes each method needs for what the desk asks: https://docs.slack.dev/reference/methods, "Required scopes".
# Where Slack wants one a kind of channel, both kinds the desk is used in are named.
METHOD_SCOPES: dict[str, set[str]] = {
    "apps_connections_open": set(),  # of the app-level token, which is no part of a manifest: connections:write
    "auth_test": set(),
    "chat_delete": {"chat:write"},
    "chat_getPermalink": set(),
    "chat_postEphemeral": {"chat:write"},
    "chat_postMessage": {"chat:write"},
    "chat_update": {"chat:write"},
    "conversations_info": {"channels:read", "groups:read"},
    "conversations_list": {"channels:read", "groups:read"},
    "files_completeUploadExternal": {"files:write"},
    "files_getUploadURLExternal": {"files:write"},
    "files_info": {"files:read"},
    "usergroups_list": {"usergroups:read"},
    "usergroups_users_list": {"usergroups:read"},
    "users_info": {"users:read"},
    "users_list": {"users:read"},
    "views_open": set(),
    "views_publish": set(),
    "views_push": set(),
    "views_update": set(),
}
# https://docs.slack.dev/reference/events, "Required scopes".
EVENT_SCOPES: dict[str, set[str]] = {
    "app_home_opened": set(),
    "app_mention": {"app_mentions:read"},
    "file_deleted": {"files:read"},
    "file_shared": {"files:read"},
    "message.im": {"im:history"},
}


class Listener(NamedTuple):
    """What Bolt was told to listen to: `command`, `action`, `event` ..., and of which name."""

    kind: str
    name: str


def listeners(app: AsyncApp) -> list[Listener]:
    """Every listener of *app*, in order. Bolt keeps a name nowhere but in the closure of its matcher."""
    found = []
    for listener in app._async_listeners:
        # The first matcher is Bolt's own; others are the ones a registration adds.
        matcher = listener.matchers[0]
        assert isinstance(matcher, AsyncBuiltinListenerMatcher)
        [(kind, name)] = _names(matcher.func)
        found.append(Listener(kind, name.pattern if isinstance(name, re.Pattern) else name))
    return found


def _names(matcher: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    for name, value in inspect.getclosurevars(matcher).nonlocals.items():
        if inspect.isfunction(value):
            yield from _names(value)
        elif isinstance(value, str | re.Pattern | dict):
            assert name in {"command", "constraints", "event_type", "callback_id"}
            assert not isinstance(value, dict), "a listener of several constraints: this test must learn to read them"
            yield matcher.__qualname__.split(".")[0], value


@pytest.fixture
def app(tmp_path: Path) -> Iterator[AsyncApp]:
    """The app as it is put together; nothing is contacted."""
    store = Store.open(f"sqlite:///{tmp_path / 'desk.db'}")
    yield create_app(Settings(slack_bot_token=SecretStr("xoxb-1"), scratch_dir=tmp_path), store).app
    store.close()


def names_of(app: AsyncApp, kind: str) -> set[str]:
    return {listener.name for listener in listeners(app) if listener.kind == kind} - {".*"}


def methods_called() -> set[str]:
    """Every Web API method that the product calls, as slack_sdk names it."""
    known = {name for name, _ in inspect.getmembers(AsyncWebClient, inspect.iscoroutinefunction) if "_" in name}
    sandbox = ROOT / "bot" / "sandbox"
    files = [
        path for part in ("bot", "handlers") for path in (ROOT / part).rglob("*.py") if sandbox not in path.parents
    ]
    called = {
        node.func.attr
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    return {name for name in called & known if not name.startswith("_")}


# The manifest


def test_the_manifest_names_every_command_and_event(app: AsyncApp) -> None:
    """Slack sends what the manifest asks for; all of it has a listener, and every listener is sent something."""
    document = yaml.safe_load(manifest())
    assert {command["command"] for command in document["features"]["slash_commands"]} == names_of(app, "command")
    subscribed = document["settings"]["event_subscriptions"]["bot_events"]
    # Messages are subscribed to by the kind of channel, and come as one type.
    assert {event.split(".")[0] for event in subscribed} == names_of(app, "event")
    assert document["settings"]["interactivity"]["is_enabled"] is bool(names_of(app, "action"))
    shortcuts = {shortcut["callback_id"] for shortcut in document["features"].get("shortcuts", ())}
    assert shortcuts == names_of(app, "shortcut")


def test_the_manifest_asks_for_what_is_used_and_no_more() -> None:
    """The scopes are those of the methods called, the events subscribed to and the commands: none less, none more."""
    methods = methods_called()
    assert "api_call" not in methods, "a method called by its text cannot be checked here"
    assert methods <= set(METHOD_SCOPES), "look the new method's scopes up and name them here"
    document = yaml.safe_load(manifest())
    needed = {scope for method in methods for scope in METHOD_SCOPES[method]}
    for event in document["settings"]["event_subscriptions"]["bot_events"]:
        needed |= EVENT_SCOPES[event]
    if document["features"]["slash_commands"]:
        needed.add("commands")
    assert set(scopes()) == needed


# The polite no

Act = Callable[[Office, str], Awaitable[None]]


async def _command(office: Office, person: str) -> None:
    assert (await office.people.command(person, TICKETS, f"/optout add {NOT_OUT}")).ok


async def _mention(office: Office, person: str) -> None:
    await office.people.message(person, TICKETS, f"<@{office.slack.bot_user_id}> is 212 555 0100 opted out?", raw=True)


async def _mention_with_list(office: Office, person: str) -> None:
    await office.people.drop(person, TICKETS, "list.csv", b"phone\n2125550101\n", text="@optout")


async def _drop(office: Office, person: str) -> None:
    await office.people.drop(person, UPLOADS, "list.csv", b"phone\n2125550101\n")


async def _add(office: Office, person: str) -> None:
    found = await office.ask("admin", f"search {NOT_OUT}", channel=TICKETS, replies=0)
    await office.press(person, found, "optout.add")


async def _delete(office: Office, person: str) -> None:
    asked = await office.ask("admin", f"delete {OUT}", channel=TICKETS, replies=0)
    await office.press(person, asked, "optout.delete")


def _pressing(action: str, content: bytes) -> Act:
    """An admin drops *content*, and somebody else uses the element *action* of what the desk says of it."""

    async def act(office: Office, person: str) -> None:
        await office.people.drop("admin", UPLOADS, f"{action}.csv", content)

        def offered(state: State) -> SandboxMessage | None:
            messages = [*state.channel(UPLOADS).everything]
            found = [one for one in messages if any(item["action_id"] == action for item in one.elements)]
            return next((one for one in found if f"{action}.csv" in one.all_text or "Mobile" in one.all_text), None)

        message = await office.people.until(offered, timeout=20)
        [element] = [item for item in message.elements if item["action_id"] == action]
        value = element["options"][1]["value"] if "options" in element else None
        outcome = await office.people.click(person, message, action, value=value)
        assert outcome.ok, outcome

    return act


CASES: dict[Listener, Act | tuple[Act, ...]] = {
    Listener("command", "/optout"): _command,
    Listener("event", "app_mention"): (_mention, _mention_with_list),
    Listener("event", "file_shared"): _drop,
    Listener("action", "optout.add"): _add,
    Listener("action", "optout.delete"): _delete,
    Listener("action", "upload.confirm"): _pressing("upload.confirm", b"phone\n2125550102\n"),
    Listener("action", "upload.cancel"): _pressing("upload.cancel", b"phone\n2125550102\n"),
    Listener("action", "upload.country"): _pressing("upload.country", b"phone\n2125550102\n"),
    Listener("action", "upload.column"): _pressing("upload.column", b"name,Mobile\nAna,2125550102\n"),
}


# Of lists that an admin said yes to: tested in one go below.
LATER = {
    Listener("view_submission", "upload.sure"),
    Listener("view_submission", "upload.undo"),
    Listener("action", "upload.stop"),
    Listener("action", "upload.continue"),
    Listener("action", "upload.undo"),
}


def test_every_listener_has_a_case(app: AsyncApp) -> None:
    """Whoever adds an entrance shows here that it is guarded. The catch-all for events does nothing for anybody."""
    assert set(listeners(app)) - {Listener("event", ".*")} == set(CASES) | LATER


def _stored(office: Office) -> dict[str, Any]:
    store, account = office.store, office.account.id
    return {
        "account": store.accounts.get(account),
        "entries": store.optouts.list_entries(account, 100),
        "out": [phone for phone, _, _ in store.exports.rows(account)],
        "uploads": [(one.id, one.state, one.country, one.phone_column) for one in store.uploads.list(account, 100)],
    }


@pytest.mark.parametrize("person", ["guest", "stranger"])
async def test_every_entrance_says_a_polite_no(office: Office, person: str) -> None:
    """A guest and a person of another organisation are told alone that the desk is not theirs to use; nothing is done."""
    for channel in (TICKETS, UPLOADS):
        await office.people.invite(channel, person)
    await office.opt_out(OUT)
    acts = [act for case in CASES.values() for act in (case if isinstance(case, tuple) else (case,))]
    uploads = 0
    for act in acts:
        told = len((await office.people.state()).ephemerals(person))
        await act(office, person)
        no = await office.told(person, told)
        assert re.search(r"(cannot|Only members of this workspace can) use the opt-out desk", no.text), act
        assert "555" not in no.all_text
        stored = _stored(office)
        assert stored["out"] == [OUT], act
        assert len(stored["entries"]) == 1, act
        assert stored["account"].country == "US", act
        uploads = len(stored["uploads"])
        assert {state for _, state, _, _ in stored["uploads"]} <= {"waiting", "refused"}, act
        assert {(country, column) for _, _, country, column in stored["uploads"]} <= {("US", None)}, act
    assert uploads == 4, "the admin's lists and no other"


@pytest.mark.parametrize("person", ["guest", "stranger"])
async def test_what_is_applied_is_not_theirs_either(office: Office, person: str) -> None:
    """Neither the buttons of a list at work, stopped or done, nor a modal that is open all the same, do what they ask."""
    await office.people.invite(UPLOADS, person)
    store, account = office.store, office.account.id

    async def confirmed(name: str, button: str) -> SandboxMessage:
        await office.people.drop("admin", UPLOADS, name, f"phone\n2125550102\n,{name}\n".encode())
        preview = await shown(name, "upload.confirm")
        # Slack is slow to say where the file is, and the desk waits before it goes on.
        await office.people.fault(method="files.info", fault="slow", seconds=2)
        await office.press("admin", preview, "upload.confirm")
        if button == "upload.continue":
            upload = store.uploads.list(account, 1)[0]
            store.uploads.stop(account, upload.id, Origin(Function.UPLOAD, upload.actor))
        return await shown(name, button)

    async def shown(name: str, button: str) -> SandboxMessage:
        def there(state: State) -> SandboxMessage | None:
            found = [one for one in state.channel(UPLOADS).everything if name in one.all_text]
            return next((one for one in found if button in [b.action_id for b in one.buttons]), None)

        return await office.people.until(there, timeout=20)

    async def refused(message: SandboxMessage, button: str) -> None:
        told = len((await office.people.state()).ephemerals(person))
        await office.press(person, message, button)
        assert re.search(r"use the opt-out desk", (await office.told(person, told)).text)

    await refused(await confirmed("done.csv", "upload.stop"), "upload.stop")
    done = await shown("done.csv", "upload.undo")
    await refused(done, "upload.undo")
    about = {"upload": 1, "seen": store.uploads.get(account, 1).seen, "channel": done.channel, "name": None}
    origin = json.dumps(about | {"thread": done.thread_ts, "message": done.ts})
    for view, values in (
        (views.undo_question(store.uploads.get(account, 1), Outlook(1, 0, 0), origin), {}),
        (views.sure(store.uploads.get(account, 1), (), origin), {"upload.number": "1"}),
    ):
        await refused(done, "upload.undo")
        trigger = (await office.people.deliveries("interaction"))[-1]["payload"]["trigger_id"]
        client = AsyncWebClient(token=office.slack.bot_token, base_url=office.slack.api_url)
        opened = (await client.views_open(trigger_id=trigger, view=view))["view"]
        assert (await office.people.submit(person, opened["id"], values)).acknowledged
        said = await office.people.until(
            lambda state: next((v for v in state.views(person) if "the opt-out desk" in str(v)), None)
        )
        await office.people.close(person, said["id"])
    await refused(await confirmed("stopped.csv", "upload.continue"), "upload.continue")
    assert [one.state for one in store.uploads.list(account, 9)] == ["stopped", "done"]
    assert [entry.function for entry in store.optouts.list_entries(account, 9)] == [Function.UPLOAD, Function.UPLOAD]
