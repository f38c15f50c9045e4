"""History, a page at a time and for the asker alone, and remarks on a number."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.sandbox import SandboxMessage, State
from bot.sandbox.blocks import problems_of, view_problems
from handlers.history import HistoryQuery
from handlers.permissions import Action
from handlers.views import history as views
from handlers.views import optouts
from store import Account, Function, HistoryItem, HistoryPage, Origin, PhoneNumber, PhoneState, Store
from tests.entries import latest_entries
from tests.handlers.conftest import ADMINS, Office, on_both_databases
from tests.handlers.test_files import LIST, drop, says, settled
from tests.handlers.test_forms import form
from tests.handlers.views.test_optouts import entry, opt_out, within_slacks_limits
from tests.patience import PATIENCE
from tests.store.test_uploads import received

ONE, TWO = "+12125550100", "+12125550101"


async def shown(office: Office, user: str, words: str) -> SandboxMessage:
    """The message that *user* alone sees and that says *words*."""

    def there(state: State) -> SandboxMessage | None:
        return next((m for m in state.ephemerals(user) if words in m.all_text), None)

    return await office.people.until(there)


@pytest.mark.parametrize(
    ("text", "query", "action"),
    [
        ("", HistoryQuery(), Action.WHOLE_HISTORY),
        ("<@U0ADMIN|admin>", HistoryQuery(actor="U0ADMIN"), Action.WHOLE_HISTORY),
        ("<@W0GRID>", HistoryQuery(actor="W0GRID"), Action.WHOLE_HISTORY),
        ("upload:7", HistoryQuery(uploads=(7,)), Action.WHOLE_HISTORY),
        ("Upload : #7", HistoryQuery(uploads=(7,)), Action.WHOLE_HISTORY),
        ("upload 7", HistoryQuery(uploads=(7,)), Action.WHOLE_HISTORY),
        ("upload" + " " * 40_000 + "x", HistoryQuery(words="upload" + " " * 40_000 + "x"), Action.HISTORY),
        ("212 555 0100", HistoryQuery(words="212 555 0100"), Action.HISTORY),
        ("<tel:2125550100|212 555 0100>", HistoryQuery(words="<tel:2125550100|212 555 0100>"), Action.HISTORY),
        ("<@U0ADMIN> 212 555 0100", HistoryQuery(words="<@U0ADMIN> 212 555 0100"), Action.HISTORY),
        ("upload", HistoryQuery(words="upload"), Action.HISTORY),
        ("@robin", HistoryQuery(words="@robin"), Action.HISTORY),
        ("stops.csv", HistoryQuery(words="stops.csv"), Action.HISTORY),
    ],
)
def test_what_is_asked_for(text: str, query: HistoryQuery, action: Action) -> None:
    """What follows `/optout history` is read once, and says by itself who may ask it."""
    assert HistoryQuery.parse(text) == query
    assert query.action is action


def test_a_button_of_a_phones_history_is_of_that_phone_alone() -> None:
    """Whatever else its value says: who presses it was admitted to one number's history."""
    filters = {"phone": ONE, "actor": "U0ADMIN"}
    assert HistoryQuery.of_button("history.phone.older", filters) == HistoryQuery(phone=ONE)
    for query in (HistoryQuery(), HistoryQuery(actor="U0ADMIN"), HistoryQuery(uploads=(7,)), HistoryQuery(phone=ONE)):
        assert HistoryQuery.of_button("history.all.older", json.loads(json.dumps(query.filters))) == query
    assert HistoryQuery.of_button("history.all.older", {"upload": 7}) == HistoryQuery(uploads=(7,))


@pytest.mark.wide_but_first
@on_both_databases
async def test_the_whole_history_page_by_page(office: Office) -> None:
    """Newest first, ten at a time; *Older* and *Newer* take the page's place, and new entries do not shift it."""
    for number in range(23):
        await office.opt_out(f"+121255502{number:02}", reason=f"call {number}")
    first = await office.ask_alone("admin", "history")
    assert "call 22" in first.all_text
    assert "call 13" in first.all_text
    assert "call 12" not in first.all_text
    assert "(212) 555-0222" in first.all_text
    await office.opt_out(ONE, reason="meanwhile")
    await office.press("admin", first, "history.all.older")
    second = await shown(office, "admin", "call 12")
    assert "call 3" in second.all_text
    assert "meanwhile" not in second.all_text
    assert not any("call 22" in m.all_text for m in (await office.people.state()).ephemerals("admin"))
    await office.press("admin", second, "history.all.older")
    third = await shown(office, "admin", "call 0")
    assert [button.text for button in third.buttons] == ["Newer"]
    await office.press("admin", third, "history.all.newer")
    await office.press("admin", await shown(office, "admin", "call 12"), "history.all.newer")
    assert "call 22" in (await shown(office, "admin", "meanwhile")).all_text


