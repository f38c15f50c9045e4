"""App Home: what it shows to whom, and that it follows what happens."""

import asyncio
import dataclasses
import itertools
import re
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from bot.sandbox import SandboxMessage, State
from bot.sandbox.blocks import view_problems
from bot.sandbox.rates import RateLimits
from bot.sandbox.workspace import new_id
from handlers import home
from handlers.home import PUBLISHES_A_MINUTE, PUBLISHES_AT_ONCE, SECONDS_BETWEEN_LOOKS
from handlers.permissions import Role
from handlers.slack.token_bucket import TokenBucket
from handlers.views import home as views
from handlers.views.hooks import ShownHook
from handlers.views.uploads import of_state
from store import Account, Actor, Changes, Function, Hook, HookKind, Origin, Summary, UploadState
from tests.handlers.conftest import ADMINS, Office, on_both_databases
from tests.handlers.test_files import LIST, UPLOADS, drop, says
from tests.handlers.views.test_uploads import TERMS, UPLOAD
from tests.patience import PATIENCE

ONE, TWO = "+12125550100", "+12125550101"


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Homes follow what happens at once: nothing here is about how seldom the desk looks."""
    monkeypatch.setattr(home, "SECONDS_BETWEEN_LOOKS", 0.1)


async def shows(office: Office, user: str, words: str) -> dict[str, Any]:
    """Wait until the Home of *user* says *words*."""

    def there(state: State) -> dict[str, Any] | None:
        home = state.home(user)
        return home if home is not None and words in str(home) else None

    return await office.people.until(there)


async def test_home_shows_the_list_at_a_glance(office: Office) -> None:
    """People and how their number changed, lists that did something and what waits; and it changes while it is open."""
    await office.opt_out(ONE)
    stop = Origin(Function.KEYWORD, Actor("platform", "platform"))
    office.store.optouts.add(office.account.id, [ONE, TWO], stop)
    assert (await office.people.home("admin")).ok
    home = await shows(office, "admin", "*2 people are opted out*")
    assert "*Last 7 days: 2 people opted out*" in str(home)
    assert "██████████ 1 replied STOP" in str(home)
    assert "None yet. Drop a CSV" in str(home)
    assert "*United States*" in str(home)
    await says(office, await drop(office, LIST), "to opt out")
    await shows(office, "admin", "*1 list waits for a yes*")
    office.store.optouts.delete(
        office.account.id, ONE, Origin(Function.DELETE, await office.actor("admin"), reason="texted START")
    )
    home = await shows(office, "admin", "*1 person is opted out*")
    assert "*Last 30 days: 2 people opted out, 1 allowed texts again*" in str(home)


async def written(office: Office, user: str, words: str) -> SandboxMessage:
    """Wait for the direct message to *user* that says *words*."""

    def there(state: State) -> SandboxMessage | None:
        direct = state.direct(user)
        return next((one for one in direct.messages if words in one.all_text), None) if direct else None

    return await office.people.until(there)


def button(home: dict[str, Any], action_id: str, upload: int) -> dict[str, Any]:
    """The one button of that action about that upload, or of its row."""
    rows = [block for block in home["blocks"] if str(block.get("block_id", "")).endswith(f".{upload}")]
    [found] = [one for row in rows for one in row.get("elements", ()) if one["action_id"] == action_id]
    return dict(found)


async def pressed(office: Office, user: str, action_id: str, upload: int = 1) -> None:
    """*user*, who looks at their Home, presses that button of a list in it."""
    home = (await office.people.state()).home(user)
    assert home is not None
    value = button(home, action_id, upload).get("value")
    assert (await office.people.click_in_view(user, home["id"], action_id, value=value)).ok


def buttons(home: dict[str, Any]) -> list[str]:
    """The labels of all buttons about lists, in their order."""
    rows = [block for block in home["blocks"] if str(block.get("block_id", "")).startswith("upload")]
    return [one["text"]["text"] for row in rows for one in row.get("elements", ())]


@on_both_databases
@pytest.mark.wide_but_first
async def test_what_waits_is_decided_in_home(office: Office) -> None:
    """An admin says yes there; the list's message, the admins' and Home follow, and it can be undone there."""
    await office.people.home("admin")
    ts = await drop(office, LIST, user="support")
    await says(office, ts, "to opt out")
    home = await shows(office, "admin", "upload 1 · 3 phones to opt out")
    assert "Dropped by support in <#" in str(home)
    assert "<!date" in str(home)
    assert button(home, "upload.open", 1)["url"].startswith("http")
    assert "Cancel" in buttons(home)
    await pressed(office, "admin", "upload.confirm")
    await says(office, ts, "3 phones opted out*")
    home = await shows(office, "admin", "upload 1 · 3 phones opted out")
    assert "wait" not in str(home["blocks"][2:5])
    assert buttons(home) == ["Open", "Undo this upload"]
    await written(office, "admin", "3 phones opted out")
    await pressed(office, "admin", "upload.undo")
    asked = await office.people.until(
        lambda state: next((v for v in state.views("admin") if v.get("callback_id") == "upload.undo"), None)
    )
    assert (await office.people.submit("admin", asked["id"], {})).ok
    await shows(office, "admin", "undone: 3 phones can be texted again")
    assert office.store.optouts.count(office.account.id) == 0


@pytest.mark.wide
async def test_a_doubted_list_takes_its_number_in_home_too(office: Office) -> None:
    """What is odd stands first, and the yes takes the number of phones, as in the list's message."""
    await office.people.home("admin")
    again = await drop(office, LIST)
    await office.press("admin", await says(office, again, "to opt out"), "upload.confirm")
    await says(office, again, "opted out*")
    await drop(office, LIST, user="support", name="twice.csv")
    home = await shows(office, "admin", "twice.csv")
    assert ":warning:" in str(home)
    await pressed(office, "admin", "upload.confirm", 2)
    asked = await office.people.until(
        lambda state: next((v for v in state.views("admin") if v["callback_id"] == "upload.sure"), None)
    )
    assert "number of phones" in str((await office.people.submit("admin", asked["id"], {"upload.number": "7"})).errors)
    assert (await office.people.submit("admin", asked["id"], {"upload.number": "3"})).ok
    await shows(office, "admin", "upload 2 · 0 phones opted out, 3 were out already")


