"""When each destination took what changed, and what it made of a phone otherwise: in answers, evidence and the clock."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from store import (
    Account,
    Actor,
    AnswerKind,
    Clock,
    Destination,
    DestinationAnswer,
    DestinationKind,
    Handled,
    NewDestination,
    Origin,
    PassedOn,
    Scope,
    Store,
    UploadWork,
    move_account,
)
from store.evidence_file import evidence_as_json, evidence_page
from store.models import destination_delays, destination_failures, destination_takings
from store.summary import read_clock
from tests.store.test_retention import DAY, aged, pruning
from tests.store.test_undo import applied, undone
from tests.store.test_uploads import PHONES, applying, lines
from tests.tables import migrate_to, step_back

ONE, TWO, THREE = PHONES[:3]
BY = Origin("setting", Actor("U1", "ann"))
WHY = "nobody is found by this number"
TWILIO = {"address": "+12125550100", "login": f"AC{'0' * 32}", "secret": "a" * 32}


# An opt-out as the release before wrote it: its entry does not say which change it made.
_OF_BEFORE = (
    """
    INSERT INTO entries (account_id, id, function, actor_id, actor_name, at)
    SELECT 1, :entry, 'command', 'U1', 'ann', made_at FROM destinations WHERE id = 'a'
    """,
    "INSERT INTO opt_outs (account_id, phone, entry_id) VALUES (1, :phone, :entry)",
    """
    INSERT INTO changes (account_id, seq, entry_id, first_phone, last_phone, phones, at)
    SELECT 1, :entry, :entry, :phone, :phone, 1, made_at FROM destinations WHERE id = 'a'
    """,
)


@dataclass
class Far:
    """The far side of a destination, which takes pages when it is told to, each an hour after the one before."""

    store: Store
    one: Destination
    hours: int = 0
    # After all that the desk's own clock says meanwhile.
    start: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.start = self.store.now() + timedelta(hours=1)

    def take(self, limit: int = 100, problems: Mapping[str, str] | None = None) -> datetime:
        """Take the next page, of at most *limit* phones, but those with *problems*; when that was."""
        claimed = self._claimed()
        page = self.store.destinations.page(claimed, limit)
        of_each = {one.phone: (problems or {}).get(one.phone) for one in page.phones}
        taken = self.store.destinations.taken(claimed, page.cursor, of_each, lambda _: 0.0)
        self.store.destinations.give_back(taken)
        self.hours += 1
        at = self.start + timedelta(hours=self.hours)
        with self.store.database.write() as connection:
            for column in (destination_takings.c.at, destination_failures.c.at, destination_delays.c.taken_at):
                new = sa.update(column.table).where(column < self.start).values({column.name: at})
                connection.execute(new)
        return at

    def _claimed(self) -> Destination:
        """Its own claim, whichever other destination is to be told something too."""
        claimed = self.store.destinations.claim("me", lease_seconds=60)
        assert claimed is not None
        if claimed.id == self.one.id:
            return claimed
        own = self._claimed()
        self.store.destinations.give_back(claimed)
        return own

    def answer(self, phone: str) -> DestinationAnswer:
        """What it made of how *phone* is now, the only one that answers."""
        [answer] = self.store.evidence.answers(self.one.account_id, phone)
        assert (answer.destination, answer.kind) == (self.one.name, self.one.kind)
        return answer

    def when(self, *phones: str) -> list[datetime | None]:
        """When it took each of *phones*."""
        answers = [self.answer(phone) for phone in phones]
        assert {one.answer for one in answers} == {AnswerKind.TOOK}
        return [one.at for one in answers]


def made(store: Store, account: Account, by: Origin, kind: str = "webhook", name: str = "Bridge", **values: Any) -> Far:
    """A destination, from which nothing was asked yet."""
    wanted = {"address": "https://example.org/"} | (TWILIO if kind == "twilio" else {}) | values
    new = NewDestination(DestinationKind(kind), name, "C1", **wanted)
    return Far(store, store.destinations.make(account.id, new, by))


def listed(store: Store, account: Account, by: Origin) -> UploadWork:
    """A list of ten, applied in two batches."""
    work = applying(store, account, by)
    for start, end in ((0, 5), (5, 10)):
        work = work.apply_batch(lines(PHONES, start, end), [], lease_seconds=60)
    return work.finish()


def clock_of(store: Store, account: Account) -> Clock:
    with store.database.read() as connection:
        return read_clock(connection, account.id, ())


def test_a_phone_was_taken_with_its_page(store: Store, account: Account, by_admin: Origin) -> None:
    """Of many in one entry, of a list and of its undo: each phone when the page on which it stood was taken, and no other."""
    far = made(store, account, by_admin)
    far.take()
    assert store.evidence.answers(account.id, ONE) == (), "it never was on the list"
    store.optouts.add(account.id, [ONE, TWO, THREE], by_admin)
    assert far.answer(ONE) == replace(far.answer(TWO), answer=AnswerKind.WAITS)
    at = [far.take(limit=2), far.take(limit=2)]
    assert far.when(ONE, TWO, THREE) == [at[0], at[0], at[1]]
    work = listed(store, account, by_admin)
    at = [far.take(limit=4) for _ in range(3)]
    assert far.when(*PHONES[3:]) == [at[0], *at[1:2] * 4, *at[2:] * 2]
    undone(store, work, by_admin)
    assert far.answer(ONE).answer == AnswerKind.TOOK, "it is still out, for the first reason"
    assert far.answer(PHONES[9]).answer == AnswerKind.WAITS
    at = [far.take(limit=6) for _ in range(3)]
    assert far.when(PHONES[3], PHONES[9]) == [at[0], at[2]]


def test_the_first_reading_of_the_list(store: Store, account: Account, by_admin: Origin) -> None:
    """By where the reading stood among the phones; a phone that changed behind it is taken with its change."""
    applied(store, account, by_admin)
    far = made(store, account, by_admin)
    first = far.take(limit=4)
    assert far.when(*PHONES[:4]) == [first] * 4
    assert {far.answer(phone).answer for phone in PHONES[4:]} == {AnswerKind.WAITS}
    store.optouts.delete(account.id, ONE, by_admin)
    assert far.answer(ONE).answer == AnswerKind.WAITS
    second, third = far.take(limit=4), far.take(limit=4)
    assert far.when(PHONES[4], PHONES[9]) == [second, third]
    assert far.answer(ONE).answer == AnswerKind.WAITS
    assert far.take() == far.answer(ONE).at


def test_out_allowed_and_out_again(store: Store, account: Account, by_admin: Origin) -> None:
    """The time is that of how the phone is now; a second reason leaves it what it is."""
    far = made(store, account, by_admin)
    store.optouts.add(account.id, [ONE], by_admin)
    out = far.take()
    store.optouts.add(account.id, [ONE], by_admin)
    assert far.when(ONE) == [out]
    store.optouts.delete(account.id, ONE, by_admin)
    allowed = far.take()
    assert far.when(ONE) == [allowed]
    store.optouts.add(account.id, [ONE], by_admin)
    assert far.answer(ONE).answer == AnswerKind.WAITS
    again = far.take()
    assert far.when(ONE) == [again]


def test_what_waits_says_since_when_and_why(store: Store, account: Account, by_admin: Origin) -> None:
    """Why the destination takes nothing, or that it is paused; nothing where nothing is wrong."""
    far = made(store, account, by_admin)
    far.take()
    [added] = store.optouts.add(account.id, [ONE], by_admin)
    waits = DestinationAnswer("Bridge", "webhook", AnswerKind.WAITS, since=added.entry.at)
    assert far.answer(ONE) == waits
    claimed = store.destinations.claim("me", lease_seconds=60)
    assert claimed is not None
    store.destinations.failed(claimed, "it answered 500", seconds=0)
    assert far.answer(ONE) == replace(waits, why="it answered 500")
    store.destinations.pause(account.id, far.one.id, by_admin)
    assert far.answer(ONE) == replace(waits, why="it is paused")


def test_a_phone_that_is_taken_later_than_its_page(store: Store, account: Account, by_admin: Origin) -> None:
    """It is not taken, since when and why; then it was, when it was; how it is after that comes with its page again."""
    far = made(store, account, by_admin)
    store.optouts.add(account.id, [ONE, TWO], by_admin)
    first = far.take(problems={TWO: WHY})
    assert far.when(ONE) == [first]
    assert far.answer(TWO) == DestinationAnswer("Bridge", "webhook", AnswerKind.DID_NOT_TAKE, since=first, why=WHY)
    store.optouts.add(account.id, [THREE], by_admin)
    second = far.take()
    late = far.take()
    assert far.when(ONE, TWO, THREE) == [first, late, second]
    store.optouts.delete(account.id, TWO, by_admin)
    third = far.take()
    assert far.when(TWO) == [third]


def test_those_told_of_opt_outs_alone(store: Store, account: Account, by_admin: Origin) -> None:
    """Twilio is not told that texts are allowed again."""
    far = made(store, account, by_admin, "twilio")
    store.optouts.add(account.id, [ONE], by_admin)
    assert far.take() == far.answer(ONE).at
    store.optouts.delete(account.id, ONE, by_admin)
    assert far.answer(ONE) == DestinationAnswer("Bridge", "twilio", AnswerKind.NOT_TOLD)


def test_what_it_reported_itself(store: Store, account: Account, by_admin: Origin) -> None:
    """By its key, with or without the name of a program, also once the key is forgotten; what others did it is told."""
    key = store.keys.make(account.id, "bridge", [Scope.REPORT], None, by_admin).key
    far = made(store, account, by_admin, key_name="bridge")
    at = [
        store.optouts.add(account.id, [phone], replace(by_admin, actor=key.actor(program)))[0].entry.at
        for phone, program in ((ONE, None), (TWO, "Avery"))
    ]
    store.optouts.add(account.id, [THREE], by_admin)
    taken = far.take()
    store.keys.revoke(account.id, key.id, by_admin)
    aged(store, "api_keys", "revoked_at", 31 * DAY)
    assert pruning(store).prune().platform_keys == 1
    reported = [DestinationAnswer("Bridge", "webhook", AnswerKind.REPORTED, one) for one in at]
    assert [far.answer(phone) for phone in (ONE, TWO)] == reported
    assert far.when(THREE) == [taken]


@pytest.mark.parametrize("are_pruned", [False, True])
def test_a_time_outlives_the_changes(store: Store, account: Account, by_admin: Origin, are_pruned: bool) -> None:
    """Once they are pruned, a phone's time is the same; of a list it is when the last of it was taken, at the latest."""
    far = made(store, account, by_admin)
    store.optouts.add(account.id, [ONE], by_admin)
    by_hand = far.take()
    listed(store, account, by_admin)
    first, last = far.take(limit=5), far.take()
    store.optouts.add(account.id, ["+12125550199"], by_admin)
    far.take()
    if are_pruned:
        aged(store, "changes", "at", 31 * DAY)
        assert pruning(store).prune().changes == 3
    assert far.when(ONE, TWO, PHONES[9]) == [by_hand, last if are_pruned else first, last]


