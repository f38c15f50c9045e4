"""The files of destinations without a door: what each holds, what it means that one was loaded, and who is told when."""

import io
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from store import (
    Account,
    AnswerKind,
    Covered,
    Destination,
    DestinationKind,
    Export,
    ExportFilter,
    LoadedFile,
    NewDestination,
    Origin,
    Store,
    StoreError,
    WrongState,
)
from store.destinations import LIST_TOLD_EVERY
from store.dialects import from_now
from store.models import accounts, changes, destinations
from tests.entries import latest_entries
from tests.store.test_undo import applied, undone

ONE, TWO, THREE, FOUR = (f"+1212555010{digit}" for digit in range(4))


class Product:
    """A product that is loaded by hand, by the name of ThruText, and whoever gets its files and loads them."""

    def __init__(self, store: Store, account: Account, by: Origin) -> None:
        self.store, self.account, self.by = store, account.id, by
        wanted = NewDestination(DestinationKind.FILE, "ThruText", "C1", "phones")
        self.id = store.destinations.make(self.account, wanted, by).id

    @property
    def now(self) -> Destination:
        return self.store.destinations.get(self.account, self.id)

    def get(self) -> tuple[int, list[str], Covered]:
        """A file that was given out: the entry of its export, its phones, what it holds."""
        export_filter = ExportFilter("phones", destination=self.id)
        asked = self.store.exports.ask(self.account, self.by, export_filter)
        out = io.StringIO(newline="")
        covered = self.store.exports.write_for_destination(self.account, out, export_filter)
        self.give(asked, covered)
        header, *phones = out.getvalue().split()
        assert header == "phone"
        assert covered.phones == len(phones)
        return asked.entry.id, phones, covered

    def give(self, asked: Export, covered: Covered) -> None:
        export = self.store.exports.claim("me", lease_seconds=60)
        assert export is not None
        assert export.entry == asked.entry
        export = self.store.exports.set_attached(export, "F1", covered)
        assert self.store.exports.finish(export, covered.phones).covered == covered

    def load(self, file: int) -> LoadedFile:
        return self.store.destinations.loaded(self.account, file, self.by)

    def opt_out(self, *phones: str) -> None:
        self.store.optouts.add(self.account, phones, self.by)

    def allow(self, phone: str) -> None:
        self.store.optouts.delete(self.account, phone, self.by)

    def is_told(self) -> bool:
        """Whether its channel is to be told now, and is."""
        claimed = self.store.destinations.claim_untold("me", lease_seconds=60)
        if claimed is not None:
            self.store.destinations.told(claimed)
        return claimed is not None

    def a_day_passes(self) -> None:
        with self.store.database.write() as connection:
            long_ago = from_now(-LIST_TOLD_EVERY.total_seconds() - 1)
            connection.execute(sa.update(destinations).values(told_at=long_ago))

    def knows(self, phone: str) -> bool | None:
        """Whether a look-up says that it has *phone*; None where it says nothing of it."""
        told = [
            one for one in self.store.evidence.answers(self.account, phone) if one.answer is not AnswerKind.NOT_TOLD
        ]
        assert all((one.destination, one.kind) == ("ThruText", "file") for one in told)
        return told[0].answer is AnswerKind.TOOK if told else None


@pytest.fixture
def product(store: Store, account: Account, by_admin: Origin) -> Product:
    return Product(store, account, by_admin)


def test_the_first_file_has_the_list_and_the_next_what_came_since(product: Product) -> None:
    """The state at the time of the file counts; whoever was allowed again since what was loaded is named, not in it."""
    product.opt_out(ONE, TWO, THREE)
    product.allow(THREE)
    first, phones, covered = product.get()
    assert (phones, covered.allowed) == ([ONE, TWO], 0)
    product.load(first)
    product.opt_out(FOUR)
    product.allow(ONE)
    product.opt_out(THREE)
    product.allow(THREE)
    second, phones, covered = product.get()
    assert (phones, covered.allowed, covered.first_allowed) == ([FOUR], 2, (ONE, THREE))
    product.load(second)
    assert product.get()[1] == []
    product.opt_out(ONE)
    assert product.get()[1] == [ONE]


