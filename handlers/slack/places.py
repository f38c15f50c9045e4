"""Places, where an answer goes, and requests, which somebody was admitted to make at one."""

from dataclasses import dataclass

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from handlers.permissions import Role
from store import Account, Actor, Cause, Function, Origin

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """
    The place an answer goes to, and how to reach *actor*, who asked.

    *thread_ts*: the thread to answer in, None for a command. *threaded*: the asker acted inside of it, so that it has
    replies: in any other Slack shows nobody what is for one person alone. *response_url*: how to reach the asker alone.
    *message_ts*: the message a button or shortcut belongs to. *ephemeral*: that message is the asker's alone, which
    only its response_url can change.
    """

    actor: Actor
    channel_id: str
    channel_name: str | None = None
    thread_ts: str | None = None
    threaded: bool = False
    message_ts: str | None = None
    response_url: str | None = None
    client: AsyncWebClient
    ephemeral: bool = False

    def origin(
        self,
        function: Function,
        reason: str | None = None,
        *,
        cause: Cause | None = None,
        permalink: str | None = None,
    ) -> Origin:
        """The origin of an entry that is made by *function* on a request at this place."""
        return Origin(
            function,
            self.actor,
            # In App Home there is none: the answer goes to the person.
            channel_id=None if self.channel_id == self.actor.id else self.channel_id,
            channel_name=self.channel_name,
            message_ts=self.message_ts,
            permalink=permalink,
            reason=reason,
            cause=cause,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Place):
    """A request that `Roles` admitted: *actor*, with their name, asks something of *account*, in which they have *role*."""

    account: Account
    role: Role

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN


async def permalink_of(place: Place) -> str | None:
    """The permanent link of the place's message; None where Slack gives none, which stops nothing."""
    if place.message_ts is None:
        return None
    try:
        answer = await place.client.chat_getPermalink(channel=place.channel_id, message_ts=place.message_ts)
    except Exception as error:  # noqa: BLE001  what is done is worth more than its link
        log.warning("no permalink", channel=place.channel_id, error=type(error).__name__)
        return None
    link: str = answer["permalink"]
    return link
