"""What is said to the desk: a mention in a thread, or a message to it alone."""

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox import SandboxMessage, State
from handlers.entered import LONGEST_TEXT
from handlers.mentions import intent_of
from handlers.permissions import Action
from store import Function
from tests.entries import latest_entries
from tests.handlers.conftest import ADMINS, TICKETS, Office, on_both_databases
from tests.handlers.slack.test_inbox import all_done

ONE, TWO, THREE = "+12125550100", "+12125550101", "+12125550102"
BOT = "U0BOT"


async def say(
    office: Office, text: str, *, user: str = "support", channel: str = TICKETS, thread: str | None = None
) -> str:
    outcome = await office.people.message(user, channel, f"@optout {text}", thread_ts=thread)
    assert outcome.ts is not None
    return outcome.ts


async def answers(office: Office, text: str, *, user: str = "support", replies: int = 1) -> list[SandboxMessage]:
    """Say *text* with a mention, and wait for the answer in its thread."""
    return (await office.replies_to(await say(office, text, user=user), replies)).thread


async def alone(office: Office, text: str, *, user: str = "support", thread: str | None = None) -> SandboxMessage:
    """Say *text* with a mention, and wait for the answer that *user* alone sees."""
    before = len((await office.people.state()).ephemerals(user))
    await say(office, text, user=user, thread=thread)
    return await office.told(user, before)


async def directly(office: Office, user: str, text: str) -> SandboxMessage:
    """Write *text* to the desk alone, and wait for its answer."""
    outcome = await office.people.message(user, "@bot", text)
    assert outcome.ok, outcome

    def answered(state: State) -> SandboxMessage | None:
        channel = state.direct(user)
        found = [m for m in (channel.messages if channel else ()) if m.user == office.slack.bot_user_id]
        return found[-1] if found else None

    return await office.people.until(answered)


def entries(office: Office) -> int:
    return len(latest_entries(office.store, office.account.id, 100))


# Understanding


@pytest.mark.parametrize(
    "text",
    [
        "<@U0BOT> opt out 212-555-0100",
        "<@U0BOT> opt-out 212-555-0100 because asked twice",
        "<@U0BOT|optout> please add (212) 555-0100 reason: asked twice",
        "hi <@U0BOT>, stop 2125550100!",
        "<@U0BOT> stop texting 212-555-0100, thanks",
        "opt out <tel:+12125550100|212-555-0100> <@U0BOT>",
        "<@U0BOT> *opt out* these numbers: 212-555-0100 and 212-555-0100",
        "<@U0BOT> opt out (212) 555-0100 (212) 555-0100 because she asked",
        "<@U0BOT> opt out ２１２－５５５－０１００",
    ],
)
def test_a_request_to_opt_out(text: str) -> None:
    """A verb, numbers, and at most words that mean nothing: the numbers before the reason are opted out."""
    intent = intent_of(text, BOT, "US")
    assert intent.action is Action.ADD
    assert [phone.number.e164 for phone in intent.phones] == [ONE]
    assert intent.unread == ()


@pytest.mark.parametrize(
    "text",
    [
        "<@U0BOT> is 212-555-0100 opted out?",
        "<@U0BOT> 212-555-0100",
        "<@U0BOT> don't opt out 212-555-0100",
        "please do not <@U0BOT> opt out 212-555-0100",
        "did <@U0BOT> opt out 212-555-0100",
        "<@U0BOT> opt out 212-555-0100?",
        "<@U0BOT> opt out status of 212-555-0100",
        "<@U0BOT> opt out everyone but 212-555-0100",
        "<@U0BOT> opted out: 212-555-0100",
        "<@U0BOT> ~opt out 212-555-0100~",
        "<@U0BOT>\n&gt; opt out 212-555-0100",
        "<@U0BOT> she said stop 212-555-0100",
        "<@U0BOT> stopped 212-555-0100",
        "<@U0BOT> opt out because 212-555-0100",
        "<@U0BOT> delete everything about 212-555-0100",
        "<@U0BOT> opt in or opt out 212-555-0100",
    ],
)
def test_a_doubt_changes_nothing(text: str) -> None:
    """Questions, denials, quotes and anything else that is not plainly a request are looked up."""
    intent = intent_of(text, BOT, "US")
    assert intent.action is Action.SEARCH
    assert [phone.number.e164 for phone in intent.all_phones] == [ONE]


