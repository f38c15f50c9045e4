"""Words that no database and no request can carry: kept and shown all the same, on both databases, and nothing loops."""

from typing import Any

import pytest

from bot.config import Settings
from store import Account, Actor, Function, Origin, Store
from store.texts import keepable, keepable_values
from tests.handlers.conftest import TICKETS, Office, on_both_databases
from tests.handlers.slack.test_outbox import settled as nothing_waits
from tests.handlers.test_files import LIST, says, settled
from tests.handlers.test_forms import form, submit

ONE = "+12125550100"
POISON = {
    "half a pair": "asked \ud83d twice",
    "the other half": "\udc00asked",
    "nul": "as\0ked",
    "both": "\0\ud800",
    "turned round": "\u202easked\u2066",
    "controls": "".join(map(chr, range(32))) + "asked",
    "not a character": "asked \uffff \U0010ffff",
    "marks": "a" + "\u0301" * 200,
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A lease that is over soon."""
    return settings.model_copy(update={"lease_seconds": 1.0})


async def emitted(office: Office, kind: str, **event: Any) -> None:
    for attempt in office.slack.platform.feed.emit(kind, event):
        await attempt


@pytest.mark.wide
@on_both_databases
@pytest.mark.parametrize("words", POISON.values(), ids=POISON)
async def test_a_reason(office: Office, words: str) -> None:
    """By a mention, a form and a command: opted out, answered, and found again with what can be kept of the words."""
    user, channel = (await office.actor("support")).id, (await office.people.state()).channel(TICKETS).id
    ticket = await office.people.message("admin", TICKETS, "a ticket")
    assert ticket.ts is not None
    text = f"<@{office.slack.bot_user_id}> opt out {ONE} because {words}"
    await emitted(office, "app_mention", user=user, channel=channel, ts=ticket.ts, text=text)
    # What shows other words than it holds is asked about, with a button.
    shows_other_words = words == POISON["turned round"]
    await office.replies_to(ticket.ts, 1)
    view = await form(office, "support", "add", channel=TICKETS)
    assert (await submit(office, "support", view, numbers=ONE, cause="other", words=words)).acknowledged
    if not shows_other_words:
        await office.ask("admin", f"add {ONE} reason:{words}", raw=True)
    await nothing_waits(office)
    state = office.store.optouts.find(office.account.id, ONE)
    by = {"form"} if shows_other_words else {"mention", "form", "command"}
    assert {one.entry.function for one in state.standing} == by
    found = await office.ask("admin", f"search {ONE}")
    assert "\ud83d" not in found.all_text
    assert office.store.inbox.backlog().discarded == {}
    assert office.store.outbox.backlog().discarded == {}


@pytest.mark.wide
@on_both_databases
@pytest.mark.parametrize("words", ["stops \ud83d.csv", "st\0ops.csv", "\u202evsc.spots", "x" * 3_000 + ".csv"])
async def test_a_file_s_name(office: Office, words: str) -> None:
    """The list is read, shown and applied under what can be kept of its name."""
    user, channel = (await office.actor("admin")).id, (await office.people.state()).channel(TICKETS).id
    ticket = await office.people.drop("admin", TICKETS, "x.csv", LIST)
    assert ticket.ts is not None
    assert ticket.file is not None
    again = office.slack.platform.workspace.files[ticket.file]
    again.name = again.title = words
    mention = f"<@{office.slack.bot_user_id}> these"
    await emitted(
        office, "app_mention", user=user, channel=channel, ts=ticket.ts, text=mention, files=[{"id": again.id}]
    )
    preview = await says(office, ticket.ts, "3 phones to opt out")
    await settled(office)
    await office.press("admin", preview, "upload.confirm")
    await says(office, ticket.ts, "*3 phones opted out*")
    await settled(office)
    assert len(office.store.uploads.list(office.account.id, 9)) == 1


def test_no_text_is_refused_by_the_store(store: Store, account: Account) -> None:
    """Names, reasons, channels: whatever stands in them, an entry can be made of it, on both databases."""
    for words in POISON.values():
        by = Origin(Function.COMMAND, Actor(f"U{words}", words), f"C{words}", words, words, words, words)
        [added] = store.optouts.add(account.id, [ONE], by, idempotency_key=words)
        [standing, *_] = store.optouts.find(account.id, ONE).standing
        assert standing.entry.id == added.entry.id
        assert standing.entry.reason == keepable(words)
        event = store.inbox.keep(account.id, f"Ev{words}", "message", f"D{words}", {"text": words, words: [words]})
        assert event is not None
        store.inbox.discard(event, words)
        assert store.outbox.keep(account.id, f"k{words}", {"text": words}) is not None


def test_what_can_be_kept_is_not_touched() -> None:
    """Only NUL and halves of pairs are replaced, in any shape of parameters."""
    assert keepable("naïve 😀 \u202e") == "naïve 😀 \u202e"
    assert keepable_values({"a": ["\0", 5, None], "b": ("\ud800", b"\0")}) == {
        "a": ["\ufffd", 5, None],
        "b": ("\ufffd", b"\0"),
    }