@pytest.mark.wide
@on_both_databases
async def test_what_one_person_did_and_one_upload(office: Office) -> None:
    """By a mention and by an upload's number; others' entries are left out."""
    await office.opt_out(ONE, by="admin", reason="mine")
    await office.opt_out(TWO, by="support", reason="theirs")
    ts = await drop(office, LIST)
    await office.press("admin", await says(office, ts, "to opt out"), "upload.confirm")
    upload = await settled(office)
    found = await office.ask_alone("admin", "history @support")
    assert "Everything support did on this list, newest first: 1 entry<!date" in found.all_text.replace(
        "Support", "support"
    )
    assert "(212) 555-0101 out<!date" in found.all_text
    assert ': "theirs"' in found.all_text
    assert "mine" not in found.all_text
    for asked in (f"upload:{upload.id}", f"upload #{upload.id}", "STOPS.csv", '"stops.csv"', "stops"):
        before = len((await office.people.state()).ephemerals("admin"))
        assert (await office.people.command("admin", ADMINS, f"/optout history {asked}")).ok
        found = await office.told("admin", before)
        assert f"*History of upload {upload.id}, stops.csv*" in found.all_text
        assert "1 phone opted out, 2 were out already. Dropped by " in found.all_text
        assert f"opted 3 phones out by upload {upload.id}, stops.csv in <#" in found.all_text
        assert "|see message>" in found.all_text
        assert "theirs" not in found.all_text


@on_both_databases
async def test_a_numbers_history_is_supports_too(office: Office) -> None:
    """Support sees one number's; the list's, a person's and an upload's are admins', by whatever button."""
    await office.opt_out(ONE, reason="asked")
    office.store.optouts.delete(
        office.account.id, ONE, Origin(Function.DELETE, await office.actor("admin"), reason="she called back")
    )
    found = await office.ask_alone("support", "history 212 555 0100")
    assert found.text == "*History of (212) 555-0100*"
    assert "asked" in found.all_text
    assert "Everything that was done with `+12125550100` on this list, newest first: 2 entries<!date" in found.all_text
    assert "opted it out<!date" in found.all_text
    assert "allowed texts to it again<!date" in found.all_text
    for text in ("history", "history @admin", "history upload:1", "history stops.csv", "history @@nobody"):
        before = len((await office.people.state()).ephemerals("support"))
        assert (await office.people.command("support", ADMINS, f"/optout {text}")).ok
        assert (await office.told("support", before)).text.startswith("Only admins can see the whole history.")


@pytest.mark.wide
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("history 12345", "is not a phone number"),
        ("history 212 555 0199", "Nothing was ever done with `+12125550199` on this list."),
        ("history upload:999999999999", "There is no upload 999999999999."),
        ("history <@U0UNKNOWN1|gone>", "U0UNKNOWN1 has done nothing on this list."),
        ("history <!channel>", "I found no number, person or file called @channel."),
        ("history Nobody Here", "I found no number, person or file called Nobody Here."),
        ("history *x* <http://evil.example|y>.csv", "called \u2217x\u2217 y.csv."),
        ("history " + "stops" * 5_000, "`upload 7`; `/optout uploads` lists the latest with their numbers."),
    ],
)
async def test_nothing_to_show(office: Office, text: str, said: str) -> None:
    """What is unknown, or no number, is answered in words."""
    found = await office.ask_alone("admin", text, raw=True)
    assert said in found.all_text
    assert "<!channel>" not in found.all_text


async def remark_form(office: Office, message: SandboxMessage, user: str = "admin") -> dict[str, Any]:
    await office.press(user, message, "remark.form")

    def there(state: State) -> dict[str, Any] | None:
        return next((view for view in state.views(user) if view["callback_id"] == "remark.form"), None)

    return await office.people.until(there)


async def test_a_remark_is_shown_whenever_the_number_is(office: Office) -> None:
    """An admin adds it from a search; its thread says so, and every later search has it; nothing else changes."""
    found = await office.ask("admin", ONE, replies=0)
    form = await remark_form(office, found)
    assert "There is nothing in it: write the remark, or cancel." in str(
        (await office.people.submit("admin", form["id"], {views.REMARK: " \n "})).errors
    )
    assert (await office.people.submit("admin", form["id"], {views.REMARK: "<!channel> is *Ada's* mother"})).ok
    said = (await office.replies_to(found.ts, 1)).thread[0]
    assert said.text.startswith("*Remark on (212) 555-0100* · by ")
    assert "<!channel>" not in said.all_text
    again = await office.ask("support", ONE)
    assert "is ∗Ada's∗ mother" in again.all_text
    assert again.button("optout.add").text == "Opt out"
    assert [button.text for button in again.buttons] == ["Opt out"]
    state = office.store.optouts.find(office.account.id, ONE)
    assert (state.opted_out, state.opt_outs, len(state.remarks)) == (False, (), 1)