@pytest.mark.parametrize(
    "text", ["delete 212-555-0100", "opt in 212-555-0100 because wrong number", "opt back in 2125550100"]
)
def test_a_request_to_opt_in(text: str) -> None:
    """Deleting and opting in are one thing."""
    assert intent_of(f"<@{BOT}> {text}", BOT, "US").action is Action.DELETE


def test_what_is_no_number_is_named() -> None:
    """A number with too few digits between others is not passed over in silence."""
    intent = intent_of(f"<@{BOT}> opt out 212-555-0100, 12345", BOT, "US")
    assert intent.action is Action.ADD
    assert [one.text for one in intent.unread] == ["12345"]


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    "piece", ["a1", "1 ", "a ", "<@U0BOT|", "reason ", "opt out ", "212-555-0100 ", "<tel:", "opt"]
)
def test_hostile_words_are_not_slow(piece: str) -> None:
    """As many of the worst words as fit into a message are understood in a moment."""
    began = time.process_time()
    intent_of(f"<@{BOT}> opt out {piece * (40_000 // len(piece))}", BOT, "US")
    assert time.process_time() - began < 5


@given(st.text())
def test_nothing_said_is_an_error(text: str) -> None:
    """Whatever is said is understood as something."""
    assert intent_of(text, BOT, "US").action in {Action.SEARCH, Action.ADD, Action.DELETE}


# Mentions


async def test_a_number_is_looked_up(office: Office) -> None:
    """A mention with a number is answered in its thread with what a search says."""
    await office.opt_out(ONE, reason="called us")
    [found] = await answers(office, "(212) 555-0100")
    assert found.text.startswith("*(212) 555-0100 is opted out*: _Opted out by hand by admin")
    assert "called us" in found.text
    assert "looked up by support" in found.all_text
    [other] = await answers(office, "is 212-555-0101 opted out?")
    assert other.text == "*(212) 555-0101 is not opted out.* It is not on this list and never was."
    assert other.button("optout.add").value == TWO


async def test_in_a_ticket_s_thread(office: Office) -> None:
    """The answer to a reply goes to the thread the reply stands in."""
    root = await office.people.message("support", TICKETS, "Ticket 4711")
    assert root.ts is not None
    await say(office, "212-555-0100", thread=root.ts)
    thread = (await office.replies_to(root.ts, 2)).thread
    assert "is not opted out" in thread[1].text


async def test_several_are_one_answer(office: Office) -> None:
    """Each of several numbers has its line, with its state and the reason."""
    await office.opt_out(TWO, reason="called us")
    [answer] = await answers(office, "212-555-0100 or 212-555-0101 or 212-555-0102?")
    lines = answer.text.split("\n")
    assert [line.partition("*:")[0] for line in lines] == [
        "*(212) 555-0100 is not opted out.*",
        "*(212) 555-0101 is opted out",
        "*(212) 555-0102 is not opted out.*",
    ]
    assert "called us" in lines[1]
    await office.press("support", answer, "optout.add")
    for phone in (ONE, THREE):
        assert office.store.optouts.find(office.account.id, phone).opted_out
    assert len(office.store.optouts.find(office.account.id, TWO).standing) == 1


@pytest.mark.wide
async def test_too_many_are_counted(office: Office) -> None:
    """Fifty are looked up; the others are counted, with what to do about them."""
    numbers = " ".join(f"212555{n:04}" for n in range(60))
    answer, detail = await answers(office, numbers, replies=2)
    assert answer.text == "*0 of 50 phones are opted out*"
    assert detail.all_text.count("*Not opted out*") == 2
    assert "(212) 555-0049" in detail.all_text
    assert "10 more were not looked up" in answer.all_text
    refused = await alone(office, f"opt out {numbers}")
    assert "one message opts out up to 50, and nothing was changed" in refused.text
    assert entries(office) == 0


