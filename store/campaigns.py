"""Campaigns and their conversations, as far as opting out concerns them. The texting platform writes them."""

import sqlalchemy as sa

from store.database import Database
from store.e164 import require_e164
from store.models import campaigns, conversations
from store.optouts import standing
from store.records import Conversation
from store.rows import CONVERSATIONS, read_conversations


class Campaigns:
    """The verbs on campaigns and conversations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, account: int, campaign: str, name: str, active: bool) -> None:
        """Make a campaign, or change its name and whether it is active."""
        statement = self._database.insert(campaigns).values(account_id=account, id=campaign, name=name, active=active)
        with self._database.write() as connection:
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["account_id", "id"], set_={"name": name, "active": active}
                )
            )

    def put_conversation(self, account: int, campaign: str, contact: str, phone: str) -> Conversation:
        """
        Make the conversation with *contact* in a campaign, or change its phone.

        It is opted out at once when the phone is; otherwise a known one with the same phone stays as it is.
        """
        require_e164([phone])
        with self._database.write() as connection:
            # Else the phone could be opted out between the look and the insert, and the conversation stay open.
            self._database.lock_account(connection, account)
            out = connection.execute(standing(self._database, account, [phone])).first() is not None
            statement = self._database.insert(conversations).values(
                account_id=account,
                campaign_id=campaign,
                contact=contact,
                phone=phone,
                state="opted out" if out else "open",
            )
            given = statement.excluded
            same = sa.and_(given.state == "open", conversations.c.phone == given.phone)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["account_id", "campaign_id", "contact"],
                    set_={"phone": given.phone, "state": sa.case((same, conversations.c.state), else_=given.state)},
                )
            )
            query = CONVERSATIONS.where(
                conversations.c.account_id == account,
                conversations.c.campaign_id == campaign,
                conversations.c.contact == contact,
            )
            return read_conversations(connection, query)[0]
