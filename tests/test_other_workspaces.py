"""
Two workspaces in one process: whatever a person of one sends that is the other's, nothing of it is told or changed.

Every surface of Slack's that the desk listens to is used in the first workspace with what stands in the second: the ids of its
lists, keys, destinations and requests, its channels, files and seals, and by somebody who has the same id in both.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr
from slack_sdk.models.views import View

from bot.sandbox import State
from handlers.slack.inbox import ENDINGS
from handlers.slack.posting import POSTED
from handlers.slack.uploads_channels import CHANGES
from store import Account, Function, Origin, Store, UploadState
from tests import workspaces
from tests.handlers.conftest import ADMINS, Office
from tests.handlers.slack.test_inbox import all_done
from tests.handlers.test_files import UPLOADS
from tests.patience import PATIENCE
from tests.store.test_crossing import ANOTHER, all_of, done_by_another
from tests.store.test_hostile import Verbs
from tests.test_forged import BUTTONS, MODALS, Forger, envelope_of, events, forger
from tests.workspaces import Workspaces, two_slacks

pytestmark = [
    pytest.mark.wide,
    # Of slack_sdk's, which sends the app's own credentials by what the next aiohttp does not have any more.
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
]
# A reason, and a phone that nobody names in the first workspace.
WORDS, PHONE, TYPED = "a word of the lakeside", "+12125550177", "555-0177"
# What stands in the second workspace alone. Whatever is said in the first has nothing of it.
THEIRS: Final = (WORDS, TYPED, PHONE, ANOTHER.name, "Lakeside")
# By the name of each sub-command: what is typed behind it, with the ids that the second workspace has.
SUBCOMMANDS: Final = {
    "add": ("add {out}",),
    "search": ("search {out}",),
    "delete": ("delete {out} because mine",),
    "country": ("country GB",),
    "upload": ("upload",),
    "uploads": ("uploads",),
    "scrub": ("scrub",),
    "compare": ("compare", "compare telnyx"),
    "undo": ("undo upload {upload}", "undo {file_name}"),
    "help": ("help", ""),
    "history": ("history", "history {out}", "history <@{person}>", "history upload {upload}", "history {file_name}"),
    "export": ("export", "export format:phones"),
    "evidence": ("evidence {out}",),
    "passing": ("passing",),
    "settings": ("settings",),
}


@dataclass(frozen=True, slots=True)
class Theirs:
    """What the second workspace has: its account, its ids by what they are of, and a file and a channel of its Slack."""

    account: Account
    ids: dict[str, Any]
    file: str
    channel: str

    def button(self, name: str) -> Any:
        """What the button *name* carries there."""
        of, _, does = name.partition(".")
        value, ids = BUTTONS[name], self.ids
        if of == "upload":
            return (
                value | {"upload": ids["upload"], **ids["made_from"]} if isinstance(value, dict) else str(ids["upload"])
            )
        if of == "destination" and does in {"retry", "pause", "test", "remove", "list"}:
            return ids["destination"]
        carried = {
            "key.revoke": ids["key"],
            "hook.remove": ids["hook"],
            **dict.fromkeys(("allow.yes", "allow.no"), str(ids["request"])),
            **dict.fromkeys(("reply.out", "reply.not", "reply.look"), str(ids["reply"])),
            **dict.fromkeys(("handover.do", "handover.decline"), str(ids["handover"])),
        }
        return carried.get(name, value)

    def modal(self, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The fields of the modal *name*, and what it is about, there."""
        values, about = MODALS[name]
        chosen = {
            "form.file": {"type": "file_input", "files": [{"id": self.file}]},
            "form.channel": {"type": "conversations_select", "selected_conversation": self.channel},
            "export.destination": self.ids["destination"],
        }
        about = (
            about | {"upload": self.ids["upload"], "seen": self.ids["made_from"]["fingerprint"]}
            if "upload" in about
            else about
        )
        return {field: chosen.get(field, value) for field, value in values.items()}, about