@pytest.mark.wide
@pytest.mark.parametrize("told", [False, True])
async def test_campaigns_are_spoken_of_where_some_were_told(office: Office, told: bool) -> None:
    """Of a list that would opt out most of them, Home and the list's message say so; without any, neither says a word of it."""
    phones = [f"+1212200{number:04d}" for number in range(60)]
    if told:
        office.store.campaigns.put(office.account.id, "gotv", "GOTV October", active=True)
        office.store.campaigns.put_conversations(
            office.account.id, "gotv", [(f"contact {phone}", phone) for phone in phones]
        )
    assert (await office.people.home("admin")).ok
    preview = await says(office, await drop(office, "\n".join(["phone", *phones]).encode()), "60 phones to opt out")
    home = await shows(office, "admin", "*1 list waits for a yes*")
    for said in (preview.all_text, str(home)):
        assert ("would opt out 100% of the 60 phones you have conversations with." in said) == told
        assert bool(re.search("conversation|active", said, re.IGNORECASE)) == told


@pytest.mark.wide
async def test_how_a_list_is_read_is_chosen_in_home(office: Office) -> None:
    """A question that is open has its buttons there; the yes comes when it is answered."""
    await office.people.home("admin")
    await drop(office, b"phone,status\n2125550102,unsubscribed\n2125550103,active\n", user="support")
    home = await shows(office, "admin", "how it is read is to be chosen")
    assert "upload.confirm" not in str(home)
    [offer, *_] = [
        one
        for block in home["blocks"]
        for one in block.get("elements", ())
        if one.get("action_id") == "upload.read" and "unsubscribed" in one["text"]["text"]
    ]
    assert (await office.people.click_in_view("admin", home["id"], "upload.read", value=offer["value"])).ok
    await shows(office, "admin", "upload 1 · 1 phone to opt out")


