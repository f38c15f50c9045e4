"""Those who may decide: the channel that an account's settings name for it, else its admins, each directly."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.roles import Roles
from store import Account

# Admins who are told directly.
MOST_TOLD: Final = 10


async def tell_deciders(
    roles: Roles, client: AsyncWebClient, account: Account, channel: str | None, tell: Callable[[str], Awaitable[bool]]
) -> bool:
    """
    Have *tell* tell those who may decide, with the id of a channel or a person; whether anybody was reached, as it answers.

    A channel that was archived since, or that the desk was taken out of, keeps it from nobody. Raises `PersonUnknownError`
    while Slack cannot be reached, and what *tell* does.
    """
    if channel and await tell(channel):
        return True
    admins = await roles.admins(client, account, MOST_TOLD)
    return any(await asyncio.gather(*(tell(admin.id) for admin in admins)))