@pytest.mark.wide_but_first
@on_both_databases
async def test_a_remark_submitted_twice(office: Office) -> None:
    """Two submits of one form at once keep one remark and tell of it once."""
    found = await office.ask("admin", ONE, replies=0)
    form = await remark_form(office, found)
    twice = (office.people.submit("admin", form["id"], {views.REMARK: "hers"}) for _ in range(2))
    await asyncio.gather(*twice, return_exceptions=True)
    assert len((await office.replies_to(found.ts, 1)).thread) == 1
    assert len(office.store.optouts.find(office.account.id, ONE).remarks) == 1


async def test_only_admins_remark(office: Office) -> None:
    """Somebody else who presses an admin's button is told who can."""
    await office.opt_out(ONE)
    found = await office.ask("admin", ONE)
    await office.press("support", found, "remark.form")
    assert (await office.told("support")).text.startswith("Only admins can add remarks.")
    form = await remark_form(office, found, "second-admin")
    await office.people.update_user("second-admin", is_admin=False)
    assert (await office.people.submit("second-admin", form["id"], {views.REMARK: "mine"})).acknowledged
    assert "Only admins can add remarks." in str((await office.people.state()).views("second-admin"))
    assert office.store.optouts.find(office.account.id, ONE).remarks == ()


@pytest.mark.wide
async def test_pages_turned_by_two_at_once(office: Office) -> None:
    """Two presses of one button at once are both answered, with the same page."""
    for number in range(12):
        await office.opt_out(f"+121255502{number:02}", reason=f"call {number}")
    first = await office.ask_alone("admin", "history")
    await asyncio.gather(*(office.people.click("admin", first, "history.all.older") for _ in range(2)))
    await shown(office, "admin", "call 0")


# The store's side


def test_history_is_the_accounts_own(store: Store, account: Account, by_admin: Origin) -> None:
    """No filter finds another account's entries, whatever the phone, person or number."""
    other = store.accounts.get_or_create("T0OTHER", "Other")
    store.optouts.add(other.id, [ONE], by_admin)
    store.history.remark(other.id, ONE, "theirs", by_admin)
    empty = HistoryPage((), older=False)
    assert store.history.list(account.id) == empty
    assert store.history.people_called(account.id, by_admin.actor.name) == ()
    received(store, other)
    assert store.history.uploads_called(account.id, "stops.csv") == ()
    assert store.history.list(account.id, phone=ONE) == empty
    assert store.history.list(account.id, actor=by_admin.actor.id) == empty
    assert store.optouts.find(account.id, ONE).remarks == ()


def test_what_touched_a_phone(store: Store, account: Account, by_admin: Origin) -> None:
    """Opted out, deleted, remarked upon: all of it once, newest first, and of that phone alone."""
    store.optouts.add(account.id, [ONE, TWO], by_admin)
    store.optouts.delete(account.id, ONE, replace(by_admin, function=Function.DELETE))
    store.history.remark(account.id, ONE, "one", by_admin)
    store.history.remark(account.id, TWO, "two", by_admin)
    found = store.history.list(account.id, phone=ONE)
    assert [(one.entry.function, one.phones, one.phone_count) for one in found.items] == [
        ("remark", (ONE,), 1),
        ("delete", (ONE,), 1),
        ("command", (ONE, TWO), 2),
    ]
    assert (found.older, found.count, found.since) == (False, 3, found.items[-1].entry.at)
    assert store.history.list(account.id, phone=ONE, limit=2).older
    assert [entry.reason for entry in store.optouts.find(account.id, ONE).remarks] == ["one"]
    rest = store.history.list(account.id, before=found.items[0].entry.id)
    assert [one.entry.id for one in rest.items] == [2, 1]


def test_files_and_people_by_name(store: Store, account: Account, by_admin: Origin) -> None:
    """A file's whole name before a part of it, in any case, however its accents are written; a person by any case too."""
    for number, name in enumerate(("Stops.csv", "stops.csv", "old stops.csv", "cafe\u0301.csv"), 1):
        store.uploads.receive(
            account.id,
            file_id=f"F{number}",
            file_name=name,
            channel_id="C1",
            channel_name=None,
            thread_ts=None,
            permalink=None,
            actor=by_admin.actor,
            country=None,
        )

    def found(name: str) -> list[int]:
        return [upload.id for upload in store.history.uploads_called(account.id, name)]

    assert found("STOPS.CSV") == [2, 1]
    assert found("stops") == [3, 2, 1]
    assert found("Caf\u00e9.csv") == [4]
    assert found("other.csv") == []
    store.optouts.add(account.id, [ONE], by_admin)
    assert store.history.people_called(account.id, by_admin.actor.name.upper()) == (by_admin.actor,)
    assert store.history.people_called(account.id, "%") == ()


