"""
Whatever people call themselves, wherever the desk names them: it formats, notifies and turns round nothing, and Slack takes it.

Each scene is a surface as people use it; all that the desk said meanwhile is looked at, to all, to one alone, in forms and Homes.
"""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from bot.config import Settings
from bot.sandbox import EmbeddedSlack, SandboxMessage
from handlers.slack.mrkdwn import person
from handlers.views import keys as key_views
from handlers.views.history import REMARK
from store import Actor
from tests.handlers import test_exports, test_history, test_keys, test_lookups, test_settings
from tests.handlers.conftest import ADMINS, TICKETS, Office, at_work
from tests.handlers.test_allowing import asked_directly
from tests.handlers.test_digests import digests_of, next_monday, wants
from tests.handlers.test_files import LIST, UPLOADS, drop, says, settled
from tests.handlers.test_forms import form, submit
from tests.handlers.test_handovers import ASK, DECLINE, DO, direct, refused
from tests.handlers.test_home import shows
from tests.handlers.views.test_markup import check_mrkdwn, text_objects
from tests.handlers.work.test_uploads import modal

ONE, TWO, THREE = "+12125550100", "+12125550101", "+12125550102"
PEOPLE = ("admin", "second-admin", "support", "guest")
# Slack lets people be called anything, of up to 80 characters.
LONGEST = 80
NAMES = {
    "markup": "<!channel> <@U2> <https://evil.example|x> *b* _b_ ~d~ `e` :tada:",
    "80 characters": "&<*>" * LONGEST,
    "right to left": "\u202eרובין\u2066 ערב \u061cx",
    "a formula": '=HYPERLINK("https://evil.example";"x")',
}
Scene = Callable[[Office], Awaitable[None]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A lease that is over soon, so that nothing waits long for the next look."""
    return settings.model_copy(update={"lease_seconds": 1.0, "uploads_channels": (UPLOADS,)})


@pytest.fixture
async def office(slack: EmbeddedSlack, settings: Settings) -> AsyncIterator[Office]:
    """A desk at work that answers the texting platform too, which needs keys."""
    async with at_work(slack, settings.model_copy(update={"api": "on"})) as office:
        yield office


async def posted(office: Office, channel: str, words: str) -> SandboxMessage:
    """A message in *channel* with *words* in it, once it is there."""
    return await office.people.until(
        lambda state: next((one for one in state.channel(channel).messages if words in one.text), None)
    )


async def commands(office: Office) -> None:
    await office.ask("support", f"add {ONE} because she asked")
    await office.ask("support", f"search {ONE}")
    await office.ask("admin", f"add {ONE}, {TWO}")
    await office.ask("admin", "country GB")
    await office.ask_alone("support", f"delete {ONE}", channel=TICKETS)
    question = await office.ask("second-admin", f"delete {TWO} because it was a mistake")
    await office.press("second-admin", question, "optout.delete")
    await office.replies_to(question.ts, 1)
    found = await office.ask("admin", f"search {TWO}")
    await office.press("support", found, "optout.add")
    await office.replies_to(found.ts, 1)


async def mentions(office: Office) -> None:
    for text in (f"@optout opt out {ONE} because she asked", f"@optout {ONE} {TWO}", f"@optout allow texts to {ONE}"):
        said = await office.people.message("admin", TICKETS, text)
        await office.replies_to(str(said.ts), 1)
    await test_settings.decide(office, lookups="asker")
    await office.people.message("support", TICKETS, f"@optout {ONE}")
    await office.press("support", await office.told("support"), "lookup.show")
    await test_lookups.shown(office)


async def forms(office: Office) -> None:
    view = await form(office, "support", "add", channel=TICKETS)
    assert (await submit(office, "support", view, numbers=ONE)).ok
    await posted(office, TICKETS, "opted out")
    ticket = await office.people.message("admin", TICKETS, f"Stop it! {ONE} and {TWO}")
    await office.people.shortcut("second-admin", "optout.check", channel=TICKETS, ts=ticket.ts)
    await test_keys.view_of(office, "second-admin", "check.")
    found = await office.ask("admin", ONE)
    remark = await test_history.remark_form(office, found)
    assert (await office.people.submit("admin", remark["id"], {REMARK: "hers"})).ok
    await office.replies_to(found.ts, 1)
    await office.ask("support", ONE)


async def lists(office: Office) -> None:
    ts = await drop(office, LIST, user="support")
    await says(office, ts, "Nothing has changed yet")
    await settled(office)
    theirs = await direct(office, "second-admin", "3 phones to opt out")
    await office.press("second-admin", theirs, "upload.confirm")
    report = await says(office, ts, "3 phones opted out* from")
    await settled(office)
    await office.press("support", report, "upload.undo")
    no = await office.told("support")
    await office.press("support", no, ASK)
    await direct(office, "admin", "asks you to")
    await office.press("admin", report, "upload.undo")
    asked = await modal(office, "admin", "can be texted again")
    assert (await office.people.submit("admin", asked["id"], {})).ok
    await says(office, ts, "was undone")
    await settled(office)
    await office.ask("admin", "uploads")


async def a_list_that_is_cancelled(office: Office) -> None:
    ts = await drop(office, LIST, user="support", name="again.csv")
    await says(office, ts, "Nothing has changed yet")
    await settled(office)
    await office.press("guest", await says(office, ts, "Nothing has changed yet"), "upload.cancel")
    await office.told("guest")
    await office.press("admin", await direct(office, "admin", "again.csv"), "upload.cancel")
    await says(office, ts, "was cancelled")
    await settled(office)
    await office.ask("admin", "uploads")


async def handovers(office: Office) -> None:
    for phone, what, words in ((ONE, DO, "did what you asked"), (TWO, DECLINE, "declined")):
        await office.press("guest", await refused(office, "guest", f"add {phone} because she asked"), ASK)
        shown = f"(212) 555-{phone[-4:]}"
        await office.press("admin", await direct(office, "admin", f"asks you to opt out {shown}"), what)
        await direct(office, "guest", words)
        late = await direct(office, "second-admin", "asked to opt out " + shown)
        assert not late.buttons
    told = len((await office.people.state()).ephemerals("guest"))
    await office.people.message("guest", TICKETS, f"@optout {ONE}")
    await office.press("guest", await office.told("guest", told), ASK)
    await office.press("second-admin", await direct(office, "second-admin", "asks you to look up"), DO)
    await direct(office, "guest", "is opted out")
    await office.press("support", await refused(office, "support", f"delete {ONE}"), ASK)
    await direct(office, "admin", "asks you to allow texts")


async def two_admins(office: Office) -> None:
    view = await form(office, "support", "add", channel=TICKETS)
    assert (await submit(office, "support", view, numbers=f"{ONE}\n{TWO}", cause="legal threat")).ok
    await posted(office, TICKETS, "opted out")
    for phone, answer in ((ONE, "allow.yes"), (TWO, "allow.no")):
        question = await office.ask("admin", f"delete {phone} because her lawyer wrote")
        await office.press("admin", question, "optout.delete")
        await office.replies_to(question.ts, 1)
        again = await office.ask("second-admin", f"delete {phone} because I know her")
        await office.press("second-admin", again, "optout.delete")
        await office.replies_to(again.ts, 1)
        await office.press("second-admin", await asked_directly(office, "second-admin"), answer)
        await office.replies_to(question.ts, 2)
    await office.ask("support", f"search {ONE}")


async def histories(office: Office) -> None:
    await office.ask("support", f"add {ONE} because she asked")
    await office.ask("second-admin", f"add {ONE}")
    name = (await office.people.state()).user("support")["display_name"]
    asked = (ONE, "@support", f"@{name}", name, "")
    for number, text in enumerate(asked):
        assert (await office.people.command("admin", ADMINS, f"/optout history {text}", raw=text == name)).ok
        found = await office.told("admin", number)
        assert "she asked" in found.all_text or "called" in found.all_text, found.all_text
    await office.people.command("admin", ADMINS, "/optout history @guest")
    await office.told("admin", len(asked))


async def homes(office: Office) -> None:
    await office.ask("support", f"add {ONE}")
    await says(office, await drop(office, LIST, user="support"), "Nothing has changed yet")
    for user in ("admin", "support", "guest"):
        await office.people.home(user)
        await shows(office, user, "Guests cannot" if user == "guest" else "waits for")
    view = await test_keys.opened(office)
    assert (await test_keys.make(office, view)).acknowledged
    await office.people.home("admin")
    home = await shows(office, "admin", "made by")
    [key] = test_keys.keys_of(office)
    assert (await office.people.click_in_view("admin", home["id"], key_views.REVOKE, value=key.id)).ok
    await shows(office, "admin", "was revoked by")


async def settings_and_exports(office: Office) -> None:
    view = await test_settings.opened(office)
    support = (await office.actor("support")).id
    assert (await test_settings.save(office, view, admins=[support], ask="doubts")).ok
    await posted(office, ADMINS, "changed* · by")
    guest = (await office.actor("guest")).id
    refusal = await test_settings.save(office, await test_settings.opened(office), admins=[guest])
    name = (await office.people.state()).user("guest")["display_name"]
    assert "is a guest" in refusal.errors["settings.admins"]
    assert "\u202e" not in refusal.errors["settings.admins"]
    assert name.startswith("guest")
    await office.ask("support", f"add {ONE} because she asked")
    await office.ask("admin", "export", replies=0)
    [_, row] = await test_exports.rows_of(office, await test_exports.delivered(office))
    assert [cell for cell in row if cell[:1] in "=+-@" and cell != ONE] == [""] * row.count("")


async def digests(office: Office) -> None:
    await office.ask("support", f"add {ONE}")
    await office.ask("admin", f"add {ONE}, {TWO}")
    await says(office, await drop(office, LIST, user="support"), "Nothing has changed yet")
    wants(office.store, office.account.id, (await office.people.state()).channel(ADMINS).id)
    assert await digests_of(office).send_due(next_monday()) == 1
    assert "Who: " in (await office.people.state()).channel(ADMINS).messages[-1].all_text


SCENES: tuple[Scene, ...] = (
    commands, mentions, forms, lists, handovers, two_admins, histories, homes, settings_and_exports, digests
)  # fmt: skip


def objects(value: Any) -> Iterator[Any]:
    """*value* of a call of Slack's API, with what is JSON in it read."""
    if isinstance(value, str) and value[:1] in "[{":
        yield json.loads(value)
    else:
        yield value


async def spoken(office: Office) -> list[dict[str, Any]]:
    """Every text object that Slack was given; and the text of each message, which notifications and readers show."""
    said: list[Any] = []
    for call in await office.people.calls():
        if call["method"].startswith(("chat.", "views.")):
            assert call["answer"]["ok"], (call["method"], call["answer"])
            given = {name: next(objects(value)) for name, value in call["arguments"].items() if name != "metadata"}
            said += [given, {"type": "mrkdwn", "verbatim": True, "text": given.get("text") or ""}]
    state = await office.people.state()
    for user in PEOPLE:
        for message in state.ephemerals(user):
            said += [message.blocks, {"type": "mrkdwn", "verbatim": True, "text": message.text}]
    return [found for each in said for found in text_objects(each)]


async def play(office: Office, scene: Scene, name: str) -> None:
    """Have everybody called *name*, play *scene*, and look at all that was said in it."""
    for user in PEOPLE:
        await office.people.update_user(user, display_name=f"{user} {name}"[:LONGEST])
    await scene(office)
    state = await office.people.state()
    known = {user["id"] for user in state.raw["users"]}
    groups = set(office.slack.platform.workspace.usergroups)
    for found in await spoken(office):
        text = found["text"]
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u061c]", text), text
        if found["type"] == "plain_text":
            assert ":tada:" not in text or found.get("emoji") is False, found
            continue
        text = re.sub(rf"<{re.escape(office.slack.url)}/[^<>|]*\|([^<>]*)>", r"\1", text)
        text = re.sub(r"<(?:@|!subteam\^)(\w+)>", lambda m: "" if m[1] in known | groups else m[0], text)
        check_mrkdwn(text)
    assert not any(state.notified(user) for user in ("stranger", "ticket-bot"))
    called = {person(Actor("U1", f"{user} {name}"[:LONGEST])) for user in PEOPLE}
    assert any(one in found["text"] for found in await spoken(office) for one in called), "somebody is named"


@pytest.mark.wide
async def test_a_name_of_markup(office: Office) -> None:
    """Whoever opts out, looks up and allows again is named in answers as plain text."""
    await play(office, commands, NAMES["markup"])


@pytest.mark.wide
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("scene", SCENES)
async def test_people_may_be_called_anything(office: Office, scene: Scene, name: str) -> None:
    """No name makes a mention, a link, an emoji or bold of anything, turns words round, or is more than Slack takes."""
    await play(office, scene, name)
