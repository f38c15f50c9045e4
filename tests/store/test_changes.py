"""The feed of changes: whoever follows it ends with exactly the list, whatever happens to either on the way."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import (
    Account,
    Actor,
    Cause,
    Function,
    Origin,
    Store,
    StoreError,
    UploadState,
    UploadWork,
    move_account,
)
from store import changes as module
from store.changes import ChangeCursor, ChangesPage
from store.errors import ChangesPruned
from store.models import changes, entries
from tests.store.test_concurrency import together
from tests.store.test_retention import DAY, aged, pruning
from tests.store.test_undo import WEEK, applied
from tests.store.test_uploads import claimed, counts, lines, received

PHONES = [f"+1212555{number:04}" for number in range(100, 112)]
ADMIN, SECOND = Actor("U0ADMIN", "admin"), Actor("U0SECOND", "second")
BY = Origin(Function.COMMAND, ADMIN, reason="asked in writing")


def listed(store: Store, account: int) -> dict[str, datetime]:
    """The list as the texting platform's own SQL has it: who is opted out, and since when."""
    query = sa.text("SELECT phone, since FROM opted_out o JOIN accounts a ON a.slack_id = o.account WHERE a.id = :id")
    moments = query.columns(phone=sa.Text, since=entries.c.at.type)
    with store.database.read() as connection:
        return dict(connection.execute(moments, {"id": account}).all())


@dataclass
class Copy:
    """A platform's copy of the list, with the cursor it has come to; what it holds is that of a disk."""

    store: Store
    account: int
    phones: dict[str, datetime | None] = field(default_factory=dict)
    cursor: ChangeCursor | None = None

    def read(self, limit: int) -> ChangesPage:
        """Read a page into the copy, and leave the cursor where it was."""
        try:
            page = self.store.changes.after(self.account, self._cursor(), limit=limit, reader="platform")
        except ChangesPruned:
            page = self.store.changes.after(self.account, None, limit=limit, reader="platform")
        self.phones |= {phone: since for phone, _, since in page.phones}
        assert all(opted_out == (since is not None) for _, opted_out, since in page.phones)
        return page

    def _cursor(self) -> ChangeCursor | None:
        # As a platform keeps it.
        return None if self.cursor is None else ChangeCursor.parse(str(self.cursor))

    def follow(self, limit: int) -> bool:
        """Read a page and keep where it ends; whether there is more."""
        page = self.read(limit)
        assert len(page.phones) <= limit
        self.cursor = page.cursor
        return page.more

    def catch_up(self, limit: int = 3) -> dict[str, datetime]:
        """Read on to the end; who is opted out then."""
        while self.follow(limit):
            pass
        return {phone: since for phone, since in self.phones.items() if since is not None}


@dataclass
class Desk:
    """An account to which all that changes a list is done, a step at a time."""

    store: Store
    account: Account
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    works: list[UploadWork] = field(default_factory=list)

    def add(self, phones: list[str], cause: Cause | None = None) -> None:
        self.store.optouts.add(self.account.id, phones, replace(BY, cause=cause))

    def delete(self, phones: list[str]) -> None:
        self.store.optouts.delete(self.account.id, phones[0], BY)

    def threaten(self, phones: list[str]) -> None:
        self.add(phones, Cause.LEGAL)

    def allow(self, phones: list[str]) -> None:
        request = self.store.allow_requests.ask(self.account.id, phones[0], BY).request
        if request is not None:
            self.store.allow_requests.decide(self.account.id, request.id, replace(BY, actor=SECOND), allow=True)

    def begin_upload(self, phones: list[str]) -> None:
        """Its first batch."""
        upload = received(self.store, self.account, file_id=f"F{next(self.numbers)}")
        work = claimed(self.store, upload)
        work.staged(counts(phones=len(phones)))
        self.store.uploads.confirm(self.account.id, upload.id, BY)
        work = work.renew(lease_seconds=60)
        self.works.append(work.apply_batch(lines(phones, 0, 2), [], lease_seconds=60))
        if len(phones) > 2:
            self.store.uploads.stop(self.account.id, upload.id, BY)

    def end_upload(self, phones: list[str]) -> None:
        self.works.append(applied(self.store, self.account, BY, phones, file_id=f"F{next(self.numbers)}"))

    def undo(self, _phones: list[str]) -> None:
        """A part of the undo of one, or its rest."""
        for work in self.works:
            upload = self.store.uploads.get(self.account.id, work.upload.id)
            if upload.state in (UploadState.DONE, UploadState.STOPPED):
                self.store.uploads.undo(self.account.id, upload.id, BY, within=WEEK)
            elif upload.state is not UploadState.UNDOING:
                continue
            work.renew(lease_seconds=60).undo_batch(lease_seconds=60, batch=2)
            return

    def move(self, _phones: list[str]) -> None:
        to = f"E0{self.account.id:06}N{next(self.numbers):04}"
        for work in self.works:
            work.renew(lease_seconds=-1)
        move_account(self.store.database, self.account.slack_id, to, BY)
        self.account = self.store.accounts.get(self.account.id)