def test_a_destination_that_was_away_reads_the_list_again(store: Store, account: Account, by_admin: Origin) -> None:
    """What it took before it took then; what changed meanwhile with the list that it reads anew."""
    far = made(store, account, by_admin)
    store.optouts.add(account.id, [ONE], by_admin)
    before = far.take()
    store.optouts.add(account.id, [TWO, THREE], by_admin)
    aged(store, "changes", "at", 31 * DAY)
    aged(store, "change_readers", "seen_at", 31 * DAY)
    assert pruning(store).prune().changes == 2
    assert {far.answer(phone).answer for phone in (TWO, THREE)} == {AnswerKind.WAITS}
    again = far.take(limit=2)
    assert far.when(ONE, TWO) == [before, again]
    assert far.answer(THREE).answer == AnswerKind.WAITS
    assert far.take(limit=2) == far.answer(THREE).at
    assert far.when(ONE) == [before]


def test_a_removed_destination_keeps_what_it_took(store: Store, account: Account, by_admin: Origin) -> None:
    """In the evidence, under its name, behind those there are: also what it had not taken; and in that of a moved account."""
    far = made(store, account, by_admin)
    store.optouts.add(account.id, [ONE, TWO], by_admin)
    at = far.take(problems={TWO: WHY})
    store.optouts.add(account.id, [THREE], by_admin)
    store.destinations.remove(account.id, far.one.id, by_admin)
    made(store, account, by_admin, name="New")
    move_account(store.database, "T0DESK", "E0GRID", by_admin)
    answers = {phone: store.evidence.get(account.id, phone).destinations for phone in (ONE, TWO, THREE)}
    assert {(one.destination, one.answer, one.removed_at) for one, _ in answers.values()} == {
        ("New", AnswerKind.WAITS, None)
    }
    was = {phone: (gone.destination, gone.answer, gone.at, gone.why) for phone, (_, gone) in answers.items()}
    assert was == {
        ONE: ("Bridge", AnswerKind.TOOK, at, None),
        TWO: ("Bridge", AnswerKind.DID_NOT_TAKE, None, WHY),
        THREE: ("Bridge", AnswerKind.DID_NOT_TAKE, None, None),
    }
    assert all(gone.removed_at is not None for _, gone in answers.values())