def filled(store: Store, account: Account, file: str, channel: str) -> Theirs:
    """Let *account* have something of everything, of which its people alone know."""
    verbs = Verbs(store, account)
    # Nobody is to take it up.
    store.inbox.discard(verbs.usual["event"], "none")
    done_by_another(store, account)
    store.optouts.add(account.id, [PHONE], Origin(Function.COMMAND, ANOTHER, reason=WORDS))
    [upload] = [one for one in store.uploads.list(account.id, 9) if one.state is UploadState.WAITING]
    ids = {name: verbs.usual[name] for name in ("destination", "request", "reply", "handover")}
    [hook], [key] = store.hooks.list_of(account.id), store.keys.list_of(account.id)
    ids |= {"upload": upload.id, "file_name": upload.file_name, "made_from": {"fingerprint": upload.fingerprint}}
    return Theirs(account, ids | {"hook": hook.id, "key": key.id}, file, channel)


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Workspaces]:
    """A desk that both have installed."""
    async with two_slacks() as slacks:
        own = workspaces.settings_for(slacks[0], database_url, tmp_path, erase_key=SecretStr("e" * 32))
        async with workspaces.at_work(*slacks, own) as desk:
            for slack in slacks:
                await desk.visitor.install(slack)
            yield desk


async def quiet(desk: Workspaces) -> None:
    """Stop all that the desk does by itself but for events, so that what changes is somebody's doing."""
    for loop in desk.service.desk.loops:
        if loop.name != "inbox":
            loop.stop()
    async with asyncio.timeout(PATIENCE):
        while any(loop.alive for loop in desk.service.desk.loops if loop.name != "inbox"):
            await desk.people.state(after=(await desk.people.state()).version, timeout=0.05)


def in_tens(payloads: dict[str, dict[str, Any]]) -> Iterator[dict[str, dict[str, Any]]]:
    """The *payloads*, ten at a time: to look at all that there is after each takes longer than all of them."""
    names = list(payloads)
    for first in range(0, len(names), 10):
        yield {name: payloads[name] for name in names[first : first + 10]}


def seen_by_others(state: State) -> str:
    """All that people of a workspace see."""
    return json.dumps([state.raw[part] for part in ("channels", "ephemerals", "views", "homes", "files", "steps")])


def sealed(desk: Workspaces, payload: dict[str, Any], team: str) -> dict[str, Any]:
    """The submitted modal *payload* with the seal that the desk makes for that person in the workspace *team*."""
    view = payload["view"]
    opened = View(type="modal", title="x", callback_id=view["callback_id"], private_metadata=view["private_metadata"])
    desk.service.desk.interactions._seals.seal(opened, payload["user"]["id"], {"team": {"id": team}})
    return payload | {"view": view | {"private_metadata": opened.private_metadata}}


def everything(desk: Workspaces, forged: Forger, user: str, theirs: Theirs) -> dict[str, dict[str, Any]]:
    """A payload of the first workspace for every command, button, modal and shortcut, as *user*, with what is *theirs*."""
    named = {"out": "+12125550100", "person": user} | theirs.ids
    payloads = {
        f"command {text}": forged.command(user, text.format(**named))
        for texts in SUBCOMMANDS.values()
        for text in texts
    }
    payloads |= {f"button {name}": forged.button(user, name, theirs.button(name)) for name in BUTTONS}
    for name in MODALS:
        payload = forged.modal(user, name, *theirs.modal(name))
        for team, whose in ((desk.first.team_id, "ours"), (desk.second.team_id, "theirs")):
            payloads[f"modal {name}, sealed as {whose}"] = sealed(desk, payload, team)
        # Opened by the app of the other workspace, as in a channel that both share.
        there = sealed(desk, payload, desk.second.team_id)
        there["view"]["app_installed_team_id"] = desk.first.team_id
        payloads[f"modal {name}, opened there"] = there
    payloads["shortcut"] = forged.shortcut(user)
    elsewhere = {"channel": {"id": theirs.channel, "name": UPLOADS}}
    payloads["shortcut in their channel"] = forged.shortcut(user) | elsewhere
    payloads["command in their channel"] = forged.command(user, "search +12125550100") | {"channel_id": theirs.channel}
    return payloads


def told_of(theirs: Theirs, office: Office, user: str) -> dict[str, dict[str, Any]]:
    """An event of every kind in the first workspace, as *user*, in a channel and about a file of the second."""
    of_theirs = events(office, user, theirs.channel, theirs.file)
    ours = office.slack.platform.workspace.channel(UPLOADS).id
    of_theirs |= {f"{name}, in ours": event for name, event in events(office, user, ours, theirs.file).items()}
    answer = {"event_type": "optout_answer", "event_payload": {"key": "key"}}
    of_theirs["an answer of theirs"] = of_theirs["an answer"] | {"metadata": answer}
    return of_theirs


