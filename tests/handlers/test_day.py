"""A day of all surfaces: who is notified by each act of it, and who has to be; docs/notifications.md has the table."""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.config import Settings
from tests.handlers.conftest import ADMINS, TICKETS, Office
from tests.handlers.slack.test_outbox import settled as nothing_waits
from tests.handlers.test_exports import delivered
from tests.handlers.test_files import LIST, drop, says, settled
from tests.store.test_uploads import turn_back

ONE, TWO, THREE = "+12125550100", "+12125550101", "+12125550102"
QUESTION = "Nothing has changed yet"


class Act(NamedTuple):
    """
    An act of the day. *needed*: who has to be notified of it, by how many messages: who must act, or has waited.

    *why*: what they need it for. *before*: how it was while only some of it was told, counted on the desk of commit 81412a5.
    """

    what: str
    do: Callable[[Office], Awaitable[object]]
    needed: dict[str, int]
    why: str = ""
    before: dict[str, int] | None = None

    @property
    def row(self) -> str:
        """Its row in docs/notifications.md."""
        before = self.needed if self.before is None else self.before
        return f"| {self.what} | {_in_words(before)} | {_in_words(self.needed)} | {self.why} |"


def _in_words(counts: dict[str, int]) -> str:
    return ", ".join(f"{_ROLES[who]} {count}" for who, count in counts.items()) or "nobody"


_ROLES = {"admin": "Avery Quinn", "second-admin": "Sam Okoro", "support": "Robin Vale"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A lease that is over soon, so that nothing waits long for the next look."""
    return settings.model_copy(update={"lease_seconds": 1.0})


async def mention(office: Office, user: str, text: str) -> None:
    said = await office.people.message(user, TICKETS, f"@optout {text}")
    assert said.ts is not None
    await office.replies_to(said.ts, 1)


async def look_and_allow(office: Office) -> None:
    question = await office.ask("second-admin", f"delete {ONE}")
    await office.press("second-admin", question, "optout.delete")
    await office.replies_to(question.ts, 1)


async def own_list(office: Office) -> None:
    ts = await drop(office, LIST + b"2125550188\n", name="mine.csv")
    await office.press("admin", await says(office, ts, QUESTION), "upload.confirm")
    await says(office, ts, "opted out* from")


async def confirmed(office: Office) -> None:
    ts = await drop(office, LIST, user="support", name="stops.csv")
    await office.press("second-admin", await says(office, ts, QUESTION), "upload.confirm")
    await says(office, ts, "opted out* from")


async def cancelled(office: Office) -> None:
    ts = await drop(office, LIST + b"2125550187\n", user="support", name="wrong.csv")
    await office.press("admin", await says(office, ts, QUESTION), "upload.cancel")
    await says(office, ts, "was cancelled")


async def refused(office: Office) -> None:
    ts = await drop(office, b"name\nBo\n", user="support", name="names.csv")
    await says(office, ts, "Nothing was changed")


async def forgotten(office: Office) -> None:
    ts = await drop(office, LIST + b"2125550186\n", user="support", name="late.csv")
    await says(office, ts, QUESTION)
    await settled(office)
    turn_back(office.store, "waiting_since", timedelta(hours=25))
    office.service.desk.runner.poke()
    await says(office, ts, "still waits for an admin's yes")
    await settled(office)
    turn_back(office.store, "waiting_since", timedelta(days=4))
    office.service.desk.runner.poke()
    await says(office, ts, "expired: nobody said yes in time")


async def exported(office: Office) -> None:
    await office.ask("admin", "export", replies=0)
    await delivered(office)


async def elsewhere(office: Office) -> None:
    before = len((await office.people.state()).ephemerals("support"))
    await drop(office, LIST + b"2125550185\n", user="support", channel=TICKETS, name="more.csv")
    await office.told("support", before)


DAY = (
    Act("an admin opts a number out by command", lambda office: office.ask("admin", f"add {ONE} reason:test"), {}),
    Act("support opts one out by mention", lambda office: mention(office, "support", f"opt out {TWO} (asked)"), {}),
    Act("an admin looks one up", lambda office: office.ask("admin", f"search {TWO}"), {}),
    Act("support looks one up by mention", lambda office: mention(office, "support", f"is {TWO} opted out?"), {}),
    Act("an admin allows a number texts again", look_and_allow, {}),
    Act("an admin drops a list and says yes at once", own_list, {}),
    Act(
        "support's list, with an admin's yes",
        confirmed,
        {"admin": 1, "second-admin": 1, "support": 1},
        "the admins decide; who dropped it has waited",
    ),
    Act(
        "support's list, cancelled by an admin",
        cancelled,
        {"admin": 1, "second-admin": 1, "support": 1},
        "the admins decide; who dropped it has waited",
    ),
    Act("support's list that cannot be read", refused, {"support": 1}, "who dropped it has to put it right"),
    Act(
        "support's list that nobody decides",
        forgotten,
        {"admin": 3, "second-admin": 3, "support": 2},
        "the admins decide: the list, a reminder after a day, the end; who dropped it hears of the reminder and the end",
        {"admin": 2, "second-admin": 2, "support": 1},
    ),
    Act("support drops a list without a word elsewhere", elsewhere, {}),
    Act("an admin exports the list", exported, {"admin": 2}, "the word that it is there, and the file"),
    Act(
        "support asks for what only admins may",
        lambda office: office.ask_alone("support", "export", channel=TICKETS),
        {},
    ),
    Act("an admin looks at the history", lambda office: office.ask_alone("admin", "history"), {}),
    Act(
        "an admin types what cannot be understood",
        lambda office: office.ask_alone("admin", "ad 12", channel=ADMINS),
        {},
    ),
)


async def counts(office: Office) -> Counter[str]:
    """How often each person was notified so far, once nothing is left to say; the desk itself does not count."""
    if office.store.uploads.list(office.account.id, 1):
        await settled(office)
    await nothing_waits(office)
    state = await office.people.state()
    people = [user["handle"] for user in state.raw["users"] if not user.get("bot_id")]
    return Counter({name: len(state.notified(name)) for name in people})


@pytest.mark.wide
async def test_a_day(office: Office) -> None:
    """Over the whole day who must act and who has waited is notified, each as often as they have to be, and nobody else."""
    rows = []
    before = await counts(office)
    for act in DAY:
        await act.do(office)
        after = await counts(office)
        rows.append((act.what, dict(after - before), act.needed))
        before = after
    for what, notified, needed in rows:
        print(f"| {what} | {notified} | {needed} |")
    assert [(what, notified) for what, notified, _ in rows] == [(what, needed) for what, _, needed in rows]


def test_the_table_of_notifications_is_the_days() -> None:
    """docs/notifications.md has each act, who was notified of it before, who is now, and what for; and the sums."""
    sums = [Counter[str](), Counter[str]()]
    for act in DAY:
        sums[0].update(act.needed if act.before is None else act.before)
        sums[1].update(act.needed)
    total = f"| **The whole day** | {_in_words(sums[0])} | {_in_words(sums[1])} | |"
    table = "\n".join([*(act.row for act in DAY), total])
    shown = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text(encoding="utf-8")
    assert table in shown, f"docs/notifications.md needs:\n{table}"
