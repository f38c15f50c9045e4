"""The store: its verbs, by subject, on one database."""

from store.accounts import Accounts
from store.campaigns import Campaigns
from store.database import BUSY_SECONDS, Database
from store.deliveries import Deliveries
from store.digests import Digests
from store.exports import Exports
from store.history import History
from store.optouts import OptOuts
from store.posts import Posts
from store.summary import Summaries
from store.uploads import Uploads


class Store:
    """The verbs, by subject, on one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.accounts = Accounts(database)
        self.optouts = OptOuts(database)
        self.campaigns = Campaigns(database)
        self.uploads = Uploads(database)
        self.deliveries = Deliveries(database)
        self.posts = Posts(database)
        self.exports = Exports(database)
        self.history = History(database)
        self.digests = Digests(database)
        self.summaries = Summaries(database)

    @classmethod
    def open(cls, url: str, *, busy_seconds: float = BUSY_SECONDS) -> "Store":
        """The store at a SQLAlchemy URL. Touches nothing yet: see `Database.migrate` and `Database.require_head`."""
        return cls(Database(url, busy_seconds=busy_seconds))

    def close(self) -> None:
        """Close every connection."""
        self.database.close()