async def test_a_mention_opts_out(office: Office) -> None:
    """The entry says who, where, why, and which message asked for it."""
    ts = await say(office, "opt out 212-555-0100 and 12345 because she asked *twice* &lt;angry&gt;")
    [answer] = (await office.replies_to(ts, 1)).thread
    assert answer.text.startswith("*(212) 555-0100 opted out*: she asked ∗twice∗")
    assert " · by support\n`12345` is not a phone number" in answer.text
    entry = office.store.optouts.find(office.account.id, ONE).standing[0].entry
    assert (entry.function, entry.actor) == (Function.MENTION, await office.actor("support"))
    assert (entry.channel_name, entry.message_ts) == (TICKETS, ts)
    assert entry.permalink is not None
    assert entry.permalink.endswith(f"p{ts.replace('.', '')}")
    assert entry.reason is not None
    assert entry.reason.startswith("she asked *twice*")


async def test_without_a_link(office: Office) -> None:
    """A link that Slack does not give is no obstacle."""
    await office.people.fault(method="chat.getPermalink", fault="html", times=-1)
    await answers(office, "stop 212-555-0100")
    assert office.store.optouts.find(office.account.id, ONE).standing[0].entry.permalink is None


@pytest.mark.wide
async def test_a_doubtful_request_says_so(office: Office) -> None:
    """Who may have meant to opt out is told that nobody was, and how to say it."""
    [answer] = await answers(office, "opt out John, 212-555-0100")
    assert "is not opted out" in answer.text
    assert "Only looked up" in answer.all_text
    assert entries(office) == 0


async def test_a_doubt_has_a_button(office: Office) -> None:
    """What was nearly asked for is asked about: the button says whom it opts out and why, does just that, and is gone then."""
    [asked] = await answers(office, "opt out Maria, 212-555-0100, she asked *twice* <b>")
    assert asked.text == "*(212) 555-0100 is not opted out.*"
    assert "Only looked up" in asked.all_text
    button = asked.button("optout.add")
    assert button.text == "Opt out (212) 555-0100 · she asked *twice* <b>"
    assert entries(office) == 0
    await office.press("admin", asked, "optout.add")
    entry = office.store.optouts.find(office.account.id, ONE).standing[0].entry
    assert (entry.function, entry.actor) == (Function.BUTTON, await office.actor("admin"))
    assert entry.reason == "she asked *twice* <b>"

    def settled(state: State) -> bool:
        message = state.message(asked.ts)
        return message is not None and not message.buttons and "Opted out by admin." in message.all_text

    await office.people.until(settled)
    [again] = await answers(office, "could you opt out 212-555-0100?")
    assert "nothing is left to opt out" in again.all_text
    assert again.buttons == []


async def test_a_doubt_about_several_has_one_button(office: Office) -> None:
    """All of them by one entry; one that is out already is left as it is."""
    await office.opt_out(TWO)
    [asked] = await answers(office, "can you opt out 212-555-0100, 212-555-0101 and 212-555-0102? They asked")
    assert asked.button("optout.add").text.startswith("Opt out 2 phones")
    before = entries(office)
    await office.press("support", asked, "optout.add")
    assert entries(office) == before + 1
    found = office.store.optouts.find_many(office.account.id, [ONE, TWO, THREE])
    assert [len(found[phone].standing) for phone in (ONE, TWO, THREE)] == [1, 1, 1]


async def test_fifty_of_the_longest_fit_into_a_button(office: Office) -> None:
    """As many as fit into a message, with the longest reason that there can be."""
    numbers = [f"+4915120127{n:03}" for n in range(50)]
    reason = 'because "' + '"\\' * 245
    [asked] = await answers(office, f"would you opt out {', '.join(numbers)} {reason}")
    await office.press("support", asked, "optout.add")
    assert office.store.optouts.count(office.account.id) == 50
    entry = office.store.optouts.find(office.account.id, numbers[0]).standing[0].entry
    assert entry.reason is not None
    assert len(entry.reason) > 450


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    "text",
    [
        "don't opt out 212-555-0100",
        "opt out 212-555-0100, never mind",
        "she said stop texting 212-555-0100",
        "if she asks, opt out 212-555-0100",
        "no dar de baja a 212-555-0100",
    ],
)
async def test_the_opposite_is_not_offered(office: Office, text: str) -> None:
    """What was told not to do, or what somebody else said, has no button that does it."""
    [answer] = await answers(office, text)
    assert "*(212) 555-0100 is not opted out.*" in answer.all_text
    assert "Only looked up" in answer.all_text
    assert answer.buttons == []
    assert entries(office) == 0