VERBS: list[Callable[[Desk, list[str]], None]] = [
    Desk.add, Desk.delete, Desk.threaten, Desk.allow, Desk.begin_upload, Desk.end_upload, Desk.undo, Desk.move,
]  # fmt: skip
some_phones = st.lists(st.sampled_from(PHONES), min_size=1, unique=True).map(sorted)
# What is done to the list, or by the follower: it reads pages, dies before it keeps its cursor, or goes back to a backup.
steps = st.lists(
    st.tuples(st.sampled_from(VERBS), some_phones)
    | st.tuples(st.sampled_from(["read", "die", "go back"]), some_phones),
    max_size=25,
)
numbers = itertools.count(1)


@pytest.mark.wide
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(taken=steps, limit=st.integers(1, 5), few=st.sampled_from([0, 2, 1_000]))
def test_a_follower_ends_with_exactly_the_list(
    store: Store, monkeypatch: pytest.MonkeyPatch, taken: list[tuple[object, list[str]]], limit: int, few: int
) -> None:
    """
    After any verbs in any order, read in pages of any size, by one that dies between page and cursor or goes back to a backup.

    *few*: of the phones of a change, those that are kept by name, so that short ranges are read as long ones are.
    """
    monkeypatch.setattr(module, "_FEW", few)
    number = next(numbers)
    desk = Desk(store, store.accounts.get_or_create(f"T0DESK{number}", "Desk"))
    copy = Copy(store, desk.account.id)
    backup = replace(copy, phones=dict(copy.phones))
    for step, phones in taken:
        if step == "read":
            copy.follow(limit)
        elif step == "die":
            copy.read(limit)
        elif step == "go back":
            copy, backup = backup, replace(copy, phones=dict(copy.phones))
        else:
            assert callable(step)
            step(desk, phones)
    assert copy.catch_up(limit) == listed(store, desk.account.id)
    # Nor does anybody who begins now end with another.
    assert Copy(store, desk.account.id).catch_up(limit) == listed(store, desk.account.id)
    assert store.optouts.count(desk.account.id) == len(copy.catch_up(limit))


def test_an_upload_is_a_change_a_batch(store: Store, account: Account, by_admin: Origin) -> None:
    """However many phones a batch has, the feed gets one row; phones far apart in a long list are kept by name."""
    many = [f"+1212{number:07}" for number in range(5_550_000, 5_552_500)]
    work = applied(store, account, by_admin, many)
    apart = [many[0], many[-1]]
    applied(store, account, by_admin, apart, file_id="F2")
    with store.database.read() as connection:
        rows = connection.execute(sa.select(changes).order_by(changes.c.seq)).mappings().all()
    assert [(row["seq"], row["first_phone"], row["last_phone"], row["phones"], row["listed"]) for row in rows] == [
        (1, many[0], many[-1], 2_500, None),
        (2, many[0], many[-1], 2, " ".join(apart)),
    ]
    assert rows[0]["entry_id"] == work.upload.entry_id
    page = store.changes.after(account.id, ChangeCursor(0), limit=1_000)
    assert ([phone for phone, _, _ in page.phones], page.more) == (many[:1_000], True)
    assert (page.cursor, page.as_of) == (ChangeCursor(0, many[999]), 2)


def test_a_page_ends_in_the_middle_of_a_change(store: Store, account: Account, by_admin: Origin) -> None:
    """The next goes on there; a phone is told as it stands when its page is read, not when it changed."""
    store.optouts.add(account.id, PHONES[:5], by_admin)
    first = store.changes.after(account.id, ChangeCursor(0), limit=2)
    store.optouts.delete(account.id, PHONES[3], by_admin)
    second = store.changes.after(account.id, first.cursor, limit=3)
    assert [(phone, opted_out) for phone, opted_out, _ in (*first.phones, *second.phones)] == [
        (PHONES[0], True), (PHONES[1], True), (PHONES[2], True), (PHONES[3], False), (PHONES[4], True),
    ]  # fmt: skip
    third = store.changes.after(account.id, second.cursor)
    assert ([phone for phone, _, _ in third.phones], third.more) == ([PHONES[3]], False)
    assert first.cursor < second.cursor < third.cursor == ChangeCursor(2)


