"""E.164: what is written otherwise comes into no table, by no verb and by nobody's SQL; and tables from before that rule."""

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from store import Account, Origin, Store, StoreError
from store.e164 import is_e164, require_e164
from store.errors import NotE164
from store.records import Batch
from tests.store.test_uploads import applying
from tests.tables import migrate_to, step_back

GOOD = ("+1234567", "+12125550101", "+999999999999999")
WRONG = (
    "",
    "+",
    "12125550101",
    "+1 212 555 0101",
    "+1-212-555-0101",
    " +12125550101",
    "+12125550101 ",
    "+12125550101\n",
    "+12125550101\0",
    "+123456",
    "+1234567890123456",
    "+02125550101",
    "++12125550101",
    "+1212555010a",
    "+1e10555010",
    "+-12125550101",
    "+\uff11\uff12\uff11\uff12\uff15\uff15\uff15\uff10\uff11\uff10\uff11",
    "+1212555010\u0663",
    "\u202e+12125550101",
    "+12125550101,+12125550102",
    "nonsense",
)


@pytest.mark.parametrize("phone", WRONG)
def test_what_is_no_phone_is_named(phone: str) -> None:
    """The error says which value is wrong and what would be right; for logs it says no value."""
    assert not is_e164(phone)
    with pytest.raises(NotE164, match=r"E\.164: a plus and 7 to 15 digits") as caught:
        require_e164([GOOD[0], phone, GOOD[1]])
    assert caught.value.phones == (phone,)
    assert ascii(phone)[:30] in str(caught.value)
    assert ascii(phone) not in caught.value.cause


@pytest.mark.parametrize("value", [None, 12125550101, b"+12125550101", ["+12125550101"], 1.5])
def test_what_is_no_text_is_no_phone(value: Any) -> None:
    """A program that hands over a number, or bytes, is told so as well."""
    assert not is_e164(value)
    with pytest.raises(NotE164):
        require_e164([GOOD[0], value])


def test_many_are_told_by_the_first_and_their_number() -> None:
    """Ten thousand wrong ones are one sentence, and a wrong one may be as long as it likes."""
    with pytest.raises(NotE164) as caught:
        require_e164(["9" * 1_000_000, *map(str, range(9_999))])
    assert "9,999 more" in str(caught.value)
    assert len(str(caught.value)) < 300


@given(st.lists(st.one_of(st.sampled_from((*GOOD, *WRONG)), st.text("+0129\n ", max_size=17))))
def test_many_at_once_are_judged_as_each_is(phones: list[str]) -> None:
    """Whatever stands beside it, a phone is right or wrong by itself: as the pattern of E.164 says."""
    wrong = [phone for phone in phones if not re.fullmatch(r"\+[1-9][0-9]{6,14}", phone)]
    assert [phone for phone in phones if not is_e164(phone)] == wrong
    if not wrong:
        require_e164(phones)
        return
    with pytest.raises(NotE164) as caught:
        require_e164(phones)
    assert caught.value.phones == tuple(wrong)


VERBS: dict[str, Callable[[Store, int, str, Origin], Any]] = {
    "add": lambda store, account, phone, by: store.optouts.add(account, [GOOD[0], phone], by),
    "find": lambda store, account, phone, _by: store.optouts.find(account, phone),
    "find_many": lambda store, account, phone, _by: store.optouts.find_many(account, [GOOD[0], phone]),
    "delete": lambda store, account, phone, by: store.optouts.delete(account, phone, by),
    "ask": lambda store, account, phone, by: store.allow_requests.ask(account, phone, by),
    "history": lambda store, account, phone, _by: store.history.list(account, phone=phone),
    "remark": lambda store, account, phone, by: store.history.remark(account, phone, "a word", by),
    "conversation": lambda store, account, phone, _by: store.campaigns.put_conversation(account, "gotv", "1", phone),
    "already out": lambda store, account, phone, _by: store.uploads.already_out(
        account, [phone], store.uploads.list_moment(account)
    ),
    "opted in since": lambda store, account, phone, _by: store.uploads.opted_in_since(
        account, [phone], store.uploads.list_moment(account), store.uploads.list_moment(account)
    ),
    "texted": lambda store, account, phone, _by: store.uploads.texted(account, [phone]),
}


@pytest.mark.wide_but_first
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_that_takes_phones_refuses_what_is_none(
    store: Store, account: Account, by_admin: Origin, verb: str
) -> None:
    """It says so before anything is done, for the first request under a key too, which may come again put right."""
    store.campaigns.put(account.id, "gotv", "GOTV", active=True)
    by = dataclasses.replace(by_admin, reason="she asked us to")
    for phone in WRONG:
        with pytest.raises(NotE164):
            VERBS[verb](store, account.id, phone, by)
    assert store.history.list(account.id).count == 0
    for phone in GOOD:
        VERBS[verb](store, account.id, phone, by)


