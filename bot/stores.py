"""The store, opened as the settings say. Loads nothing of Slack's: the command line's lists do without."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from bot.config import Settings
from store import Served, Store, identity_of, require_key

# The name of the database that has all accounts but those that have another, in logs and metrics.
DEFAULT = "default"


class Stores:
    """
    The stores of one desk by the names of their databases, `DEFAULT` first.

    A database of accounts of their own is called by the first of their ids. `own` says which account has which.
    """

    def __init__(self, default: Store, own: Mapping[str, Store] = MappingProxyType({})) -> None:
        self.own = own
        names: dict[Store, str] = {}
        for slack_id in sorted(own):
            names.setdefault(own[slack_id], slack_id)
        self.by_name: dict[str, Store] = {DEFAULT: default} | {name: store for store, name in names.items()}
        self._names = {slack_id: names[store] for slack_id, store in own.items()}

    @classmethod
    def open(cls, settings: Settings) -> "Stores":
        """Those of the settings, each of which serves its own accounts; nothing is touched yet."""

        def opened(url: str, served: Served) -> Store:
            return Store.open(url, erase_key=settings.erase_secret, served=served)

        # Two accounts may have one, however it is written.
        accounts: dict[str, list[str]] = {}
        for slack_id, url in settings.databases.items():
            accounts.setdefault(identity_of(url), []).append(slack_id)
        own: dict[str, Store] = {}
        for slack_ids in accounts.values():
            store = opened(settings.databases[slack_ids[0]], Served(frozenset(slack_ids), all_but=False))
            own |= dict.fromkeys(slack_ids, store)
        return cls(opened(settings.database_url, Served(frozenset(own))), own)

    def name_of(self, slack_id: str) -> str:
        """The name of the database that has the account of Slack's id *slack_id*."""
        return self._names.get(slack_id, DEFAULT)

    def close(self) -> None:
        """Close every connection."""
        for store in self.by_name.values():
            store.close()


def open_store(settings: Settings, say: Callable[[str], object] = lambda _line: None, *, slack_id: str = "") -> Store:
    """Open the store that has the account *slack_id*, ready for use: see `make_ready`."""
    store = Store.open(settings.database_of(slack_id), erase_key=settings.erase_secret)
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
        if not store.database.served.has(account.slack_id):
            yield (
                False,
                f"{phones} in the account {account.slack_id} of {where}, which nobody asks: OPTOUT_DATABASES has it elsewhere.",
            )
            continue
        yield account.opted_out > 0, f"{phones} in the account {account.slack_id} of {where}."
    if not any(account.opted_out for account in accounts if store.database.served.has(account.slack_id)):
        setting = "DATABASE_URL" if store.database.served.all_but else "OPTOUT_DATABASES"
        yield False, f"Nobody is opted out in {where}. If somebody should be, stop the desk and see {setting}."
