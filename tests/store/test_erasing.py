"""A number that is erased stands nowhere any more, and stays out whoever asks: by a keyed hash alone."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from store import (
    Account,
    Actor,
    AllowRule,
    ChangeCursor,
    Errand,
    Function,
    Origin,
    PlainWriter,
    Store,
    StoreError,
    UploadState,
    note,
)
from store.erased import EraseKey
from store.erasing import GONE, TEXTS, WHOLE_ROWS, Writings
from store.errors import KeyReused
from store.heard import Reply
from store.models import erasures, idempotency_keys, metadata, opt_outs
from store.phones.numbers import Reason
from store.records import UnreadableRow
from tests.store.test_comparing import compared
from tests.store.test_scrubbing import Desk
from tests.store.test_uploads import PHONES, applying, claimed, counts, lines, received

KEY = "a secret of more than 16 letters"
# Of a list its first, its last, and one in the middle.
FIRST, ERASED, LAST = PHONES[0], PHONES[4], PHONES[-1]
BRIDGE = Origin(Function.API, Actor("key:1", "bridge"))


@pytest.fixture
def erasing(database_url: str) -> Iterator[Store]:
    """A store that was opened with a key."""
    store = Store.open(database_url, erase_key=KEY)
    yield store
    store.close()


@pytest.fixture
def list_of(erasing: Store) -> Account:
    return erasing.accounts.get_or_create("T0DESK", "Desk")


def writings(phone: str) -> tuple[str, ...]:
    area, exchange, line = phone[2:5], phone[5:8], phone[8:]
    return (
        phone,
        phone[1:],
        f"00{phone[1:]}",
        phone[2:],
        f"({area}) {exchange}-{line}",
        f"+1 ({area}) {exchange} {line}",
        f"{area}.{exchange}.{line}",
        f"1-{area}-{exchange}-{line}",
        f"{area} {exchange} - {line}",
        "".join(chr(0xFF10 + int(digit)) for digit in phone[2:]),
    )


def dump(store: Store) -> str:
    """Everything in every table, as text, with what JSON or a piece of a file holds as it reads."""
    with store.database.read() as connection:
        rows = [list(connection.execute(sa.select(table)).all()) for table in metadata.sorted_tables]
    return json.dumps(
        rows,
        default=lambda value: value.decode("latin-1") if isinstance(value, bytes) else str(value),
        ensure_ascii=False,
    )


def reply(text: str, message: str, sender: str, at: datetime | None = None) -> Reply:
    return Reply("twilio", message, sender, "12345", text, at or datetime.now(UTC))


def filled(store: Store, account: int, by: Origin, phone: str) -> None:
    """Have *phone* in every table that can hold one, and in each of its texts in some writing."""
    ways = writings(phone)
    store.campaigns.put(account, "gotv", "GOTV", active=True)
    store.campaigns.put_conversations(account, "gotv", [("c-1", phone), ("c-2", PHONES[5]), (ways[3], PHONES[6])])
    why = replace(by, reason=f"her number is {ways[4]}", permalink="https://desk.slack.com/archives/C1/p1")
    store.optouts.add(account, [phone], why, idempotency_key="once")
    store.optouts.add(account, [PHONES[1]], replace(by, reason=f"sister of {ways[5]}"))
    store.optouts.add(account, [phone, PHONES[2]], replace(by, reason="both asked"))
    store.history.remark(account, phone, "a neighbour of Ann's", by)
    store.replies.hear(account, reply("please stop, I voted", "SM1", phone), BRIDGE)
    tables = {table.name: table for table in metadata.sorted_tables}
    now = datetime.now(UTC)
    lease = {"lease_until": now}
    rows: list[tuple[str, dict[str, Any]]] = [
        (
            "inbox",
            {
                "event_id": "Ev1",
                "kind": "x",
                "state": "pending",
                "payload": {"text": f"is {ways[6]} out"},
                "received_at": now,
                "attempts": 0,
                **lease,
            },
        ),
        (
            "inbox",
            {
                "event_id": "Ev2",
                "kind": "x",
                "state": "discarded",
                "reason": ways[0],
                "payload": {"text": f"Ann, {ways[0]}"},
                "received_at": now,
                "finished_at": now,
                "attempts": 0,
                **lease,
            },
        ),
        (
            "outbox",
            {
                "key": "Ev1 0",
                "state": "pending",
                "version": 1,
                "payload": {"blocks": [{"text": ways[9], "n": int(phone[1:])}]},
                "received_at": now,
                "attempts": 0,
                **lease,
            },
        ),
        (
            "outbox",
            {
                "key": "Ev2 0",
                "state": "discarded",
                "reason": "x",
                "version": 1,
                "payload": {"text": f"{ways[8]} of Ann"},
                "received_at": now,
                "finished_at": now,
                "attempts": 0,
                **lease,
            },
        ),
        (
            "handovers",
            {
                "id": "h1",
                "errand": "x",
                "value": phone[1:],
                "asker_id": "U1",
                "asker_name": "ann",
                "channel_id": "C1",
                "state": "open",
                "asked_at": now,
                **lease,
            },
        ),
        (
            "destinations",
            {
                "id": "d1",
                "kind": "webhook",
                "name": "far",
                "address": "https://far.example.org",
                "secret": "s",
                "channel_id": "C1",
                "state": "on",
                "cursor": f"1000000.{phone[1:]}",
                "seq": 1000000,
                "problem": f"no {ways[2]}",
                "next_at": now,
                "made_by_id": "U1",
                "made_by_name": "ann",
                "made_at": now,
                **lease,
            },
        ),
        ("destination_takings", {"destination_id": "d1", "whole": False, "seq": 1000000, "phone": phone, "at": now}),
        (
            "destination_delays",
            {"destination_id": "d1", "phone": phone, "failed_at": now, "problem": ways[7], "taken_at": now},
        ),
        (
            "destination_delays",
            {"destination_id": "d1", "phone": PHONES[1], "failed_at": now, "problem": ways[7], "taken_at": now},
        ),
    ]
    with store.database.write() as connection:
        for name, row in rows:
            connection.execute(sa.insert(tables[name]).values(account_id=account, **row))
        uploads = tables["uploads"]
        told = {
            "file_name": f"{ways[3]}.csv",
            "reason": ways[1],
            "summary": {"first": [phone], "n": 1},
            "permalink": f"https://desk.slack.com/files/F1/{ways[3]}.csv",
        }
        connection.execute(sa.update(uploads).where(uploads.c.account_id == account).values(**told))
        connection.execute(sa.update(opt_outs).where(opt_outs.c.phone == PHONES[7]).values(note=f"same as {ways[0]}"))


@pytest.mark.wide
@pytest.mark.parametrize("phone", [FIRST, ERASED, LAST])
def test_nothing_holds_what_was_erased(erasing: Store, list_of: Account, by_admin: Origin, phone: str) -> None:
    """Its number is in no table, in no writing, nor are its notes and words; of everybody else all is as it was, and it is out."""
    store, account = erasing, list_of.id
    work = applying(store, list_of, by_admin, counts(unreadable=2))
    unread = [
        UnreadableRow(line, f"x{way}", Reason.TOO_SHORT, "too short", ("Ann", way))
        for line, way in ((40, writings(phone)[4]), (41, "12345"))
    ]
    work = work.apply_batch(lines(PHONES), unread, lease_seconds=60).finish()
    work.release(settled=UploadState.DONE)
    filled(store, account, by_admin, phone)
    others = {one: store.optouts.find(account, one).opted_out for one in PHONES if one != phone}
    head = store.changes.head(account)
    assert phone in dump(store)
    erased = store.erasures.erase(account, phone, by_admin)
    assert not erased.again
    assert "https://desk.slack.com/archives/C1/p1" in erased.links
    text = dump(store)
    assert [way for way in writings(phone) if way in text] == []
    for words in ("neighbour", "voted", "her number", "of Ann", "Ann, "):
        assert words not in text
    assert "both asked" in text  # of somebody else too
    assert f"sister of {GONE}" in text
    file = store.database.dialect.file if hasattr(store.database.dialect, "file") else None
    if file is not None:
        raw = b"".join(path.read_bytes() for path in sorted(file.parent.glob(f"{file.name}*")))
        assert [way for way in writings(phone) if way.encode() in raw] == []
    # It is out, wherever it is looked for.
    assert phone in store.optouts.check(account, [phone, "+12025550199"]).opted_out
    state = store.optouts.find(account, phone)
    assert note(state.standing[0], PlainWriter()).startswith("This number was erased at the person's own wish on ")
    assert {one: store.optouts.find(account, one).opted_out for one in others} == others
    assert store.optouts.count(account) == store.optouts.recount(account) == len(PHONES) - 1
    assert store.erasures.count(account) == 1
    # Followers go on where they were, and what is told is the state of the others.
    page = store.changes.after(account, None)
    assert {one.phone for one in page.phones} == set(PHONES) - {phone}
    followed = store.changes.after(account, ChangeCursor(0))
    assert followed.as_of == head + 1
    assert phone not in {one.phone for one in followed.phones}
    # The list it came with is undone, and it is out still.
    store.uploads.undo(account, work.upload.id, by_admin, within=timedelta(days=7))
    undoing = claimed(store, work.upload)
    while undoing.upload.undo_phone < undoing.upload.last_phone:
        undoing = undoing.undo_batch(lease_seconds=60)
    undoing.finish_undo()
    assert phone in store.optouts.check(account, [phone]).opted_out
    assert store.erasures.erase(account, phone, by_admin).again


@pytest.mark.wide
def test_it_stays_out_and_is_written_down_by_nobody(
    erasing: Store, list_of: Account, by_admin: Origin, tmp_path: Path
) -> None:
    """Adding, lists in any batches, scrubbing, comparing, conversations, replies and remarks find it out, and keep nothing of it."""
    store, account = erasing, list_of.id
    gone = [FIRST, ERASED, PHONES[8], LAST]
    store.optouts.add(account, gone, by_admin)
    for phone in gone:
        store.erasures.erase(account, phone, by_admin)
    store.campaigns.put(account, "gotv", "GOTV", active=True)
    put = store.campaigns.put_conversations(account, "gotv", [("c-1", ERASED), ("c-2", PHONES[1])])
    assert (put.new, put.changed, put.same, put.opted_out) == (1, 0, 1, 1)
    added = store.optouts.add(account, [ERASED, PHONES[1]], replace(by_admin, reason="asked"), idempotency_key="k")
    assert [(one.phone, one.newly) for one in added] == [(ERASED, False), (PHONES[1], True)]
    again = store.optouts.add(account, [ERASED, PHONES[1]], replace(by_admin, reason="asked"), idempotency_key="k")
    assert {(one.phone, one.newly) for one in again} == {(ERASED, False), (PHONES[1], True)}
    [only] = store.optouts.add(account, [ERASED], by_admin)
    assert not only.newly
    for text in ("STOP", "please stop, I voted for her", "Yes"):
        heard = store.replies.hear(account, reply(text, f"SM {text}", ERASED), BRIDGE)
        assert heard.state == "settled"
    for verb in (
        lambda: store.history.remark(account, ERASED, "a remark", by_admin),
        lambda: store.campaigns.put_conversation(account, "gotv", "c-9", ERASED),
        lambda: store.allow_requests.ask(account, ERASED, replace(by_admin, reason="she asked")),
    ):
        with pytest.raises(StoreError, match="Nothing about it is kept"):
            verb()
    desk = Desk(store, account)
    raw = "phone\n" + "".join(f"{phone}\n" for phone in PHONES)
    assert desk.scrub(tmp_path, raw.encode()).decode() == "phone\n" + "".join(
        f"{one}\n" for one in PHONES if one not in (*gone, PHONES[1])
    )
    outcome, ours = compared(store, account, raw.encode())
    assert (outcome.both, outcome.only_theirs, ours) == (5, 5, [])
    for number, batch in enumerate((1, 3, 10)):
        work = claimed(store, received(store, list_of, file_id=f"F{number}"))
        work.staged(replace(counts(), already=store.uploads.erased(account, PHONES)))
        store.uploads.confirm(account, work.upload.id, by_admin)
        work.release(settled=None)
        work, resumed = claimed(store, work.upload), False
        while left := [phone for phone in PHONES if phone > work.reached][:batch]:
            work = work.apply_batch(
                lines(PHONES, PHONES.index(left[0]), PHONES.index(left[-1]) + 1), (), lease_seconds=60
            )
            if left[-1] == ERASED and not resumed:  # whoever goes on from the checkpoint is handed it once more
                work = store.uploads.resume(account, work.upload.id, work.lease)
                resumed = True
        done = work.finish().upload
        assert done.applied == len(PHONES)
        assert done.newly_opted_out == (5 if number == 0 else 0)
    text = dump(store)
    assert [phone for phone in gone if phone[1:] in text] == []
    assert store.optouts.check(account, PHONES).opted_out == frozenset(PHONES)
    assert store.optouts.count(account) == store.optouts.recount(account) == len(PHONES) - len(gone)


def test_the_person_itself_and_an_admin_let_it_in_again(erasing: Store, list_of: Account, by_admin: Origin) -> None:
    """START, newer than the wish, and an admin with a reason take the hash away; whoever follows is told that it is in."""
    store, account = erasing, list_of.id
    store.optouts.add(account, [FIRST, LAST], by_admin)
    before = datetime.now(UTC)
    for phone in (FIRST, LAST):
        store.erasures.erase(account, phone, by_admin)
    start = store.changes.after(account, None).cursor
    store.replies.hear(account, reply("START", "SM0", FIRST, before - timedelta(minutes=1)), BRIDGE)
    assert FIRST in store.optouts.check(account, [FIRST]).opted_out  # it was sent before the wish
    store.replies.hear(account, reply("START", "SM1", FIRST, datetime.now(UTC) + timedelta(seconds=1)), BRIDGE)
    assert store.optouts.delete(account, LAST, by_admin).missing is AllowRule.REASON
    assert store.optouts.check(account, PHONES).opted_out == {LAST}
    deleted = store.optouts.delete(account, LAST, replace(by_admin, reason="she wrote that she wants texts"))
    assert len(deleted.lifted) == 1
    assert store.optouts.check(account, PHONES).opted_out == frozenset()
    told = store.changes.after(account, start).phones
    assert {(one.phone, one.opted_out) for one in told} == {(FIRST, False), (LAST, False)}
    assert store.erasures.count(account) == store.optouts.count(account) == store.optouts.recount(account) == 0


def test_without_its_key_nobody_is_told_that_a_number_may_be_texted(
    erasing: Store, list_of: Account, by_admin: Origin, database_url: str
) -> None:
    """Without a key, or with another, whatever looks at a phone is refused; nothing is erased for who was never told."""
    store, account = erasing, list_of.id
    with pytest.raises(StoreError, match="not opted out"):
        store.erasures.erase(account, FIRST, by_admin)
    store.optouts.add(account, [FIRST], by_admin)
    store.changes.after(account, ChangeCursor(0), reader="bridge")
    with pytest.raises(StoreError, match="'bridge' was not told"):
        store.erasures.erase(account, FIRST, by_admin)
    store.erasures.erase(account, FIRST, by_admin, untold=True)
    asks: tuple[Callable[[Store], object], ...] = (
        lambda other: other.optouts.check(account, [FIRST]),
        lambda other: other.optouts.find(account, FIRST),
        lambda other: other.optouts.add(account, [LAST], by_admin),
        lambda other: other.erasures.erase(account, FIRST, by_admin),
    )
    for key in (None, "another secret of that length"):
        other = Store.open(database_url, erase_key=key)
        try:
            for ask in asks:
                with pytest.raises(StoreError, match="OPTOUT_ERASE_KEY"):
                    ask(other)
        finally:
            other.close()


def test_no_fingerprint_of_a_request_tells_the_number(erasing: Store, list_of: Account, by_admin: Origin) -> None:
    """
    What came before with the number in it, as a step of a workflow does, or comes again, is known by a hash with the key.

    One from before there was a key is known as ever.
    """
    account, errand = list_of.id, Errand("optout.add", FIRST)
    plain = hashlib.sha256(json.dumps(["hand over", errand.name, errand.value]).encode()).hexdigest()
    made, _ = erasing.handovers.hand_over(account, errand, by_admin, idempotency_key="step asks")
    query = sa.select(idempotency_keys.c.fingerprint)
    with erasing.database.read() as connection:
        assert connection.execute(query).scalar_one() != plain
    assert erasing.handovers.hand_over(account, errand, by_admin, idempotency_key="step asks") == (made, False)
    with pytest.raises(KeyReused):
        erasing.handovers.hand_over(account, replace(errand, value=LAST), by_admin, idempotency_key="step asks")
    with erasing.database.write() as connection:
        connection.execute(sa.update(idempotency_keys).values(fingerprint=plain))
    assert erasing.handovers.hand_over(account, errand, by_admin, idempotency_key="step asks") == (made, False)


def test_many_erased_numbers_are_looked_up(erasing: Store, list_of: Account, by_admin: Origin) -> None:
    """Of more than are read at once, those that are asked about are found, and nobody else."""
    store, account = erasing, list_of.id
    phones = [f"+1212736{number:04d}" for number in range(150)]
    entry = store.optouts.add(account, ["+12025550100"], by_admin)[0].entry.id
    key = EraseKey(KEY)
    rows = [
        {"account_id": account, "hash": key.hash_of(account, one), "key_check": key.check, "entry_id": entry}
        for one in phones
    ]
    with store.database.write() as connection:
        connection.execute(sa.insert(erasures), rows)
    asked = [phones[3], phones[149], "+12127369999"]
    assert store.optouts.check(account, asked).opted_out == set(phones[3::146])
    assert [store.optouts.find(account, one).opted_out for one in asked] == [True, True, False]


# Columns of text that nobody but the desk itself, Slack or the operator writes, and that hold no number of a contact's.
OTHERS = """
accounts: slack_id name settings
entries: function actor_id actor_name channel_id channel_name message_ts cause asked_by_id asked_by_name
uploads: file_id channel_id channel_name thread_ts message_ts purpose actor_id actor_name decider_id decider_name state owner
uploads: sha256 phonenumbers_version attached_file
unreadable_rows: code
exports: format function dm_channel message_ts attached_file state owner destination_id
handovers: id errand asker_id asker_name channel_id channel_name thread_ts message_ts state shown decider_id decider_name owner
allow_requests: thread_ts state decider_id decider_name
campaigns: id
conversations: campaign_id state
replies: source receiver campaign outcome rule state decider_id decider_name
inbox: event_id kind channel_id state owner
outbox: key state channel_id ts owner
api_keys: id name scopes secret_hash made_by_id made_by_name revoked_by_id revoked_by_name
hooks: id kind name provider_account secret shared_key api_key made_by_id made_by_name owner
destinations: id kind name address login secret key_name channel_id state made_by_id made_by_name owner
destination_takings: destination_id
destination_delays: destination_id
destination_failures: destination_id
removed_destinations: id kind name key_name
change_readers: reader
digests: owner
file_pieces: file_id
idempotency_keys: fingerprint
erasures: hash
installations: team_id enterprise_id bot_id bot_user_id scopes installed_by sealed owner
oauth_states: state
database_identity: id
write_trials: id
"""
# Columns for phones and places in their order, which are mended one by one.
PLACES = """
changes: listed
exports: first_allowed
destinations: cursor
idempotency_keys: result
"""


def named(lines: str) -> set[str]:
    split = [line.split(": ") for line in lines.strip().splitlines()]
    return {f"{table}.{name}" for table, names in split for name in names.split()}


def test_every_text_is_searched_or_is_nobodys_words() -> None:
    """A column for text that is new is searched, or named here as one that cannot hold a number."""
    searched = {f"{table.name}.{name}" for of in (TEXTS, WHOLE_ROWS) for table, names in of.items() for name in names}
    texts = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.c
        if isinstance(column.type, (sa.Text, sa.JSON))
        and column.name not in {"phone", "first_phone", "last_phone", "undo_phone"}
    }
    assert sorted(texts - searched - named(OTHERS + PLACES.lstrip())) == []


@pytest.mark.parametrize(
    "text",
    [
        "12127365004",
        "2127365004567",
        "92127365004",
        "212 736 5004567",
        "212 736 5003",
        "1732868512.123456",
        "212a7365000",
        "",
        "2127365",
    ],
)
def test_other_numbers_stay_as_they_are(text: str) -> None:
    """What only begins, ends or goes on like the number is another's, or none."""
    assert Writings("+12127365000").taken_out(text) == text
