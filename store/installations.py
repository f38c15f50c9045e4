"""
Installations: the app in the workspaces and organisations that installed it by OAuth, one row an account.

Tokens are sealed by whoever calls (store/token_keys.py); the store never sees one. slack_sdk's own stores for SQLAlchemy keep
a row for each time somebody installed, with the tokens of then, by no account, and let two replicas refresh one token at once.

Where the app was uninstalled the tokens go at once, and what the account has stays for a while: whoever installs it again
finds all as it was.
"""

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from store import leases
from store.database import Database
from store.dialects import from_now
from store.errors import StoreError
from store.leases import Lease
from store.models import accounts, installations, oauth_states
from store.rows import now

# Installations that may be under way at once: anybody can begin one.
MOST_STATES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Installation:
    """
    The app as it is installed for the account of *slack_id*, called *name*, in Slack.

    *team_id*: None where it is installed in the whole organisation *enterprise_id*. *sealed*: its tokens; None once it is
    gone, since *gone_at*. *opted_out*: phones in that account's list. *lease*: of who refreshes its tokens.
    """

    account_id: int
    slack_id: str
    name: str
    team_id: str | None
    enterprise_id: str | None
    bot_id: str | None
    bot_user_id: str
    scopes: str
    installed_by: str
    installed_at: datetime
    sealed: str | None = field(repr=False)
    expires_at: datetime | None
    gone_at: datetime | None
    opted_out: int
    lease: Lease | None = None

    @property
    def is_organisation(self) -> bool:
        return self.team_id is None


@dataclass(frozen=True, slots=True)
class NewInstallation:
    """What Slack said of an installation; the fields as in `Installation`."""

    team_id: str | None
    enterprise_id: str | None
    name: str | None
    bot_id: str | None
    bot_user_id: str
    scopes: str
    installed_by: str
    sealed: str = field(repr=False)
    expires_at: datetime | None = None

    @property
    def slack_id(self) -> str:
        """The id of the account: the workspace, or the whole organisation."""
        slack_id = self.team_id or self.enterprise_id
        assert slack_id is not None  # noqa: S101  the table's own check
        return slack_id


_ALL: Final = sa.select(installations, accounts.c.slack_id, accounts.c.name, accounts.c.opted_out).join(
    accounts, accounts.c.id == installations.c.account_id
)