@pytest.mark.wide
async def test_a_list_whose_message_is_gone(office: Office) -> None:
    """It is decided in Home; the outcome is written to who dropped it and to who decided."""
    ts = await drop(office, LIST, user="support")
    await says(office, ts, "to opt out")
    for gone in (ts, *(reply.ts for reply in (await office.people.state()).replies(ts))):
        office.slack.platform.feed.delete(office.slack.platform.workspace.channel(UPLOADS), gone)
    await office.people.home("admin")
    home = await shows(office, "admin", "Its message is gone: decide here.")
    assert "upload.open" not in str(home)
    await pressed(office, "admin", "upload.confirm")
    await shows(office, "admin", "upload 1 · 3 phones opted out")
    for user in ("support", "admin"):
        await written(office, user, "3 phones opted out")


async def test_two_decide_at_once(office: Office) -> None:
    """One of two presses counts; the other is told in a modal, where they look, how the list stands."""
    for user in ("admin", "second-admin"):
        await office.people.home(user)
    await drop(office, LIST, user="support")
    stale = await shows(office, "second-admin", "upload 1 · 3 phones to opt out")
    await shows(office, "admin", "upload 1 · 3 phones to opt out")
    office.service.desk.home.loop.stop()
    await pressed(office, "admin", "upload.cancel")
    value = button(stale, "upload.confirm", 1)["value"]
    assert (await office.people.click_in_view("second-admin", stale["id"], "upload.confirm", value=value)).ok
    said = await office.people.until(lambda state: next(iter(state.views("second-admin")), None))
    assert "stops.csv was cancelled" in str(said)
    assert office.store.optouts.count(office.account.id) == 0


@pytest.mark.wide
async def test_everybody_sees_what_they_may_do(office: Office) -> None:
    """Support sees every list and decides about none but their own; members see theirs alone."""
    await office.people.update_user("second-admin", is_admin=False)
    settings = dataclasses.replace(office.account.settings, support="groups", support_groups=("S0SUPPORT",))
    office.store.accounts.change(office.account.id, Origin(Function.SETTING, Actor("t", "t")), settings=settings)
    await says(office, await drop(office, LIST, user="admin", name="theirs.csv"), "to opt out")
    ts = await drop(office, b"phone\n2125550177\n", user="second-admin", name="mine.csv")
    await says(office, ts, "to opt out")
    await office.people.home("admin")
    assert buttons(await shows(office, "admin", "mine.csv")).count("Cancel") == 2
    await office.people.home("second-admin")
    home = await shows(office, "second-admin", "mine.csv")
    assert "theirs.csv" not in str(home)
    assert "1 more: dropped by others." in str(home)
    assert buttons(home) == ["Open", "Cancel"]
    assert "form.add" not in str(home)


async def test_home_opens_the_forms(office: Office) -> None:
    """Its buttons open the forms; what a form did is written to the person, for no channel was named."""
    assert (await office.people.home("support")).ok
    home = await shows(office, "support", "form.add")
    assert (await office.people.click_in_view("support", home["id"], "form.add")).ok
    view = await office.people.until(lambda state: next(iter(state.views("support")), None))
    assert (await office.people.submit("support", view["id"], {"form.numbers": "212 555 0100"})).ok

    def told(state: State) -> Any:
        direct = state.direct("support")
        return next((m for m in direct.messages if "(212) 555-0100 opted out" in m.text), None) if direct else None

    message = await office.people.until(told)
    assert message.text == "*(212) 555-0100 opted out now* · by support"
    entry = office.store.optouts.find(office.account.id, ONE).standing[0].entry
    assert entry.channel_id is None


@pytest.mark.wide
async def test_the_workspace_has_one_name(office: Office) -> None:
    """As Slack shows it, whatever a payload carries; and the new one soon after it was renamed."""
    workspace = office.slack.platform.workspace
    assert (await office.people.home("admin")).ok
    await shows(office, "admin", f"Opt-outs of {workspace.name}")
    assert (await office.people.command("admin", ADMINS, "/optout help")).ok
    assert (await office.people.home("admin")).ok
    await shows(office, "admin", f"Opt-outs of {workspace.name}")
    workspace.name = "Lakeside Campaign"
    told = {"team_id": workspace.team_id, "event": {"type": "tokens_revoked"}}
    await office.service.desk.installations.look_again(told)
    assert (await office.people.home("admin")).ok
    await shows(office, "admin", "Opt-outs of Lakeside Campaign")