def test_a_phone_that_has_a_reason_left_is_not_said_to_be_allowed(product: Product, account: Account) -> None:
    """One of two reasons undone: the product has it already, and it stays there; a second reason puts it in once more."""
    product.opt_out(ONE)
    work = applied(product.store, account, product.by, [ONE, TWO])
    product.load(product.get()[0])
    undone(product.store, work, product.by)
    _, phones, covered = product.get()
    assert (phones, covered.first_allowed) == ([], (TWO,))
    product.opt_out(ONE)
    assert product.get()[1] == [ONE]


def test_what_is_done_while_it_is_written_is_in_the_next(product: Product) -> None:
    """A file holds the list of one moment, and its cursor is of no later one: nothing falls between two files."""
    product.opt_out(ONE, FOUR)
    asked = product.store.exports.ask(product.account, product.by, ExportFilter("phones", destination=product.id))
    done: list[str] = []

    class Interrupted(io.StringIO):
        def write(self, line: str) -> int:
            if ONE in line and not done:
                done.append(line)
                product.opt_out(TWO)
                product.allow(FOUR)
            return super().write(line)

    out = Interrupted(newline="")
    covered = product.store.exports.write_for_destination(product.account, out, asked.export_filter)
    assert out.getvalue().split() == ["phone", ONE, FOUR]
    product.give(asked, covered)
    product.load(asked.entry.id)
    _, phones, covered = product.get()
    assert (phones, covered.first_allowed) == ([TWO], (FOUR,))


def test_loaded_twice_or_by_two_is_loaded_once(product: Product) -> None:
    """The second time nothing changes, and the history has it once."""
    product.opt_out(ONE)
    file, _, _ = product.get()
    assert product.load(file).newly
    again = product.load(file)
    assert (again.newly, again.phones, again.destination.waiting) == (False, 1, 0)
    entries = [entry for entry in latest_entries(product.store, product.account, 9) if "loaded" in (entry.reason or "")]
    assert [entry.reason for entry in entries] == [f"the file of entry {file} was loaded in ThruText"]


def test_an_older_file_after_a_newer_one_changes_nothing(product: Product) -> None:
    """The cursor never goes back; the other way round, each moves it as far as it holds, and no further."""
    product.opt_out(ONE)
    older, _, _ = product.get()
    product.opt_out(TWO)
    newer, phones, _ = product.get()
    assert phones == [ONE, TWO]
    product.opt_out(THREE)
    assert product.load(older).newly
    assert product.now.waiting == 2
    assert product.load(newer).newly
    assert product.now.waiting == 1
    assert not product.load(older).newly
    assert product.get()[1] == [THREE]


def test_a_file_of_a_removed_destination_is_of_no_use(product: Product) -> None:
    """Neither is one loaded, nor made; one of another account's, or an export of the list, is none at all."""
    product.opt_out(ONE)
    file, _, _ = product.get()
    store, other = product.store, product.store.accounts.get_or_create("T0OTHER", "Other")
    with pytest.raises(WrongState, match="nothing is known"):
        store.destinations.loaded(other.id, file, product.by)
    usual = store.exports.ask(product.account, product.by, ExportFilter("phones"))
    with pytest.raises(WrongState, match="nothing is known"):
        product.load(usual.entry.id)
    store.destinations.remove(product.account, product.id, product.by)
    with pytest.raises(WrongState, match="no such destination"):
        product.load(file)
    with pytest.raises(WrongState, match="no such destination"):
        store.exports.write_for_destination(
            product.account, io.StringIO(), ExportFilter("phones", destination=product.id)
        )
    assert store.exports.get(product.account, file).destination_name is None