class Installations:
    """The verbs on installations and on the states of those that are under way."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._served = database.served.among(installations.c.account_id)

    def install(self, new: NewInstallation, *, country: str | None = None) -> Installation:
        """
        Keep *new*, in the place of an earlier one of the same account, whose list is as it was.

        An account that is made now starts with *country* as its default.
        """
        values = {
            "team_id": new.team_id,
            "enterprise_id": new.enterprise_id,
            "bot_id": new.bot_id,
            "bot_user_id": new.bot_user_id,
            "scopes": new.scopes,
            "installed_by": new.installed_by,
            "installed_at": now(),
            "sealed": new.sealed,
            "expires_at": new.expires_at,
            "gone_at": sa.null(),
            "owner": sa.null(),
            "lease_until": leases.FREE,
            "deaths": 0,
        }
        with self._database.write() as connection:
            made = self._database.insert(accounts).values(
                slack_id=new.slack_id, name=new.name or new.slack_id, country=country, settings={}
            )
            name = sa.func.coalesce(sa.cast(new.name, sa.Text), accounts.c.name)
            made = made.on_conflict_do_update(index_elements=["slack_id"], set_={"name": name})
            account = connection.execute(made.returning(accounts.c.id)).scalar_one()
            kept = self._database.insert(installations).values(account_id=account, fence=1, **values)
            # Whoever is just refreshing the tokens of before finds another fence.
            fence = {"fence": installations.c.fence + 1}
            connection.execute(kept.on_conflict_do_update(index_elements=["account_id"], set_=values | fence))
            return _of(connection.execute(_ALL.where(installations.c.account_id == account)).mappings().one())

    def find(self, account: int) -> Installation | None:
        """The installation of an account; None where there was none."""
        return self._find(installations.c.account_id == account)

    def find_of(self, slack_id: str) -> Installation | None:
        """The installation of a workspace's or organisation's id in Slack; None where there was none, or another database has it."""
        return self._find(accounts.c.slack_id == slack_id)

    def _find(self, where: sa.ColumnElement[bool]) -> Installation | None:
        with self._database.read() as connection:
            row = connection.execute(_ALL.where(where, self._served)).mappings().one_or_none()
            return None if row is None else _of(row)

    def list(self) -> tuple[Installation, ...]:
        """All of them, those that are gone too, in the order of their accounts."""
        with self._database.read() as connection:
            query = _ALL.where(self._served).order_by(installations.c.account_id)
            return tuple(_of(row) for row in connection.execute(query).mappings())

    def is_none(self) -> bool:
        """Whether nobody ever installed the app by OAuth."""
        with self._database.read() as connection:
            return connection.execute(sa.select(sa.literal(1)).select_from(installations).limit(1)).first() is None

    def uninstalled(self, account: int, sealed: str) -> bool:
        """
        Forget the tokens of an account whose app is gone; False where they are others than *sealed* by now.

        Slack may say so late, when it is installed again.
        """
        gone = sa.update(installations).where(
            installations.c.account_id == account, installations.c.sealed == sealed, installations.c.gone_at.is_(None)
        )
        values = {"sealed": sa.null(), "expires_at": sa.null(), "gone_at": now()}
        with self._database.write() as connection:
            return connection.execute(gone.values(**values, **leases.given_back())).rowcount > 0

    def resealed(self, account: int, before: str, sealed: str) -> None:
        """Keep the same tokens *sealed* with another key, unless others came since *before*."""
        same = sa.update(installations).where(installations.c.account_id == account, installations.c.sealed == before)
        with self._database.write() as connection:
            connection.execute(same.values(sealed=sealed))

    # Tokens that expire

    def claim_expiring(
        self, within: timedelta, owner: str, *, lease_seconds: float, account: int | None = None
    ) -> Installation | None:
        """
        An installation whose token expires *within* that time, that of *account* if one is named, to refresh it.

        None when there is none, or somebody is at it.
        """
        due = installations.c.expires_at < from_now(within.total_seconds())
        query = sa.select(installations).where(due, installations.c.sealed.is_not(None))
        if account is not None:
            query = query.where(installations.c.account_id == account)
        row = leases.claim(
            self._database,
            installations,
            query.order_by(installations.c.expires_at),
            owner,
            lease_seconds=lease_seconds,
        )
        if row is None:
            return None
        found = self.find(row["account_id"])
        return None if found is None else replace(found, lease=leases.lease_of(row))

    def refreshed(self, installation: Installation, sealed: str, expires_at: datetime | None) -> None:
        """Keep the next tokens of a claimed installation. Raises `LeaseLost`, as `postpone`."""
        self._change(installation, sealed=sealed, expires_at=expires_at, deaths=0, **leases.given_back())

    def postpone(self, installation: Installation, *, seconds: float) -> None:
        """Give a claimed installation back: its tokens could not be refreshed."""
        self._change(installation, deaths=0, **leases.given_back(seconds=seconds))

    def _change(self, installation: Installation, **values: object) -> None:
        assert installation.lease is not None  # noqa: S101  it was claimed
        where = (installations.c.account_id == installation.account_id,)
        with self._database.write() as connection:
            leases.change(connection, installations, where, installation.lease, **values)

    # States

    def new_state(self, seconds: float) -> str:
        """A state for an installation that somebody begins, good once and for *seconds*. Raises `StoreError` when too many are under way."""
        state = secrets.token_urlsafe(24)
        with self._database.write(durable=False) as connection:
            connection.execute(sa.delete(oauth_states).where(oauth_states.c.expires_at <= from_now()))
            under_way = connection.execute(sa.select(sa.func.count()).select_from(oauth_states)).scalar_one()
            if under_way >= MOST_STATES:
                raise StoreError("Too many installations were begun and not ended. Try again in ten minutes.")
            connection.execute(sa.insert(oauth_states).values(state=state, expires_at=from_now(seconds)))
        return state

    def use_state(self, state: str) -> bool:
        """Whether *state* is good, which it is not any more then."""
        used = (
            sa.delete(oauth_states)
            .where(oauth_states.c.state == state)
            .returning(oauth_states.c.expires_at > from_now())
        )
        with self._database.write() as connection:
            return bool(connection.execute(used).scalar_one_or_none())


def _of(row: sa.RowMapping) -> Installation:
    names = (name for name in Installation.__slots__ if name != "lease")
    return Installation(**{name: row[name] for name in names})