def test_the_evidence_shows_each_answer(store: Store, account: Account, by_admin: Origin) -> None:
    """In the page, as text whatever it is called, and in the JSON."""
    store.optouts.add(account.id, [ONE, TWO, THREE], by_admin)
    far = made(store, account, by_admin, name="<b>Bridge</b>")
    at = far.take(limit=2, problems={TWO: f"<i>{WHY}</i>"})
    pages = [evidence_page(store.evidence.get(account.id, phone)) for phone in (ONE, TWO, THREE)]
    assert all("<h2>Passed on</h2>" in page and "&lt;b&gt;Bridge" in page for page in pages)
    assert f"took it, {at:%Y-%m-%d %H:%M:%S} UTC" in pages[0]
    assert f"did not take it, since {at:%Y-%m-%d %H:%M:%S} UTC: <bdi>&lt;i&gt;{WHY}" in pages[1]
    assert "not yet told, since " in pages[2]
    [told] = json.loads(evidence_as_json(store.evidence.get(account.id, ONE)))["destinations"]
    assert (told["answer"], told["at"][:16]) == ("took it", f"{at:%Y-%m-%dT%H:%M}")


def test_the_clock_until_the_last_destination_took_it(store: Store, account: Account, by_admin: Origin) -> None:
    """Half, the slowest, and what waits; an entry of before a destination was made is not that one's, nor what it reported."""
    store.optouts.add(account.id, [PHONES[9]], by_admin)
    aged(store, "entries", "at", timedelta(hours=1))
    assert clock_of(store, account).passed_on == PassedOn()
    key = store.keys.make(account.id, "bridge", [Scope.REPORT], None, by_admin).key
    bridge = made(store, account, by_admin, key_name="bridge")
    twilio = made(store, account, by_admin, "twilio", "Twilio")
    bridge.take()
    twilio.take()
    asked_at = store.now() - timedelta(hours=5)
    store.optouts.add(account.id, [ONE], replace(by_admin, requested_at=asked_at))
    store.optouts.add(account.id, [TWO], replace(by_admin, actor=key.actor()))
    store.optouts.add(account.id, [THREE], by_admin)
    bridge.take()
    assert clock_of(store, account).passed_on == PassedOn(2, waiting=3)
    at = twilio.take(problems={THREE: WHY})
    found = clock_of(store, account).passed_on
    assert (found.requests, found.waiting, found.slowest) == (2, 1, Handled(asked_at, at))
    late = twilio.take()
    listed(store, account, by_admin)
    found = clock_of(store, account).passed_on
    assert (found.requests, found.waiting) == (3, 1)
    assert found.median is not None
    assert found.median < late - asked_at
    bridge.take()
    twilio.take()
    found = clock_of(store, account).passed_on
    assert (found.destinations, found.requests, found.waiting) == (2, 4, 0)
    assert store.summaries.get(account.id).clock.passed_on == found