async def test_strangers_and_guests_see_nothing(office: Office) -> None:
    """Whoever may not use the desk finds one sentence in its Home, and no count."""
    await office.opt_out(ONE)
    for user, sentence in (("guest", "Guests cannot"), ("stranger", "not people of other organisations")):
        await office.people.home(user)
        home = await shows(office, user, sentence)
        assert "must not be texted" not in str(home)
        assert "form.add" not in str(home)


@pytest.mark.wide
@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "error", "error": "internal_error", "times": 1},
        {"fault": "reset", "times": 3},
        {"fault": "server_error", "times": 3},
        {"fault": "html", "times": 1},
    ],
    ids=lambda fault: str(fault["fault"]),
)
async def test_slack_stumbles_over_a_home(office: Office, fault: dict[str, Any]) -> None:
    """Whatever goes wrong while a Home is published again, it is tried again with the next look."""
    assert (await office.people.home("admin")).ok
    await shows(office, "admin", "*0 people are opted out*")
    await office.people.fault(method="views.publish", **fault)
    await office.opt_out(ONE)
    await shows(office, "admin", "*1 person is opted out*")


def page(text: str, role: Role = Role.ADMIN, lists: int = 20) -> views.HomePage:
    """A Home as full as it gets, whose names are *text*."""
    many = Changes({str(function): 10**9 - number for number, function in enumerate(Function)}, 10**9)
    who = Actor("U0ADMIN", text)
    waits = dataclasses.replace(UPLOAD, file_name=text, actor=who, summary=UPLOAD.summary | {"contact_signs": [text]})
    done = dataclasses.replace(waits, state=UploadState.DONE)
    waiting = views.WaitingList(waits, of_state(waits, TERMS), None, "https://example.org/p1")
    return views.HomePage(
        account=Account(1, "T1", text, None, 10**9),
        name=text,
        summary=Summary(10**9, many, many, (done,) * 5, (waits,) * lists, 10**6),
        viewer=who,
        role=role,
        waiting=[dataclasses.replace(waiting, upload=dataclasses.replace(waits, id=number)) for number in range(lists)],
        latest=[dataclasses.replace(done, id=number) for number in range(100, 105)],
        deadlines=dataclasses.replace(TERMS, undo=timedelta(days=36_500)),
        hooks=[ShownHook(hook_called(text, number), None) for number in range(10)],
        takes_hooks=True,
    )


def hook_called(text: str, number: int) -> Hook:
    """A hook whose names are *text*, with trouble."""
    by, at = Actor("U0ADMIN", text), UPLOAD.received_at
    return Hook(1, f"h{number}", HookKind.TELNYX, text, None, "s", None, None, by, at, None, text)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.SUPPORT, Role.MEMBER])
def test_slack_takes_a_full_home(role: Role) -> None:
    """The longest names, the most lists and the largest numbers are within Slack's limits."""
    view = views.home(page("<!channel> \u202e*x* " * 40, role))
    assert view_problems(view) == []
    assert "1,000,000,000 people" in str(view)
    assert "more: " in str(view)


@pytest.mark.wide
@on_both_databases
async def test_a_publishing_that_comes_late(office: Office) -> None:
    """What Slack shows later than what was asked of it afterwards is published over: Home does not stay as it was."""
    await office.opt_out(ONE)
    await office.people.home("admin")
    await shows(office, "admin", "*1 person is opted out*")
    before = len(await office.people.calls("views.publish"))
    await office.people.fault(method="views.publish", fault="slow", seconds=600)
    opening = asyncio.create_task(office.people.home("admin"))
    async with asyncio.timeout(PATIENCE):
        while await office.people.faults():
            await office.people.state(after=(await office.people.state()).version, timeout=0.05)
    await office.opt_out(TWO)
    await shows(office, "admin", "*2 people are opted out*")
    await office.people.clear_faults()
    await opening

    async def published() -> list[str]:
        return [str(call["arguments"]) for call in (await office.people.calls("views.publish"))[before:]]

    async with asyncio.timeout(PATIENCE):
        while not any("*1 person is opted" in one for one in await published()):
            await office.people.state(after=(await office.people.state()).version, timeout=0.05)
        while "*2 people are opted" not in (await published())[-1]:
            await office.people.state(after=(await office.people.state()).version, timeout=0.05)
    await shows(office, "admin", "*2 people are opted out*")