def test_whoever_begins_reads_the_whole_list_first(store: Store, account: Account, by_admin: Origin) -> None:
    """With what was allowed again, so that an old copy comes right; what changes on the way comes after it."""
    store.optouts.add(account.id, PHONES[:4], by_admin)
    store.optouts.delete(account.id, PHONES[2], by_admin)
    copy = Copy(store, account.id, dict.fromkeys(PHONES, store.now()))
    assert copy.follow(2)
    store.optouts.delete(account.id, PHONES[0], by_admin)
    store.optouts.add(account.id, [PHONES[7]], by_admin)
    copy.catch_up()
    assert [phone for phone, since in copy.phones.items() if since] == [PHONES[1], *PHONES[3:]]
    assert copy.phones[PHONES[0]] is copy.phones[PHONES[2]] is None


def test_the_head_counts_what_changed_the_list(store: Store, account: Account, by_admin: Origin) -> None:
    """A setting, a remark and a delete of somebody who is not opted out are no changes."""
    assert (store.changes.head(account.id), store.changes.heads([])) == (0, {})
    store.optouts.delete(account.id, PHONES[0], by_admin)
    store.history.remark(account.id, PHONES[0], "says hello", by_admin)
    assert store.changes.head(account.id) == 0
    store.optouts.add(account.id, PHONES, by_admin)
    other = store.accounts.get_or_create("T0OTHER", "Other")
    assert store.changes.heads([account.id, other.id, 99]) == {account.id: 1, other.id: 0}
    assert not store.changes.after(other.id, None).phones


@pytest.mark.parametrize("seq", [3, 10**17])
def test_a_cursor_from_ahead_is_told_to_begin_again(store: Store, account: Account, by_admin: Origin, seq: int) -> None:
    """It is of a list that was since restored from a backup: what happens next here would be passed over."""
    store.optouts.add(account.id, [PHONES[0]], by_admin)
    for cursor in (ChangeCursor(seq), ChangeCursor(seq, PHONES[0], whole=True)):
        with pytest.raises(ChangesPruned, match="Read the whole list again"):
            store.changes.after(account.id, cursor)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "-1",
        "1.",
        "w",
        "1.+12125550100",
        "x1",
        "1.2.3",
        "1" * 19,
        "1\n",
        "\u0661",
        "1.1; DROP TABLE",
        "=1",
        "\u202e1",
    ],
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    """In words, before anything is read."""
    with pytest.raises(StoreError, match="no cursor of the feed"):
        ChangeCursor.parse(text)


def test_two_who_change_the_list_at_once_are_both_followed(store: Store, account: Account, by_admin: Origin) -> None:
    """A follower that reads all the while passes over nothing that commits late."""
    over: list[None] = []
    copy = Copy(store, account.id)

    def write(phones: list[str]) -> None:
        for phone in phones:
            store.optouts.add(account.id, [phone, *phones[:2]], by_admin)
            store.optouts.delete(account.id, phone, by_admin)
        over.append(None)

    def follow() -> None:
        while len(over) < 2:
            copy.follow(2)

    together(lambda: write(PHONES[:6]), lambda: write(PHONES[4:]), follow)
    assert copy.catch_up() == listed(store, account.id)


def test_a_desk_of_the_release_before_makes_followers_begin_again(
    store: Store, account: Account, by_admin: Origin
) -> None:
    """It changes the list without a word in the feed, and counts who is opted out: a trigger of the table sees that."""
    copy = Copy(store, account.id)
    store.optouts.add(account.id, PHONES[:3], by_admin)
    copy.catch_up()
    assert copy.cursor is not None
    # As its programs end every transaction that changes what stands.
    counting = "UPDATE accounts SET opted_out = opted_out - 1 WHERE id = :account"
    with store.database.write() as connection:
        lift = "UPDATE opt_outs SET lifted_by = entry_id + 1 WHERE phone = :phone"
        connection.execute(sa.text(lift), {"phone": PHONES[0]})
        connection.execute(sa.text(counting), {"account": account.id})
    assert store.changes.head(account.id) == 2
    with pytest.raises(ChangesPruned):
        store.changes.after(account.id, copy.cursor)
    assert copy.catch_up() == listed(store, account.id)
    assert set(copy.catch_up()) == set(PHONES[1:3])