@pytest.mark.wide
async def test_what_looks_like_a_number_is_named(office: Office) -> None:
    """Beside what is done and beside what is looked up; what stands behind "ticket" is shown and not acted on."""
    [answer] = await answers(office, "opt out 212-555-0100, 555-0199, #4155550163")
    assert answer.text.startswith("*(212) 555-0100 opted out")
    assert "555-0199` is not a phone number" in answer.text
    assert "4155550163` is not a phone number" in answer.text
    [looked_up] = await answers(office, "555-0199 or ticket 4155550163?")
    assert "555-0199` is not a phone number" in looked_up.all_text
    assert "(415) 555-0163" in looked_up.all_text
    assert "behind ticket" in looked_up.all_text
    assert looked_up.buttons == []
    nothing = await alone(office, "opt out 555-0199")
    assert nothing.text.startswith("I found no phone number in that, and nothing was changed.")
    assert "555-0199` is not a phone number" in nothing.all_text


@pytest.mark.wide
async def test_what_goes_on_unread_changes_nothing(office: Office) -> None:
    """Of a message longer than any is, what was read is looked up, and who sent it is told that the rest was not."""
    assert intent_of(f"opt out 212-555-0100{' ' * LONGEST_TEXT}", BOT, "US").action is Action.SEARCH
    long = f"opt out 212-555-0100 {'please ' * (LONGEST_TEXT // 7)} 212-555-0101"
    [answer] = await answers(office, long)
    assert "is not opted out" in answer.all_text
    assert "Only the first 40,000 characters were read, and nothing was changed." in answer.all_text
    answer = await directly(office, "support", "please " * (LONGEST_TEXT // 7 + 1) + "212-555-0101")
    assert answer.all_text.startswith("I found no phone number in that")
    assert "Only the first 40,000 characters were read" in answer.all_text
    assert entries(office) == 0


async def test_a_mention_asks_to_opt_in(office: Office) -> None:
    """An admin gets the question with its button; a member a no that names who may."""
    await office.opt_out(ONE)
    thread = await answers(office, "opt in 212-555-0100 because wrong number", user="admin")
    assert thread[0].text.startswith("*Allow texts to (212) 555-0100 again?*")
    assert office.store.optouts.find(office.account.id, ONE).opted_out
    await office.press("admin", thread[0], "optout.delete")
    lifted = office.store.optouts.find(office.account.id, ONE).opt_outs[0].lifted
    assert lifted is not None
    assert lifted.reason == "wrong number"
    await say(office, "delete 212-555-0100")
    assert (await office.told("support")).text.startswith("Only admins can allow texts again.")
    several = await alone(office, "delete 212-555-0100 212-555-0101", user="admin")
    assert several.text == (
        "Texts are allowed again one number at a time, and nothing was changed. "
        f"Send `/optout delete {ONE}` then `/optout delete {TWO}`."
    )


async def test_without_a_number(office: Office) -> None:
    """Who mentions it without a number gets the pointer, who asks without one is told that none was found: each alone."""
    ts = await say(office, "hello")
    pointer = await office.told("support")
    assert "Drop a CSV with a column called `phone`" in pointer.all_text
    nothing = await alone(office, "opt out 5550100")
    assert nothing.text.startswith("I found no phone number in that, and nothing was changed.")
    # In a thread with replies it is shown there, in any other only in the channel.
    thread = (await office.people.message("admin", TICKETS, "hello again", thread_ts=ts)).ts
    assert thread is not None
    there = await alone(office, "opt out 5550100", thread=ts)
    assert [one.thread_ts for one in (pointer, nothing, there)] == [None, None, ts]
    assert len((await office.replies_to(ts, 2)).thread) == 2


@pytest.mark.wide_but_first
@pytest.mark.parametrize("fault", ["duplicate", "late"])
async def test_delivered_twice(office: Office, fault: str) -> None:
    """However often Slack sends the mention, it opts out once and is answered once."""
    await office.people.fault(delivery="event", fault=fault, times=-1, seconds=0.2)
    ts = await say(office, "opt out 212-555-0100")
    await office.replies_to(ts, 1)
    await all_done(office)
    assert entries(office) == 1
    assert len((await office.people.state()).replies(ts)) == 1


FORWARDED = {
    "is_share": True,
    "text": "please stop: 212-555-0101",
    "fallback": "please stop: 212-555-0101",
    "message_blocks": [
        {"message": {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "please stop: 212-555-0101"}}]}}
    ],
}


