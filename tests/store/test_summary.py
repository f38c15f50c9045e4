"""The summary of an account: people and how their number changed, lists that wait, lists that did something."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from store import Account, Actor, Changes, Function, Origin, Store, UploadWork
from store.models import entries
from tests.store.test_undo import applied, undone
from tests.store.test_uploads import DROPPER, claimed, counts, received

ONE, TWO, THREE = "+12125550100", "+12125550101", "+12125550102"
STOP = Origin(Function.KEYWORD, Actor("platform", "platform"))


def delete(store: Store, account: Account, phone: str, by: Origin) -> None:
    store.optouts.delete(account.id, phone, replace(by, function=Function.DELETE, reason="texted START"))


def days_pass(store: Store, days: float) -> None:
    """Everything that was done so far was done *days* earlier."""
    with store.database.write() as connection:
        for row in connection.execute(sa.select(entries.c.account_id, entries.c.id, entries.c.at)).all():
            one = entries.c.account_id == row.account_id, entries.c.id == row.id
            connection.execute(sa.update(entries).where(*one).values(at=row.at - timedelta(days=days)))


def week(store: Store, account: Account) -> Changes:
    return store.summaries.get(account.id).week


def test_people_are_counted_and_not_requests(store: Store, account: Account, by_admin: Origin) -> None:
    """Each phone once, of this account only, by what opted it out; a remark and a second reason change nothing."""
    other = store.accounts.get_or_create("T0OTHER", "Other")
    store.optouts.add(account.id, [ONE, TWO], by_admin)
    store.optouts.add(other.id, [ONE, THREE], by_admin)
    store.optouts.add(account.id, [ONE, THREE], STOP)
    store.history.remark(account.id, ONE, "hers", by_admin)
    before = store.summaries.version(account.id)
    assert week(store, account) == Changes({"command": 2, "keyword": 1}, 0)
    delete(store, account, ONE, by_admin)
    found = store.summaries.get(account.id)
    assert found.week == found.month == Changes({"command": 2, "keyword": 1}, 1)
    assert (found.opted_out, found.waiting, found.waiting_count, found.latest) == (2, (), 0, ())
    assert store.summaries.version(account.id) != before


def test_who_goes_back_and_forth_is_one_person(store: Store, account: Account, by_admin: Origin) -> None:
    """Opted out, allowed again and opted out again: one person more; allowed again and opted out again: none."""
    store.optouts.add(account.id, [ONE], by_admin)
    delete(store, account, ONE, by_admin)
    store.optouts.add(account.id, [ONE], STOP)
    assert week(store, account) == Changes({"keyword": 1}, 0)
    days_pass(store, 8)
    assert week(store, account) == Changes({}, 0)
    delete(store, account, ONE, by_admin)
    assert week(store, account) == Changes({}, 1)
    store.optouts.add(account.id, [ONE], by_admin)
    found = store.summaries.get(account.id)
    assert (found.week, found.month) == (Changes({}, 0), Changes({"command": 1}, 0))


def test_an_undone_upload_does_not_count(store: Store, account: Account, by_admin: Origin) -> None:
    """What it alone opted out is as if it never was; undone later than the span began, its people may be texted again."""
    store.optouts.add(account.id, ["+12125550150"], by_admin)
    work = applied(store, account, by_admin)
    stored = work.upload.newly_opted_out
    assert week(store, account).opted_out == {"upload": stored, "command": 1}
    undone(store, work, by_admin)
    assert week(store, account) == Changes({"command": 1}, 0)
    work = applied(store, account, by_admin, file_id="F2")
    days_pass(store, 8)
    undone(store, work, by_admin)
    found = store.summaries.get(account.id)
    assert found.week == Changes({}, work.upload.newly_opted_out)
    assert found.month == Changes({"command": 1}, 0)


@pytest.mark.wide_but_first
@pytest.mark.parametrize("seed", range(4))
def test_what_changed_adds_up(store: Store, account: Account, by_admin: Origin, seed: int) -> None:
    """Whatever was done in whatever order: the difference of the two numbers is that of the list."""
    chance = random.Random(seed)
    phones = [f"+121255501{number:02}" for number in range(8)]
    works: list[UploadWork] = []

    def act() -> None:
        some = sorted(chance.sample(phones, chance.randint(1, 4)))
        match chance.randint(0, 4):
            case 0 | 1:
                store.optouts.add(account.id, some, chance.choice([by_admin, STOP]))
            case 2:
                delete(store, account, some[0], by_admin)
            case 3:
                works.append(applied(store, account, by_admin, some, file_id=f"F{chance.random()}"))
            case _ if works:
                undone(store, works.pop(chance.randrange(len(works))), by_admin)

    began = []
    for days in (25, 10):
        for _ in range(8):
            act()
        began.append(store.optouts.count(account.id))
        days_pass(store, days)
    for _ in range(8):
        act()
        found = store.summaries.get(account.id)
        for changes, was in zip((found.month, found.week), began, strict=True):
            assert sum(changes.opted_out.values()) - changes.allowed == found.opted_out - was


def test_lists_that_wait_and_lists_that_did_something(store: Store, account: Account, by_admin: Origin) -> None:
    """The oldest that waits first; of the others those that opted somebody out, whatever became of that, newest first."""
    done = applied(store, account, by_admin).upload
    waits = claimed(store, received(store, account, file_id="F2")).staged(counts()).upload
    called_off = received(store, account, file_id="F3")
    store.uploads.cancel(account.id, called_off.id, by_admin)
    later = claimed(store, received(store, account, file_id="F4", actor=by_admin.actor)).staged(counts()).upload
    found = store.summaries.get(account.id)
    assert [one.id for one in found.waiting] == [waits.id, later.id]
    assert (found.waiting_count, [one.id for one in found.latest]) == (2, [done.id])
    assert [one.id for one in store.summaries.latest_of(account.id, DROPPER.id)] == [done.id]
    assert store.summaries.latest_of(account.id, by_admin.actor.id) == ()


def test_a_list_that_was_read_again_is_another_summary(store: Store, account: Account) -> None:
    """However quickly: the buttons of a Home carry what their preview was made of."""
    work = claimed(store, received(store, account)).staged(counts())
    before = store.summaries.version(account.id)
    store.uploads.set_country(account.id, work.upload.id, "GB")
    work.renew(lease_seconds=60).staged(replace(counts(already=2), country="GB"))
    assert store.summaries.version(account.id) != before


def test_who_acted_last(store: Store, account: Account, by_admin: Origin) -> None:
    """People by the moment of their newest entry or drop, of this account only."""
    other = store.accounts.get_or_create("T0OTHER", "Other")
    store.optouts.add(other.id, [ONE], replace(by_admin, actor=Actor("U0OTHER", "other")))
    store.optouts.add(account.id, [ONE], by_admin)
    first = store.summaries.acts(account.id)
    assert list(first) == [by_admin.actor.id]
    received(store, account)
    store.optouts.add(account.id, [TWO], by_admin)
    acts = store.summaries.acts(account.id)
    assert set(acts) == {by_admin.actor.id, DROPPER.id}
    assert acts[by_admin.actor.id] >= acts[DROPPER.id] >= first[by_admin.actor.id]