def test_a_batch_of_a_list_is_refused_as_a_whole(store: Store, account: Account, by_admin: Origin) -> None:
    """The table looks at a batch's phones; the error still names the one that is wrong, and nothing of the batch stands."""
    work = applying(store, account, by_admin)
    with pytest.raises(NotE164) as caught:
        work.apply_batch(Batch({GOOD[1]: 2, "+1212555010x": 3}), [], lease_seconds=60)
    assert caught.value.phones == ("+1212555010x",)
    assert store.optouts.count(account.id) == store.optouts.recount(account.id) == 0


TABLES = {
    "opt_outs": "INSERT INTO opt_outs (account_id, phone, entry_id) VALUES (1, :phone, 1)",
    "entry_phones": "INSERT INTO entry_phones (account_id, phone, entry_id) VALUES (1, :phone, 1)",
    "conversations": (
        "INSERT INTO conversations (account_id, campaign_id, contact, phone, state) VALUES (1, 'c', :phone, :phone, 'open')"
    ),
    "allow_requests": (
        "INSERT INTO allow_requests (account_id, entry_id, phone, last_entry, reason, state, expires_at) "
        "VALUES (1, 1, :phone, 1, 'x', 'asked', '2026-01-01')"
    ),
}
ACCOUNT = (
    "INSERT INTO accounts (id, slack_id, name, country, last_entry) VALUES (1, 'T1', 'One', 'US', 1)",
    (
        "INSERT INTO entries (account_id, id, function, actor_id, actor_name, at) "
        "VALUES (1, 1, 'command', 'U1', 'ann', '2026-01-01')"
    ),
    "INSERT INTO campaigns (account_id, id, name, active) VALUES (1, 'c', 'C', true)",
)


def write(store: Store, *statements: str, **values: Any) -> None:
    with store.database.engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement), values)


@pytest.mark.parametrize("table", TABLES)
def test_the_schema_refuses_what_is_no_phone(store: Store, table: str) -> None:
    """Nobody's SQL brings one in, and what is one comes in."""
    write(store, *ACCOUNT)
    for phone in WRONG:
        if "\0" in phone:
            continue  # PostgreSQL takes none in any text
        with pytest.raises(sa.exc.IntegrityError, match=f"ck_{table}_phone"):
            write(store, TABLES[table], phone=phone)
    for phone in GOOD[: 1 if table == "allow_requests" else None]:
        write(store, TABLES[table], phone=phone)


@pytest.mark.wide_but_first
def test_tables_from_before_are_brought_up(store: Store) -> None:
    """Rows that keep the rule stay as they are, and it holds for every table from then on."""
    step_back(store, "0011")
    write(store, *ACCOUNT, *TABLES.values(), phone=GOOD[1])
    store.database.migrate()
    store.database.require_head()
    with store.database.read() as connection:
        for table in TABLES:
            assert connection.execute(sa.text(f"SELECT phone FROM {table}")).scalars().all() == [GOOD[1]]
        if connection.dialect.name == "sqlite":
            assert connection.execute(sa.text("PRAGMA integrity_check")).scalars().all() == ["ok"]
        else:
            assert store.database.dialect.unvalidated(connection) == []
    for table, statement in TABLES.items():
        with pytest.raises(sa.exc.IntegrityError, match=f"ck_{table}_phone"):
            write(store, statement, phone="+1 212 555 0101")


@pytest.mark.wide_but_first
def test_rows_that_break_the_rule_are_named(store: Store) -> None:
    """The tables stay at their revision until a person has put it right: who is meant only they know."""
    step_back(store, "0011")
    write(store, *ACCOUNT, *TABLES.values(), phone="+1 212 555 0101")
    for number in range(20):
        write(store, TABLES["opt_outs"], phone=f"+1-212-555-01{number:02}")
    with pytest.raises(StoreError) as caught:
        store.database.migrate()
    said = str(caught.value)
    assert "24 rows have a phone that is not E.164" in said
    assert "opt_outs of T1: '+1-212-555-0100'" in said
    assert "conversations of T1: '+1 212 555 0101'" in said
    assert said.count(" of T1: ") == 10
    assert "and 14 more" in said
    assert "then migrate again" in said
    assert store.database.revision() == "0011"
    for table in TABLES:
        write(store, f"DELETE FROM {table}")
    store.database.migrate()
    store.database.require_head()


def test_a_migration_that_died_before_it_had_looked_at_every_row_is_ended_by_the_next(store: Store) -> None:
    """On PostgreSQL the old rows are looked at after the rule is made; whoever migrates next does what was left."""
    if store.database.url.get_backend_name() != "postgresql":
        migrate_to(store, "head")
        return
    write(store, *ACCOUNT, TABLES["opt_outs"], phone=GOOD[1])
    with store.database.read() as connection:
        rule = connection.execute(
            sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_opt_outs_phone'")
        ).scalar_one()
    again = f"ADD CONSTRAINT ck_opt_outs_phone {rule} NOT VALID"
    write(store, f"ALTER TABLE opt_outs DROP CONSTRAINT ck_opt_outs_phone, {again}")
    with store.database.read() as connection:
        assert store.database.dialect.unvalidated(connection) != []
    store.database.migrate()
    with store.database.read() as connection:
        assert store.database.dialect.unvalidated(connection) == []