@pytest.mark.wide
@pytest.mark.parametrize("text", ["opt out", "stop texting these", "look", "212-555-0100?"])
async def test_a_mention_that_forwards_a_message(office: Office, text: str) -> None:
    """Numbers in somebody else's words are looked up, whatever is said beside them."""
    posted = await office.people.message("support", TICKETS, f"@optout {text}", attachments=[FORWARDED])
    assert posted.ts is not None
    said = (await office.replies_to(posted.ts, 1)).thread[0].all_text
    assert "(212) 555-0101" in said
    assert "not opted out" in said
    assert ("(212) 555-0100" in said) is ("0100" in text)
    assert entries(office) == 0


async def test_a_plain_request_beside_a_forwarded_message(office: Office) -> None:
    """What the person typed is done; of the numbers that they forwarded nothing comes."""
    text = "@optout opt out 212-555-0100 because of this"
    posted = await office.people.message("support", TICKETS, text, attachments=[FORWARDED])
    assert posted.ts is not None
    await office.replies_to(posted.ts, 1)
    assert office.store.optouts.find(office.account.id, ONE).opted_out
    assert not office.store.optouts.find(office.account.id, TWO).opted_out


@pytest.mark.wide
async def test_a_number_that_is_bold_in_part(office: Office) -> None:
    """The request is what people see, whatever is bold in it; a quoted number is somebody else's."""
    bot = {"type": "user", "user_id": office.slack.bot_user_id}

    def typed(*pieces: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [bot, *pieces]}]}]

    cut = typed(
        {"type": "text", "text": " opt out 212-555-010"}, {"type": "text", "text": "0", "style": {"bold": True}}
    )
    posted = await office.people.message("support", TICKETS, "@optout opt out 212-555-010*0*", blocks=cut)
    assert posted.ts is not None
    await office.replies_to(posted.ts, 1)
    assert office.store.optouts.find(office.account.id, ONE).opted_out
    quoting = typed({"type": "text", "text": " opt out"})
    quote = {"type": "rich_text_quote", "elements": [{"type": "text", "text": "212-555-0101"}]}
    quoting[0]["elements"].append(quote)
    asked = await office.people.message("support", TICKETS, "@optout opt out\n> 212-555-0101", blocks=quoting)
    assert asked.ts is not None
    assert "Only looked up" in (await office.replies_to(asked.ts, 1)).thread[0].all_text
    assert not office.store.optouts.find(office.account.id, TWO).opted_out


async def test_a_message_forwarded_to_the_desk(office: Office) -> None:
    """In a direct message, numbers of what is forwarded are looked up too."""
    assert (await office.people.message("support", "@bot", "and this?", attachments=[FORWARDED])).ok

    def answered(state: State) -> SandboxMessage | None:
        channel = state.direct("support")
        found = [m for m in (channel.messages if channel else ()) if m.user == office.slack.bot_user_id]
        return found[-1] if found else None

    assert "(212) 555-0101" in (await office.people.until(answered)).all_text
    assert entries(office) == 0


@pytest.mark.wide
@on_both_databases
async def test_a_mention_added_by_an_edit(office: Office) -> None:
    """It is answered as if it had been there from the start; further edits are not answered again."""
    posted = await office.people.message("support", TICKETS, "opt out 212-555-0100")
    assert posted.ts is not None
    await office.people.edit("support", TICKETS, posted.ts, "@optout opt out 212-555-0100")
    await office.replies_to(posted.ts, 1)
    await office.people.edit("support", TICKETS, posted.ts, "@optout opt out 212-555-0100, thanks")
    await office.people.edit("support", TICKETS, posted.ts, "@optout opt out 212-555-0101")
    await all_done(office)
    assert len((await office.people.state()).replies(posted.ts)) == 1
    assert entries(office) == 1


async def test_an_edit_of_a_mention(office: Office) -> None:
    """A mention that was there before was answered."""
    ts = await say(office, "opt out 212-555-0100")
    await office.replies_to(ts, 1)
    await office.people.edit("support", TICKETS, ts, "@optout opt out 212-555-0101")
    await all_done(office)
    assert entries(office) == 1
    assert len((await office.people.state()).replies(ts)) == 1


