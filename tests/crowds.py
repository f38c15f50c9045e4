"""A crowd: many people of one workspace, who press the same button."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import EmbeddedSlack, SandboxClient, SandboxMessage, State
from bot.sandbox.delivery import ACK_LIMIT
from bot.sandbox.workspace import new_id
from handlers.slack.acknowledge import STILL_WORKING


def admins(slack: EmbeddedSlack, channel: str, count: int) -> list[str]:
    """The handles of *count* more admins, who are in *channel*."""
    workspace = slack.platform.workspace
    names = [f"admin-{n}" for n in range(count)]
    people = [replace(workspace.user("admin"), id=new_id("U"), handle=name, display_name=name) for name in names]
    workspace.users |= {person.id: person for person in people}
    workspace.channel(channel).members += [person.id for person in people]
    return [person.handle for person in people]


async def keep_button(slack: EmbeddedSlack, message: SandboxMessage, action_id: str) -> str:
    """
    Post the button *action_id* of *message* once more into its thread; the words of that post.

    The button goes with the first yes, and the crowd had it on their screens by then.
    """
    button = message.button(action_id)
    text = {"type": "plain_text", "text": button.text}
    element = {"type": "button", "action_id": action_id, "text": text, "value": button.value}
    await AsyncWebClient(slack.bot_token, base_url=slack.api_url).chat_postMessage(
        channel=message.channel,
        thread_ts=message.thread_ts,
        text="as it was",
        blocks=[{"type": "actions", "elements": [element]}],
    )
    return "as it was"


async def press_all(
    slack: EmbeddedSlack, people: SandboxClient, crowd: Sequence[str], message: SandboxMessage, action_id: str
) -> Counter[str]:
    """
    Have all of *crowd* press the button at once; how often each did until they saw that it was taken.

    Slack shows an error to whom it got no acknowledgement for in 3 s, for which Bolt waits no longer either. They press once
    more then, one after the other, as people do: so that a slow machine answers in time, too.
    """
    slack.platform.feed.courier.ack_limit = ACK_LIMIT
    outcomes = await asyncio.gather(*(people.click(one, message, action_id) for one in crowd))
    presses = Counter(crowd)
    for one in (one for one, outcome in zip(crowd, outcomes, strict=True) if not outcome.ok):
        presses[one] += 1
        while not (await people.click(one, message, action_id)).ok:
            presses[one] += 1
    return presses


async def refusals(people: SandboxClient, presses: Counter[str]) -> set[str]:
    """What those were told who pressed, once all *presses* but the one that did it are answered."""

    def told(state: State) -> set[str] | None:
        found = {who: [one.text for one in state.ephemerals(who) if one.text != STILL_WORKING] for who in presses}
        answered = sum(map(len, found.values()))
        return {text for texts in found.values() for text in texts} if answered == presses.total() - 1 else None

    return await people.until(told, timeout=120)
