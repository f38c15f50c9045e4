"""Replies that may be a request: shown in the channel that the settings name, and decided there by buttons."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.sandbox import SandboxMessage, State
from store import Actor, Function, Origin, Reply, mask
from store.heard import Heard
from tests.handlers.conftest import ADMINS, TICKETS, Office, on_both_databases
from tests.handlers.test_settings import decide

ONE, TWO = "+12125550100", "+12125550101"
BRIDGE = Origin(Function.API, Actor("key:1", "bridge"))


def hear(office: Office, text: str, message: str = "SM1", sender: str = ONE) -> Heard:
    told = Reply("twilio", message, sender, "12345", text, datetime.now(UTC), campaign="gotv_october")
    return office.store.replies.hear(office.account.id, told, BRIDGE)


async def shown(office: Office, words: str, channel: str = TICKETS) -> SandboxMessage:
    """The message in *channel* that says *words*, once it does."""

    def there(state: State) -> SandboxMessage | None:
        found = [message for message in state.channel(channel).messages if words in str(message.blocks)]
        return found[-1] if found else None

    return await office.people.until(there)


async def asked(office: Office, *texts: str) -> SandboxMessage:
    """The message that shows replies with these *texts*, one a person, in the channel that the settings name."""
    channel = (await office.people.state()).channel(TICKETS).id
    await decide(office, replies_channel=channel)
    for number, text in enumerate(texts):
        hear(office, text, f"SM{number}", f"+121255501{number:02}")
    office.service.desk.reviewing.loop.poke()
    return await shown(office, texts[0].partition(",")[0])


@on_both_databases
async def test_a_person_decides(office: Office) -> None:
    """The message quotes what was written, with the campaign and a masked number; it says who decided, and what, to all."""
    message = await asked(office, "please stop, <!channel> I *voted*", "wrong number")
    text = str(message.blocks)
    assert "*2 people who may want no more texts wait for a decision*" in text
    assert "gotv_october" in text
    assert mask(ONE) in text
    assert ONE not in text
    assert "<!channel>" not in text
    told = len((await office.people.state()).ephemerals("support"))
    await office.press("support", message, "reply.out")
    assert "Opted out by support." in (await office.told("support", told)).text
    settled = await shown(office, "Opted out by support.")
    assert settled.ts == message.ts
    assert "*1 person who may want no more texts waits for a decision*" in str(settled.blocks)
    [opt_out] = office.store.optouts.find(office.account.id, ONE).standing
    assert (opt_out.entry.function, opt_out.entry.actor.name) == (Function.BUTTON, "support")
    assert opt_out.entry.reason == 'they replied "please stop, <!channel> I *voted*"'
    await office.press("admin", settled, "reply.not")
    settled = await shown(office, "admin decided: no request.")
    assert "Decided: nobody waits here any more." in str(settled.blocks)
    assert not office.store.optouts.find(office.account.id, TWO).opted_out
    await office.press("support", settled, "reply.out")
    await shown(office, "Opted out by support.")
    assert office.store.optouts.find(office.account.id, TWO).opted_out, "after all"


async def test_whoever_is_second_is_told_who_decided(office: Office) -> None:
    """A press of the buttons as they were changes nothing any more."""
    message = await asked(office, "please stop, I voted")
    [waiting] = office.store.replies.waiting(office.account.id)
    by = replace(BRIDGE, function=Function.BUTTON, actor=await office.actor("admin"))
    office.store.replies.decide(office.account.id, waiting.id, by, opt_out=False)
    told = len((await office.people.state()).ephemerals("support"))
    await office.press("support", message, "reply.out")
    said = (await office.told("support", told)).text
    assert "admin decided: no request." in said
    assert "before your press" in said
    assert not office.store.optouts.find(office.account.id, ONE).opted_out
    await shown(office, "admin decided: no request.")


@pytest.mark.wide
async def test_a_reply_is_looked_up(office: Office) -> None:
    """Whoever presses sees, alone, how the number stands; an admin can allow texts again from there."""
    message = await asked(office, "please stop, I voted")
    await office.opt_out(ONE)
    told = len((await office.people.state()).ephemerals("admin"))
    await office.press("admin", message, "reply.look")
    looked_up = await office.told("admin", told)
    assert "is opted out" in looked_up.text
    assert "optout.delete" in str(looked_up.blocks)


async def test_start_where_something_else_stands(office: Office) -> None:
    """It says that something else keeps them out, and offers no second opt-out."""
    await office.opt_out(ONE)
    message = await asked(office, "START")
    assert "Something else than such a reply keeps them opted out." in str(message.blocks)
    assert "reply.out" not in str(message.blocks)
    await office.press("admin", message, "reply.not")
    await shown(office, "admin decided: no request.")
    assert office.store.optouts.find(office.account.id, ONE).opted_out


@pytest.mark.wide
async def test_without_a_channel_of_their_own_they_come_to_that_of_lists(office: Office) -> None:
    """Where the settings name one."""
    await decide(office, waiting_channel=(await office.people.state()).channel(ADMINS).id)
    hear(office, "please stop, I voted")
    office.service.desk.reviewing.loop.poke()
    assert "I voted" in str((await shown(office, "I voted", ADMINS)).blocks)


def direct(state: State, user: str, words: str) -> SandboxMessage | None:
    """The message of the desk's to *user* directly that says *words*."""
    channel = state.direct(user)
    found = [message for message in channel.messages if words in str(message.blocks)] if channel else []
    return found[-1] if found else None


