"""The store, opened as the settings say. Loads nothing of Slack's: the command line's lists do without."""

from collections.abc import Callable, Iterator

from bot.config import Settings
from store import Store, require_key


def open_store(settings: Settings, say: Callable[[str], object] = lambda _line: None) -> Store:
    """Open the store, ready for use: see `make_ready`."""
    store = Store.open(settings.database_url, erase_key=settings.erase_secret)
    try:
        make_ready(store, say)
    except BaseException:
        store.close()
        raise
    return store


def make_ready(store: Store, say: Callable[[str], object]) -> None:
    """
    Have the tables of *store* at this program's revision.

    An embedded SQLite file is made or upgraded here, and closed to other users. PostgreSQL may be in use by other replicas,
    so there it is the operator who migrates: `StoreBehind` names the command. *say* gets what an operator should know, a
    sentence each. Raises `StoreUnavailable` when the database does not answer.
    """
    dialect = store.database.dialect
    new = not dialect.exists()
    if dialect.upgrades_at_start:
        before = store.database.revision()
        store.database.migrate()
        if before not in {None, head := store.database.head()}:
            say(
                f"The tables of {dialect.where} were at {before} and are at {head} now. A desk of before does not work on them any more."
            )
    else:
        store.database.require_head()
    require_erase_key(store)
    if new:
        say(f"A new, empty list was made: {dialect.where}.")
    if (readers := dialect.open_to()) is not None:
        try:
            dialect.tighten()
        except OSError as error:
            say(f"{dialect.where} can be read by {readers}, and cannot be closed to them: {error.strerror}.")
        else:
            say(f"{dialect.where} could be read by {readers}. It is closed to them now.")


def require_erase_key(store: Store) -> None:
    """Raise `StoreError` where numbers were erased by a key that *store* was not opened with: they would count as never heard of."""
    if checks := store.erasures.checks():
        require_key(store.database.erase_key, checks)


def described(store: Store) -> Iterator[tuple[bool, str]]:
    """
    What is in the list, a sentence for each account, and whether anybody is opted out there.

    An empty list looks like any other; whoever should have one has to be told.
    """
    where = store.database.dialect.where
    accounts = store.accounts.list()
    for account in accounts:
        phones = f"{account.opted_out:,} phone{' is' if account.opted_out == 1 else 's are'} opted out"
        if erased := store.erasures.count(account.id):
            phones += f", and {erased:,} erased,"
        yield account.opted_out > 0, f"{phones} in the account {account.slack_id} of {where}."
    if not any(account.opted_out for account in accounts):
        yield False, f"Nobody is opted out in {where}. If somebody should be, stop the desk and see DATABASE_URL."