async def viewers(office: Office, count: int) -> list[str]:
    """Members of the workspace, *count* of them, who all look at their Home."""
    users = office.slack.platform.workspace.users
    support = next(user for user in users.values() if user.handle == "support")
    names = [f"viewer-{number}" for number in range(count)]
    for name in names:
        user = dataclasses.replace(support, id=new_id("U"), handle=name)
        users[user.id] = user
    for name in names:
        assert (await office.people.home(name)).ok
        await shows(office, name, "must not be texted")
    return names


async def published_to(office: Office, after: int) -> list[str]:
    """The ids of those to whom Home was published, in order, after the first *after* calls."""
    return [call["arguments"]["user_id"] for call in (await office.people.calls("views.publish"))[after:]]


class Clock:
    """Seconds that pass when told to, or when somebody waits for them."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.wide
async def test_fifty_viewers_of_a_list_that_changes_all_the_time(office: Office) -> None:
    """
    Slack never has to refuse a call, with fifty Homes open and a change at each look for two minutes.

    Everybody's Home is published again meanwhile, and shows what is so at the end.
    """
    clock, desk = Clock(), office.service.desk
    desk.home.loop.stop()
    office.slack.platform.rates = RateLimits(enforced=True, speed=1.0, clock=clock)
    desk.home._pace = TokenBucket(PUBLISHES_A_MINUTE, PUBLISHES_AT_ONCE, clock=clock, sleep=clock.sleep)
    names = await viewers(office, 50)
    stop = Origin(Function.KEYWORD, Actor("platform", "platform"))
    before, began, changes = len(await office.people.calls("views.publish")), clock.now, 0
    while clock.now < began + 120:
        changes += 1
        await asyncio.to_thread(office.store.optouts.add, office.account.id, [f"+1212555{changes:04}"], stop)
        await desk.home._keep_current()
        clock.now += SECONDS_BETWEEN_LOOKS
    seen = Counter(await published_to(office, before))
    assert len(seen) == 50
    assert min(seen.values()) >= 2
    assert 100 <= seen.total() <= 2 * PUBLISHES_A_MINUTE + PUBLISHES_AT_ONCE
    clock.now += 60
    for _ in range(3):
        await desk.home._keep_current()
        clock.now += 60
    for name in names:
        await shows(office, name, f"*{changes} people are opted out*")
    assert [key for key in desk.calls.counts if key[1] == "ratelimited"] == []


@pytest.mark.wide
async def test_who_did_something_sees_it_first(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """When there are calls for one Home only, it is that of whoever changed the list, though others wait for longer."""
    names = await viewers(office, 4)
    before = len(await office.people.calls("views.publish"))
    monkeypatch.setattr(office.service.desk.home, "_pace", TokenBucket(0.001, 1))
    await office.opt_out(ONE, by=names[-1])
    office.service.desk.home.loop.poke()
    await shows(office, names[-1], "*1 person is opted out*")
    assert await published_to(office, before) == [(await office.actor(names[-1])).id]


@pytest.mark.wide
async def test_nobody_waits_for_ever(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who changes the list all the time does not keep the Homes of others as they were."""
    names = await viewers(office, 4)
    monkeypatch.setattr(home, "HEAD_START", 0.2)
    monkeypatch.setattr(office.service.desk.home, "_pace", TokenBucket(1_200, 1))
    monkeypatch.setattr(office.service.desk.home.loop, "_every", 0.02)
    office.service.desk.home.loop.poke()
    before = len(await office.people.calls("views.publish"))
    ids = {(await office.actor(name)).id for name in names}
    async with asyncio.timeout(PATIENCE):
        for number in itertools.count():
            await office.opt_out(f"+1212555{number % 10_000:04}", by=names[0])
            seen = Counter(await published_to(office, before))
            if all(seen[user] >= 3 for user in ids):
                break