def test_the_channel_is_told_once_a_day_of_what_no_file_covers(product: Product) -> None:
    """Of nothing that waits it is told nothing; a file that was given out is enough until something comes after it."""
    assert not product.is_told()
    product.opt_out(ONE)
    assert product.is_told()
    product.opt_out(TWO)
    assert not product.is_told()
    product.a_day_passes()
    assert product.is_told()
    product.a_day_passes()
    file, _, _ = product.get()
    assert not product.is_told()
    assert (product.now.waiting, product.now.file_has_all) == (2, True)
    product.opt_out(THREE)
    assert (product.now.waiting, product.now.file_has_all) == (3, False)
    assert product.is_told()
    product.a_day_passes()
    product.load(file)
    assert product.is_told()
    product.a_day_passes()
    product.load(product.get()[0])
    product.allow(ONE)
    assert not product.is_told(), "nobody new is to be opted out"
    assert (product.now.waiting, product.now.file_at) == (0, None)


def test_a_paused_one_is_told_of_nothing_until_it_goes_on(product: Product) -> None:
    """And is told then, however short a time ago it was told."""
    product.opt_out(ONE)
    assert product.is_told()
    product.store.destinations.pause(product.account, product.id, product.by)
    product.a_day_passes()
    assert not product.is_told()
    product.store.destinations.retry(product.account, product.id, product.by)
    assert product.is_told()


def test_nothing_is_sent_to_it(product: Product) -> None:
    """Whoever passes on never has it in hand."""
    product.opt_out(ONE)
    assert product.store.destinations.claim("me", lease_seconds=60) is None


def test_a_look_up_knows_what_is_loaded(product: Product) -> None:
    """To be loaded until a file that holds it was; a reason taken back is nothing to load, and who is not out is not asked of."""
    product.opt_out(ONE, TWO)
    assert product.knows(ONE) is False
    product.load(product.get()[0])
    assert product.knows(ONE) is True
    product.opt_out(THREE)
    assert (product.knows(ONE), product.knows(THREE), product.knows(FOUR)) == (True, False, None)
    product.opt_out(ONE)
    assert product.knows(ONE) is True, "a second reason makes nobody more opted out"
    product.allow(TWO)
    assert product.knows(TWO) is None


@pytest.mark.parametrize("made_at", [lambda product: product.get(), lambda _product: None])
def test_a_feed_that_does_not_go_back_means_the_whole_list(
    product: Product, made_at: Callable[[Product], object]
) -> None:
    """What was loaded longer ago than changes are kept: the next file is whole again, and what waits is told."""
    product.opt_out(ONE)
    product.load(product.get()[0])
    product.opt_out(TWO)
    made_at(product)
    product.opt_out(THREE)
    with product.store.database.write() as connection:
        head = product.store.changes.head(product.account)
        connection.execute(sa.delete(changes))
        connection.execute(sa.update(accounts).values(pruned_change=head))
    assert (product.now.waiting, product.knows(ONE), product.knows(TWO)) == (3, True, False)
    assert product.is_told()
    file, phones, covered = product.get()
    assert (phones, covered.allowed) == ([ONE, TWO, THREE], 0)
    product.load(file)
    assert (product.now.waiting, product.knows(ONE), product.knows(TWO)) == (0, True, True)


def test_home_is_shown_anew_when_a_file_is_given_out_and_loaded(product: Product) -> None:
    """The version of what is shown changes with both, though the list does not."""
    product.opt_out(ONE)
    versions = [product.store.destinations.version(product.account)]
    file, _, _ = product.get()
    versions.append(product.store.destinations.version(product.account))
    product.opt_out(TWO)
    product.load(file)
    versions.append(product.store.destinations.version(product.account))
    assert len(set(versions)) == 3


def test_a_layout_that_there_is_not_is_refused(store: Store, account: Account, by_admin: Origin) -> None:
    """With those there are."""
    with pytest.raises(StoreError, match="phones or thrutext"):
        store.destinations.make(account.id, NewDestination(DestinationKind.FILE, "X", "C1", "desk"), by_admin)