async def test_the_form_shows_the_history_in_its_place(office: Office) -> None:
    """From Home or the menu; its pages are turned there, and what is not theirs is refused with an offer to ask who may."""
    for number in range(12):
        await office.opt_out(f"+121255502{number:02}", reason=f"call {number}")
    view = await form(office, "admin", "history")
    outcome = await office.people.submit("admin", view["id"], {views.OF: ""})
    assert outcome.ok

    def page(words: str) -> Callable[[State], dict[str, Any] | None]:
        return lambda state: next((one for one in state.views("admin") if words in str(one)), None)

    first = await office.people.until(page("call 11"))
    assert first["title"]["text"] == "History"
    assert "12 entries" in str(first)
    assert (await office.people.click_in_view("admin", first["id"], "history.all.older")).ok
    older = await office.people.until(page("call 0"))
    assert (await office.people.click_in_view("admin", older["id"], "history.all.newer")).ok
    await office.people.until(page("call 11"))
    assert (await office.people.state()).ephemerals("admin") == []
    view = await form(office, "support", "history")
    assert (await office.people.submit("support", view["id"], {views.OF: "upload 1"})).ok
    no = await office.told("support")
    assert "Only admins can see the whole history." in no.text
    assert no.button("handover.ask").text == "Ask admin or second-admin to do this"


async def test_a_name_that_several_have(office: Office) -> None:
    """Who is meant is asked, of those who did something and of those whom Slack calls so now."""
    other = replace(await office.actor("second-admin"), name="Robin")
    office.store.optouts.add(office.account.id, [ONE], Origin(Function.COMMAND, other))
    found = await office.ask_alone("admin", "history @ROBIN", raw=True)
    assert "*What Robin did*" in found.all_text
    users = office.slack.platform.workspace.users
    user = next(user for user in users.values() if user.handle == "support")
    users[user.id] = replace(user, handle="robin")
    before = len((await office.people.state()).ephemerals("admin"))
    assert (await office.people.command("admin", ADMINS, "/optout history @robin", raw=True)).ok
    assert "Several people are called @robin: " in (await office.told("admin", before)).all_text


def test_slack_takes_the_longest_pages() -> None:
    """Ten entries with the longest reasons and names, a remark form, and a number with 200 reasons and remarks."""
    nasty = "<!channel> *x* \u202eabc " * 40
    long = [
        HistoryItem(replace(entry(n), reason=nasty, permalink="https://x.example/p"), (ONE,) * 5, 200)
        for n in range(10)
    ]
    message = views.page(HistoryPage(tuple(long), older=True), views.OF_THE_LIST, {}, [*range(100)], "US")
    assert problems_of(list(message.blocks), "message") == []
    assert "<!channel" not in str(message.blocks)
    many = PhoneState(
        ONE, tuple(opt_out(entry(n, reason=nasty)) for n in range(1, 200)), (), (entry(1, "remark"),) * 200
    )
    assert view_problems(views.remark_form(many, "US", "{}").to_dict()) == []
    found = optouts.phone_state(many, PhoneNumber(ONE, False, None, None), "US", is_admin=True)
    assert within_slacks_limits(found)
    assert "and 189 more: `/optout history`" in str(found.blocks)


async def test_an_opt_out_is_linked_to_the_message_that_told_of_it(office: Office) -> None:
    """Whoever looks a number up can go to where it was opted out, and to where it was opted in again."""
    told = await office.ask("admin", f"add {ONE}")

    async def linked(words: str) -> None:
        """Wait until every entry has its link: it comes after the answer."""
        async with asyncio.timeout(PATIENCE):
            while any(entry.permalink is None for entry in latest_entries(office.store, office.account.id, 9)):
                await office.people.state()
        found = await office.ask("support", ONE)
        assert words in found.all_text

    await linked(f"p{told.ts.replace('.', '')}|see message>")
    question = await office.ask("admin", f"delete {ONE}")
    await office.press("admin", question, "optout.delete")
    answered = await office.replies_to(question.ts, 1)
    await linked("Texts allowed again by admin<!date")
    entry = latest_entries(office.store, office.account.id, 1)[0]
    assert entry.message_ts == answered.thread[0].ts