def test_what_was_taken_before_times_were_kept(store: Store) -> None:
    """A destination of before has what it had come to, and when is not kept; from there on it is, as of any other."""
    step_back(store, "0020")
    with store.database.write() as connection:
        connection.execute(
            sa.text("INSERT INTO accounts (id, slack_id, name, last_entry, last_change) VALUES (1, 'T1', 'Desk', 2, 2)")
        )
        for name, cursor in (("a", "2"), ("b", "w2.12127365000"), ("c", None)):
            row = {"name": name, "cursor": cursor, "seq": 2 if cursor == "2" else -1}
            connection.execute(
                sa.text(
                    "INSERT INTO destinations (account_id, id, kind, name, address, secret, channel_id, state, cursor, seq, "
                    "next_at, made_by_id, made_by_name, made_at, lease_until) VALUES (1, :name, 'webhook', :name, 'a', 's', "
                    "'C1', 'paused', :cursor, :seq, '2026-11-03', 'U1', 'ann', '2026-11-03', '2026-11-03')"
                ),
                row,
            )
        for entry, phone in ((1, ONE), (2, TWO)):
            for statement in _OF_BEFORE:
                connection.execute(sa.text(statement), {"entry": entry, "phone": phone})
    migrate_to(store, "head")
    before = {phone: [(one.answer, one.at) for one in store.evidence.answers(1, phone)] for phone in (ONE, TWO)}
    took, waits = (AnswerKind.TOOK, None), (AnswerKind.WAITS, None)
    assert before == {ONE: [took, took, waits], TWO: [took, waits, waits]}
    for name in "bc":
        store.destinations.retry(1, name, BY)
        far = Far(store, store.destinations.get(1, name))
        at = far.take()
        answers = {one.destination: one for phone in (ONE, TWO) for one in store.evidence.answers(1, phone)}
        assert answers[name].at == at
        store.destinations.pause(1, name, BY)
    assert [one.at is None for one in store.evidence.answers(1, ONE)] == [True, True, False]
