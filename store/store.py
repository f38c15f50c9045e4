"""The store: its verbs, by subject, on one database."""

from datetime import datetime

import sqlalchemy as sa

from store.accounts import Accounts
from store.allow_requests import AllowRequests
from store.backlog import Backlog
from store.campaigns import Campaigns
from store.changes import ChangeFeed
from store.database import BUSY_SECONDS, Database
from store.destinations import Destinations
from store.dialects import from_now
from store.digests import Digests
from store.erased import EraseKey
from store.erasing import Erasures
from store.evidence import Evidences
from store.exports import Exports
from store.figures import Figures, figures_of
from store.handovers import Handovers
from store.heard import HeardReplies
from store.history import History
from store.hooks import Hooks
from store.inbox import Inbox
from store.installations import Installations
from store.keys import Keys
from store.optouts import OptOuts
from store.outbox import Outbox
from store.sent_files import SentFiles
from store.served import ALL, Served
from store.summary import Summaries
from store.uploads import Uploads


class Store:
    """The verbs, by subject, on one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.accounts = Accounts(database)
        self.optouts = OptOuts(database)
        self.allow_requests = AllowRequests(database)
        self.campaigns = Campaigns(database)
        self.replies = HeardReplies(database)
        self.uploads = Uploads(database)
        self.sent_files = SentFiles(database)
        self.installations = Installations(database)
        self.inbox = Inbox(database)
        self.outbox = Outbox(database)
        self.exports = Exports(database)
        self.handovers = Handovers(database)
        self.history = History(database)
        self.evidence = Evidences(database)
        self.erasures = Erasures(database)
        self.keys = Keys(database)
        self.hooks = Hooks(database)
        self.changes = ChangeFeed(database)
        self.destinations = Destinations(database, self.changes)
        self.digests = Digests(database)
        self.summaries = Summaries(database)

    @classmethod
    def open(
        cls, url: str, *, busy_seconds: float = BUSY_SECONDS, erase_key: str | None = None, served: Served = ALL
    ) -> "Store":
        """
        The store at a SQLAlchemy URL. Touches nothing yet: see `Database.migrate` and `Database.require_head`.

        *erase_key*: the secret of the hashes of erased numbers, which need it: see `store.erased`. *served*: the accounts that
        are worked on, and asked and told by keys, hooks and Slack's ids; of others that are there no verb finds any of these.
        """
        key = None if erase_key is None else EraseKey(erase_key)
        return cls(Database(url, busy_seconds=busy_seconds, erase_key=key, served=served))

    def now(self) -> datetime:
        """The moment it is, by the database's clock: one for all replicas."""
        with self.database.read() as connection:
            return connection.execute(sa.select(from_now())).scalar_one()

    def backlogs(self) -> dict[str, Backlog]:
        """The backlogs, by the table of work: "inbox", "outbox", "exports"."""
        return {"inbox": self.inbox.backlog(), "outbox": self.outbox.backlog(), "exports": self.exports.backlog()}

    def figures(self) -> Figures:
        """The figures of all accounts together."""
        return figures_of(self.database)

    def close(self) -> None:
        """Close every connection."""
        self.database.close()