# How long it goes back


def test_what_a_follower_has_yet_to_read_is_kept(store: Store, account: Account, by_admin: Origin) -> None:
    """Changes go when they are old and each follower has read them; one that did not ask for as long holds nothing back."""
    retention = pruning(store)
    for phone in PHONES[:4]:
        store.optouts.add(account.id, [phone], by_admin)
    assert retention.prune().changes == 0
    aged(store, "changes", "at", 31 * DAY)
    store.changes.after(account.id, ChangeCursor(1), reader="slow")
    store.changes.after(account.id, ChangeCursor(3), reader="quick")
    assert (retention.prune().changes, retention.prune().changes) == (1, 0)
    assert store.changes.after(account.id, ChangeCursor(1), reader="slow").cursor == ChangeCursor(4)
    with pytest.raises(ChangesPruned):
        store.changes.after(account.id, ChangeCursor(0), reader="slow")
    aged(store, "change_readers", "seen_at", 31 * DAY)
    store.changes.after(account.id, ChangeCursor(3), reader="quick")
    pruned = retention.prune()
    assert (pruned.changes, pruned.readers) == (2, 1)
    assert not retention.prune().total
    # The newest is left, and numbers go on where they were.
    store.optouts.delete(account.id, PHONES[0], by_admin)
    page = store.changes.after(account.id, ChangeCursor(3))
    assert {phone: opted_out for phone, opted_out, _ in page.phones} == {PHONES[3]: True, PHONES[0]: False}
    copy = Copy(store, account.id, dict.fromkeys(PHONES[:4], store.now()), ChangeCursor(2))
    assert copy.catch_up() == listed(store, account.id)


# What a platform asks before it sends


@pytest.mark.parametrize("few", [0, 1_000])
def test_what_a_follower_reported_is_told_only_where_it_stands_otherwise(
    store: Store, account: Account, by_admin: Origin, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """
    By its *own* actors: a phone as they left it is not told; one that somebody else changed too, or whose state is another, is.

    *few*: of the phones of a change, those that are kept by name; short ranges are read as long ones are.
    """
    monkeypatch.setattr(module, "_FEW", few)
    own = replace(by_admin, function=Function.KEYWORD, actor=Actor("key:theirs", "bridge"))
    deleting = replace(by_admin, function=Function.DELETE, reason="asked for texts again")
    out, kept, lifted, again, other, held = PHONES[:6]
    store.optouts.add(account.id, [out, held], by_admin)
    start = ChangeCursor(store.changes.head(account.id))
    store.optouts.add(account.id, [kept, lifted, again, held], own)
    store.optouts.delete(account.id, out, replace(deleting, actor=own.actor))
    store.optouts.delete(account.id, lifted, deleting)
    store.optouts.delete(account.id, again, deleting)
    store.optouts.add(account.id, [again], own)
    store.optouts.add(account.id, [other], by_admin)

    def told(limit: int, *actors: str) -> dict[str, bool]:
        found: dict[str, bool] = {}
        cursor = start
        while True:
            page = store.changes.after(account.id, cursor, limit=limit, own=actors)
            found |= {phone: opted_out for phone, opted_out, _ in page.phones}
            cursor = page.cursor
            if not page.more:
                assert cursor == ChangeCursor(store.changes.head(account.id))
                return found

    everything = {out: False, kept: True, lifted: False, again: True, other: True, held: True}
    for limit in (1, 3, 100):
        assert told(limit) == told(limit, "key:nobodys") == everything
        theirs = told(limit, "key:theirs", "key:rotated")
        assert theirs.items() >= {lifted: False, other: True}.items()
        assert not {out, kept, held} & set(theirs)
        assert everything.items() >= theirs.items()


def test_a_check_tells_who_is_opted_out(store: Store, account: Account, by_admin: Origin) -> None:
    """And up to which change it has seen; of others nothing."""
    store.optouts.add(account.id, PHONES[:3], by_admin)
    store.optouts.add(account.id, PHONES[1:4], by_admin)
    store.optouts.delete(account.id, PHONES[2], by_admin)
    other = store.accounts.get_or_create("T0OTHER", "Other")
    checked = store.optouts.check(account.id, [*PHONES, PHONES[0], "+442079460000"])
    assert checked.as_of == store.changes.head(account.id) == 3
    assert checked.opted_out == set(listed(store, account.id)) == {PHONES[0], PHONES[1], PHONES[3]}
    assert not store.optouts.check(account.id, []).opted_out
    assert not store.optouts.check(other.id, PHONES).opted_out
