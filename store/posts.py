"""
What was posted to Slack, each under a key of its own, so that it is there once.

Slack's answer to a post can be lost, and a process can die before it has written it down. Slack tells what was posted
a second way, by an event; whichever way comes first writes the message down here, and the first is the one that counts.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from store.database import Database
from store.models import posts


@dataclass(frozen=True, slots=True)
class Post:
    """A message in Slack."""

    channel_id: str
    ts: str


class Posts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, account: int, key: str) -> Post | None:
        """The message of *key*; None when none is known."""
        query = sa.select(posts.c.channel_id, posts.c.ts).where(posts.c.account_id == account, posts.c.key == key)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Post(*row)

    def keep(self, account: int, key: str, post: Post) -> Post:
        """Keep *post* as the message of *key* unless there is one; the one that is kept."""
        if (known := self.find(account, key)) is not None:
            return known
        statement = (
            self._database.insert(posts)
            .values(account_id=account, key=key, channel_id=post.channel_id, ts=post.ts)
            .on_conflict_do_nothing(index_elements=["account_id", "key"])
            .returning(posts.c.key)
        )
        # What a power cut takes back is learned again from Slack's event, or from whoever reads the channel.
        with self._database.write(durable=False) as connection:
            if connection.execute(statement).first() is not None:
                return post
        known = self.find(account, key)
        assert known is not None  # noqa: S101  nothing deletes them
        return known