async def test_every_listener_is_tried(desk: Workspaces) -> None:
    """Whoever adds a sub-command, button, form, shortcut, step or kind of event shows here what another workspace's values do to it."""
    listeners = desk.service.desk.listeners
    by_surface: dict[str, set[str]] = {}
    for one in listeners:
        by_surface.setdefault(one.surface, set()).add(one.name)
    theirs = Theirs(Account(2, "T0", "x", None, 0), {}, "F0", "C0")
    office = Office(desk.first, desk.people, desk.store, desk.service, theirs.account)
    kinds = {event["type"] for event in told_of(theirs, office, "U0").values()}
    told = {
        name
        for surface in ("mention", "dropped file", "direct message", "home")
        for name in by_surface.pop(surface, ())
    }
    assert told | {POSTED, "function_executed"} | CHANGES | ENDINGS <= kinds
    assert by_surface.pop("workflow step") == {"opt_out_number"}
    assert by_surface == {
        "command": {"/optout"},
        "button": set(BUTTONS),
        "modal": set(MODALS),
        "message shortcut": {"optout.check"},
    }
    assert set(desk.service.desk.command.subcommands) == set(SUBCOMMANDS)


@pytest.mark.parametrize("who", ["an admin of both", "an admin there, a guest here", "somebody of theirs alone"])
async def test_nothing_crosses(desk: Workspaces, who: str) -> None:
    """
    Whoever they are there: what they may is asked where they send it.

    Nothing of the other workspace is another afterwards, in the database or in its Slack, and nothing that was said names any of it.
    """
    there = desk.second.platform.workspace
    person = there.user("support" if who == "somebody of theirs alone" else "admin")
    assert (await desk.others.command(person.handle, ADMINS, "/optout search +12125550100")).ok
    here, account = desk.store.accounts.find(desk.first.team_id), desk.store.accounts.find(desk.second.team_id)
    assert here is not None
    assert account is not None
    if who != "somebody of theirs alone":
        same = replace(
            person, team_id=desk.first.team_id, handle="same", is_admin="both" in who, is_restricted="guest" in who
        )
        desk.first.platform.workspace.users[person.id] = same
    office = Office(desk.first, desk.people, desk.store, desk.service, here)
    forged = await forger(office)
    dropped = await desk.others.drop("admin", UPLOADS, "quayside.csv", b"phone\n+1 212 555 0177\n")
    await desk.others.until(
        lambda state: any("1 phone to opt out" in one.all_text for one in state.channel(UPLOADS).everything)
    )
    assert dropped.file is not None
    await quiet(desk)
    theirs = filled(desk.store, account, dropped.file, there.channel(UPLOADS).id)
    before, seen = all_of(desk.store, account), seen_by_others(await desk.others.state())
    ours = all_of(desk.store, here)
    calls = len(await desk.people.calls())
    said: list[str] = []
    for some in in_tens(everything(desk, forged, person.id, theirs)):
        responses = {name: json.dumps((await forged.send(payload)).response) for name, payload in some.items()}
        said += responses.values()
        if who == "an admin of both":
            unsealed = {name for name, text in responses.items() if "Please open it again" in text}
            assert unsealed == {name for name in responses if name.endswith((", sealed as theirs", ", opened there"))}
        assert all_of(desk.store, account) == before, list(some)
    # Slack shows no Home to whom it does not know, which is tried for a while.
    homeless = "alone" in who
    told = {
        name: one for name, one in told_of(theirs, office, person.id).items() if not (homeless and "a Home" in name)
    }
    for some in in_tens(told):
        sent = [office.slack.platform.feed.courier.event(envelope_of(office, event)) for event in some.values()]
        assert all(outcome.acknowledged for outcome in await asyncio.gather(*sent)), list(some)
        await all_done(office)
        assert all_of(desk.store, account) == before, list(some)
    desk.service.desk.events.loop.stop()
    await desk.service.desk.tasks.drain(PATIENCE)
    assert all_of(desk.store, account) == before
    assert seen_by_others(await desk.others.state()) == seen
    said += [json.dumps(call["arguments"]) for call in (await desk.people.calls())[calls:]]
    assert not [text for text in said if any(word in text for word in THEIRS)]
    if who != "an admin of both":
        changed = {table for table, rows in all_of(desk.store, here).items() if rows != ours[table]}
        # A step has no role: it asks the admins here, whoever it names.
        assert changed <= {"inbox", "outbox", "idempotency_keys", "handovers"}, who
