"""A platform's own list is held against ours: what each has alone, and both; neither changes."""

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import Account, Compared, ListRefused, Origin, Store, StoreError, Undecided, compare
from store.exports import Exports
from tests.store.test_uploads import received

OURS = ("+12125550101", "+12125550103", "+442079460000")


def compared(store: Store, account: int, raw: bytes) -> tuple[Compared, list[str]]:
    """The outcome for the list *raw*, and the phones that are only ours."""
    with tempfile.TemporaryDirectory() as name:
        path, out = Path(name) / "list.csv", io.StringIO()
        path.write_bytes(raw)
        outcome = compare(
            store, account, path, Path(name) / "read", out, country="US", progress=lambda _rows, _fraction: None
        )
        assert [left.name for left in path.parent.iterdir()] == ["list.csv"]
    header, *rows = csv.reader(io.StringIO(out.getvalue()))
    assert header == ["phone"]
    return outcome, [row[0] for row in rows]


def test_what_each_has_alone_and_both(store: Store, account: Account, by_admin: Origin) -> None:
    """Phones are counted once each; what is not understood is told apart, and another account's are nobody's business."""
    other = store.accounts.get_or_create("T0OTHER", "Other")
    store.optouts.add(other.id, ["+12125550109"], by_admin)
    store.optouts.add(account.id, [*OURS, "+12125550104"], by_admin)
    store.optouts.add(account.id, OURS[:1], by_admin)
    store.optouts.delete(account.id, "+12125550104", by_admin)
    raw = b"phone,who\n212 555 0101,=1+1\n2125550101,again\n2125550102,Ben\n2125550104,Dan\n12345,Eve\n"
    outcome, only_ours = compared(store, account.id, raw)
    assert (outcome.theirs, outcome.ours, outcome.both, outcome.only_theirs) == (3, 3, 1, 2)
    assert (outcome.counts.rows, outcome.counts.unreadable) == (5, 1)
    assert only_ours == ["+12125550103", "+442079460000"]


def test_equal_and_empty_lists(store: Store, account: Account, by_admin: Origin) -> None:
    """Of the same list nothing is left; where nobody is out here nothing is only ours."""
    outcome, only_ours = compared(store, account.id, b"phone\n2125550101\n")
    assert (outcome.ours, outcome.only_theirs, only_ours) == (0, 1, [])
    store.optouts.add(account.id, ["+12125550101"], by_admin)
    outcome, only_ours = compared(store, account.id, b"phone\n2125550101\n")
    assert (outcome.both, outcome.only_theirs, only_ours) == (1, 0, [])


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"", ListRefused),
        (b"name,city\nAna,Reno\n", ListRefused),
        # Who is out and who is not: everybody would be the wrong reading.
        (b"phone,status\n2125550101,opted out\n2125550102,subscribed\n", Undecided),
    ],
)
def test_a_list_that_cannot_be_compared(store: Store, account: Account, raw: bytes, error: type[StoreError]) -> None:
    """It is refused in words, and asked about where it can be read in more than one way."""
    with pytest.raises(error):
        compared(store, account.id, raw)


def test_an_account_that_is_not_there(store: Store) -> None:
    """It is refused before the list is read."""
    with pytest.raises(StoreError):
        compared(store, 99, b"phone\n2125550101\n")


@pytest.mark.wide
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ours=st.sets(st.integers(0, 60)),
    theirs=st.lists(st.integers(0, 60)),
    page=st.integers(1, 7),
    british=st.booleans(),
)
def test_it_agrees_with_sets(
    store: Store, by_admin: Origin, ours: set[int], theirs: list[int], page: int, *, british: bool
) -> None:
    """Whatever the lists, page for page, and whatever the lengths of their phones."""

    def phone(number: int) -> str:
        return f"+4420794600{number:02}" if british and number % 2 else f"+121255501{number:02}"

    account = store.accounts.get_or_create(f"T{page}{british}{sorted(ours)}{theirs}", "One of many").id
    out, there = {phone(n) for n in ours}, {phone(n) for n in theirs}
    if out:
        store.optouts.add(account, sorted(out), by_admin)
    store.exports = Exports(store.database, page=page)
    raw = "".join(f"{one}\n" for one in ["phone", *map(phone, theirs), "+12125559999"])
    there.add("+12125559999")
    outcome, only_ours = compared(store, account, raw.encode())
    assert only_ours == sorted(out - there)
    assert (outcome.both, outcome.ours, outcome.theirs) == (len(out & there), len(out), len(there))


def test_ours_at_a_moment(store: Store, account: Account, by_admin: Origin) -> None:
    """What is counted of ours is what stood then, each phone once; what came and went since is none of it."""
    store.optouts.add(account.id, OURS, by_admin)
    store.optouts.add(account.id, OURS[:1], by_admin)
    moment = store.uploads.list_moment(account.id)
    store.optouts.add(account.id, ["+12125550109"], by_admin)
    store.optouts.delete(account.id, OURS[0], by_admin)
    assert store.uploads.out_at(account.id, moment) == 3
    assert store.uploads.out_at(account.id, store.uploads.list_moment(account.id)) == 3


def test_only_what_was_compared_is_taken_as_such(store: Store, account: Account) -> None:
    """Any other list is none that a comparison's button speaks of, whoever sends it."""
    upload = received(store, account)
    with pytest.raises(StoreError):
        store.uploads.take_compared(account.id, upload.id)
    with pytest.raises(StoreError):
        store.uploads.take_compared(account.id, 99)