@pytest.mark.wide
@on_both_databases
@pytest.mark.parametrize("archived", [False, True])
async def test_without_a_channel_they_come_to_the_admins(office: Office, archived: bool) -> None:
    """Each has the message directly, also where the channel takes nothing any more; what one decides stands in all of them."""
    if archived:
        channel = (await office.people.state()).channel(TICKETS).id
        await decide(office, replies_channel=channel)
        await office.people.update_channel(channel, is_archived=True)
    hear(office, "please stop, I voted")
    office.service.desk.reviewing.loop.poke()
    first = await office.people.until(lambda state: direct(state, "admin", "I voted"))
    second = await office.people.until(lambda state: direct(state, "second-admin", "I voted"))
    assert ONE not in str((first.blocks, second.blocks))
    await office.press("admin", first, "reply.not")
    for user in ("admin", "second-admin"):
        await office.people.until(lambda state, user=user: direct(state, user, "admin decided: no request."))  # type: ignore[misc]
    await office.press("second-admin", second, "reply.out")
    for user in ("admin", "second-admin"):
        await office.people.until(lambda state, user=user: direct(state, user, "Opted out by second-admin."))  # type: ignore[misc]
    assert office.store.optouts.find(office.account.id, ONE).opted_out


@pytest.mark.wide
async def test_who_is_allowed_texts_again_waits_no_more(office: Office) -> None:
    """A START on which an admin had to look is settled, and its message says so, once texts are allowed again elsewhere."""
    await office.opt_out(ONE)
    await asked(office, "START")
    by = Origin(Function.COMMAND, await office.actor("admin"), reason="they wrote START")
    office.store.optouts.delete(office.account.id, ONE, by)
    office.service.desk.reviewing.loop.poke()
    settled = await shown(office, "Texts are allowed again since")
    assert "reply.not" not in str(settled.blocks)


async def test_who_asks_in_plain_words_since_waits_no_more(office: Office) -> None:
    """The message says so by itself."""
    await asked(office, "please stop, I voted")
    hear(office, "STOP", "SM9")
    office.service.desk.reviewing.loop.poke()
    settled = await shown(office, "Asked in plain words since, and is opted out.")
    assert "reply.out" not in str(settled.blocks)


async def test_a_campaign_is_shown_by_its_name(office: Office) -> None:
    """Where the platform told it; else by its id."""
    office.store.campaigns.put(office.account.id, "gotv_october", "GOTV *October*", active=True)
    message = await asked(office, "please stop, I voted")
    assert "gotv_october" not in str(message.blocks)
    assert "replied in GOTV" in str(message.blocks)
