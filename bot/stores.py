"""The store, opened as the settings say. Loads nothing of Slack's: the command line's lists do without."""

from bot.config import Settings
from store import Store


def open_store(settings: Settings) -> Store:
    """
    Open the store with its tables at this program's revision.

    An embedded SQLite file is upgraded here. PostgreSQL may be in use by other replicas, so there it is the operator
    who migrates: `StoreBehind` names the command. Raises `StoreUnavailable` when the database does not answer.
    """
    store = Store.open(settings.database_url)
    try:
        if store.database.dialect.upgrades_at_start:
            store.database.migrate()
        else:
            store.database.require_head()
    except BaseException:
        store.close()
        raise
    return store