@pytest.mark.parametrize("edited", [True, {"ts": 7}, "1.0"])
async def test_an_edit_that_says_nothing_of_itself(office: Office, edited: Any) -> None:
    """An edit of no known time does not hold the desk up."""
    platform = office.slack.platform
    channel = next(found for found in platform.workspace.channels.values() if found.name == TICKETS)
    event = {"type": "app_mention", "user": (await office.actor("support")).id, "channel": channel.id}
    event |= {"text": f"<@{office.slack.bot_user_id}> hello", "ts": "odd", "edited": edited}
    await asyncio.gather(*platform.feed.emit("app_mention", event))
    await all_done(office)
    assert await office.people.calls("chat.postMessage") == []


async def test_late_edits_and_other_bots(office: Office) -> None:
    """A message that is edited long after to mention the desk, or another app's, is left alone."""
    platform = office.slack.platform
    channel = next(found for found in platform.workspace.channels.values() if found.name == TICKETS)
    user = (await office.actor("support")).id
    text = f"<@{office.slack.bot_user_id}> opt out 212-555-0100"
    odd: list[dict[str, Any]] = [
        {"edited": {"user": user, "ts": "1.0"}},
        {"bot_id": "B1"},
        {"subtype": "bot_message"},
    ]
    for number, extra in enumerate(odd):
        event = {"type": "app_mention", "user": user, "text": text, "ts": f"1700000000.00000{number}"} | extra
        await asyncio.gather(*platform.feed.emit("app_mention", event | {"channel": channel.id}))
    await all_done(office)
    assert entries(office) == 0
    assert await office.people.calls("chat.postMessage") == []
    assert await office.people.calls("chat.postEphemeral") == []


@pytest.mark.wide_but_first
@pytest.mark.parametrize("person", ["guest", "stranger"])
async def test_who_may_not(office: Office, person: str) -> None:
    """A guest and a stranger are told alone, and nothing is done."""
    await office.people.invite(TICKETS, person)
    ts = await say(office, "opt out 212-555-0100", user=person)
    assert "use the opt-out desk" in (await office.told(person)).text
    assert entries(office) == 0
    assert (await office.people.state()).replies(ts) == []


async def test_where_others_read_along(office: Office) -> None:
    """In a channel shared with another organisation, the asker alone is answered."""
    await office.people.invite("partner-desk", "support")
    await office.people.message("support", "partner-desk", "@optout 212-555-0100")
    told = await office.told("support")
    assert "is not opted out" in told.text
    assert "another organisation" in told.all_text


# Direct messages


async def test_a_direct_message_is_looked_up(office: Office) -> None:
    """Numbers written to the desk alone are looked up there, without a mention."""
    await office.opt_out(ONE)
    answer = await directly(office, "support", "212-555-0100, 212-555-0101")
    assert answer.text.startswith("*(212) 555-0100 is opted out*: _Opted out by hand by admin")
    assert answer.text.endswith("\n*(212) 555-0101 is not opted out.*")
    assert "looked up by" not in answer.all_text


@pytest.mark.wide
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hello", "Write numbers to me here"),
        ("5550100", "I found no phone number in that, and nothing was changed."),
        ("opt out", "I found no phone number in that, and nothing was changed."),
        ("opt out 212-555-0100", "*(212) 555-0100 is not opted out.*"),
        (
            "opt out 212-555-0100 and 212-555-0101",
            "*(212) 555-0100 is not opted out.*\n*(212) 555-0101 is not opted out.*",
        ),
    ],
)
async def test_a_direct_message_changes_nothing(office: Office, text: str, said: str) -> None:
    """Without a number there is a hint; a request is looked up and told how it is made."""
    answer = await directly(office, "support", text)
    assert answer.text.startswith(said)
    assert entries(office) == 0


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("opt out 07911 123456 because she asked", "/optout add 07911 123456 country:GB because she asked"),
        ("07911 123456", "/optout search 07911 123456 country:GB"),
        ("don't opt out 07911 123456", "/optout search 07911 123456 country:GB"),
        ("allow 07911 123456 because wrong number", "/optout delete 07911 123456 country:GB because wrong number"),
    ],
)
async def test_a_number_of_another_country_in_words(office: Office, text: str, line: str) -> None:
    """Words name no country: the command that does is said, filled in."""
    answer = await directly(office, "support", text)
    assert answer.text.startswith("I found no phone number in that")
    assert f"Send `{line}`." in answer.all_text
    assert entries(office) == 0


@pytest.mark.parametrize("asked", ["allow 212-555-0100 because wrong number", "allow texts to 212-555-0100 again"])
async def test_to_allow_in_a_direct_message(office: Office, asked: str) -> None:
    """However short it is said, it is asked about with the button that does it, and is never taken for its opposite."""
    await office.opt_out(ONE)
    question = await directly(office, "admin", asked)
    assert [button.action_id for button in question.buttons] == ["optout.delete"]


async def test_a_request_in_a_direct_message(office: Office) -> None:
    """It is looked up, and a button does what the words ask for."""
    answer = await directly(office, "support", "please opt out 212-555-0100 and 212-555-0101, they asked twice")
    assert "a direct message opts nobody out by itself" in answer.all_text
    assert answer.button("optout.add").text == "Opt out 2 phones · they asked twice"
    await office.press("support", answer, "optout.add")
    for phone in (ONE, TWO):
        assert office.store.optouts.find(office.account.id, phone).standing[0].entry.reason == "they asked twice"


async def test_one_number_in_a_direct_message(office: Office) -> None:
    """For one number too it is said what to do, with a button that does it, reason filled in."""
    answer = await directly(office, "support", "opt out 212-555-0100, she asked twice")
    assert answer.button("optout.add").text == "Opt out (212) 555-0100 · she asked twice"
    await office.press("support", answer, "optout.add")
    assert office.store.optouts.find(office.account.id, ONE).standing[0].entry.reason == "she asked twice"


async def test_to_allow_texts_again_in_a_direct_message(office: Office) -> None:
    """An admin is asked with the button that does it; anybody else is told who may, and hands it over."""
    await office.opt_out(ONE)
    question = await directly(office, "admin", "opt 212-555-0100 back in")
    assert "optout.delete" in [button.action_id for button in question.buttons]
    assert (await office.people.message("support", "@bot", "opt 212-555-0100 back in")).ok
    no = await office.told("support")
    assert no.text.startswith("Only admins can allow texts again. admin and")
    assert [button.action_id for button in no.buttons] == ["handover.ask"]
    assert office.store.optouts.find(office.account.id, ONE).opted_out


async def test_a_guest_writes_directly(office: Office) -> None:
    """Nothing of the list comes back; what they ask can be handed over."""
    await office.opt_out(ONE)
    assert (await office.people.message("guest", "@bot", "please opt out 212-555-0100")).ok
    no = await office.told("guest")
    assert no.text.startswith("Guests cannot use the opt-out desk.")
    assert "555" not in no.text
    assert [button.action_id for button in no.buttons] == ["handover.ask"]


async def test_events_that_are_no_message_to_the_desk(office: Office) -> None:
    """Edits, deletions, other subtypes, other kinds of channel and bots are done without a word."""
    platform = office.slack.platform
    user = platform.workspace.users[(await office.actor("support")).id]
    channel = platform.workspace.direct_message(user)
    plain = {
        "type": "message",
        "user": user.id,
        "text": "212-555-0100",
        "ts": "1700000000.000001",
        "channel_type": "im",
    }
    for odd in (
        {"subtype": "message_changed", "message": plain},
        {"subtype": "message_deleted"},
        {"subtype": "channel_join"},
        {"channel_type": "mpim"},
        {"channel_type": "channel"},
        {"bot_id": "B1"},
        {"user": None},
        {"edited": {"user": user.id, "ts": "1.0"}},
    ):
        await asyncio.gather(*platform.feed.emit("message.im", plain | odd | {"channel": channel.id}))
    await all_done(office)
    assert await office.people.calls("chat.postMessage") == []
    assert await office.people.calls("chat.postEphemeral") == []


async def test_a_guest_s_direct_message(office: Office) -> None:
    """A guest is told that the desk is not theirs to use."""
    assert (await office.people.message("guest", "@bot", "212-555-0100")).ok
    assert (await office.told("guest")).text.startswith("Guests cannot use the opt-out desk.")


async def test_admins_channel_too(office: Office) -> None:
    """An admin gets the button that deletes with what is looked up."""
    await office.opt_out(ONE)
    ts = await say(office, "2125550100", user="admin", channel=ADMINS)
    [found] = (await office.replies_to(ts, 1)).thread
    assert found.button("optout.delete").style == "danger"
