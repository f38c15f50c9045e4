"""The message shortcut: a message's phones in a modal, opted out once, and told where the message stands."""

import asyncio
from typing import Any

import pytest

from bot.sandbox.workspace import Channel
from handlers.entered import LONGEST_TEXT
from store import Cause, Function
from tests.entries import latest_entries
from tests.handlers.conftest import TICKETS, Office, loading_forms, on_both_databases
from tests.handlers.work.test_uploads import forget_people, modal

ONE, TWO, THREE = "+12125550100", "+12125550101", "+12125550102"
PHONES = "check.phones.0"


async def ticket(office: Office, text: str, *, channel: str = TICKETS, user: str = "support") -> str:
    outcome = await office.people.message(user, channel, text)
    assert outcome.ts is not None
    return outcome.ts


async def check(
    office: Office, ts: str, words: str = "in this message", *, user: str = "support", channel: str = TICKETS
) -> dict[str, Any]:
    """Use the shortcut on the message *ts*, and wait for the modal that says *words*."""
    assert (await office.people.shortcut(user, "optout.check", channel=channel, ts=ts)).acknowledged
    return await modal(office, user, words)


async def submit(office: Office, view: dict[str, Any], *, user: str = "support", **values: Any) -> Any:
    chosen = {"check.cause": "hostile"} | {key.replace("__", "."): value for key, value in values.items()}
    return await office.people.submit(user, view["id"], chosen)


def boxes(view: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        block["element"]
        for block in view["blocks"]
        if block["type"] == "input" and block["element"]["type"] == "checkboxes"
    ]


def ticked(view: dict[str, Any]) -> list[str]:
    return [option["value"] for one in boxes(view) for option in one.get("initial_options") or ()]


def entries(office: Office) -> int:
    return len(latest_entries(office.store, office.account.id, 100))


async def test_a_message_that_is_not_read_to_its_end_says_so(office: Office) -> None:
    """Of a message longer than any is, the rest is not passed over in silence, whether there is a number before or not."""
    long = "please " * (LONGEST_TEXT // 7 + 1) + "212-555-0101"
    view = await check(office, await ticket(office, f"212-555-0100 {long}"))
    assert ticked(view) == [ONE]
    assert "Only the first 40,000 characters of this message were read." in str(view)
    assert await check(office, await ticket(office, long), "No phone number was found. Only the first 40,000")


async def test_a_message_is_checked(office: Office) -> None:
    """Every number has its state; those not opted out are ticked; the words are the message's."""
    await office.opt_out(TWO)
    text = "Stop it! 212-555-0100, (212) 555-0101 & order 999-555-0100"
    view = await check(office, await ticket(office, text))
    [element] = boxes(view)
    assert [option["value"] for option in element["options"]] == [ONE, TWO, "+19995550100"]
    said = [option["description"]["text"] for option in element["options"]]
    assert said[0] == "not opted out"
    assert said[1].startswith("opted out <!date^")
    assert said[2] == 'not opted out · no such number is in use today · after "order"'
    assert ticked(view) == [ONE]
    assert "*3 phones in this message*, 1 opted out already." in str(view)
    assert "*Why it is opted out:*" in str(view)
    assert "• (212) 555-0101: _Opted out by hand by admin with /optout add" in str(view)
    assert view["submit"]["text"] == "Opt out"
    words = next(block for block in view["blocks"] if block.get("block_id") == "check.words")
    assert words["element"]["initial_value"] == text
    causes = next(block for block in view["blocks"] if block.get("block_id") == "check.cause")
    assert [option["value"] for option in causes["element"]["options"]] == list(Cause)


async def test_what_is_no_phone_is_not_ticked(office: Office) -> None:
    """A date is nothing, a number behind "ticket" is marked and not ticked, what is like a phone is named with why."""
    text = "Ticket 310-555-0103, 2024.11.05 10:30: (212)555-0100(212)555-0101, or 555-0102"
    view = await check(office, await ticket(office, text))
    [element] = boxes(view)
    assert [option["value"] for option in element["options"]] == ["+13105550103", ONE, TWO]
    assert element["options"][0]["description"]["text"] == 'not opted out · after "Ticket"'
    assert ticked(view) == [ONE, TWO]
    assert "`555-0102` · no area code: 7 digits, a US number has 10" in str(view)
    only = await check(office, await ticket(office, "it is 555-0102"), "There is no phone number in this message.")
    assert "`555-0102` · no area code" in str(only)


async def test_what_is_ticked_is_opted_out(office: Office) -> None:
    """One entry with reason, words and link; the notes in the thread of the message."""
    ts = await ticket(office, "Stop it! 212-555-0100 and 212-555-0101")
    view = await check(office, ts)
    assert (await submit(office, view, check__phones__0=[ONE, TWO], check__words="I will <sue> *you*")).ok
    [answer] = (await office.replies_to(ts, 1)).thread
    support = await office.actor("support")
    assert answer.text == (
        "*(212) 555-0100 and (212) 555-0101 opted out*: hostile; I will &lt;sue&gt; ∗you∗ · by support"
    )
    entry = office.store.optouts.find(office.account.id, ONE).standing[0].entry
    assert (entry.function, entry.actor, entry.cause) == (Function.SHORTCUT, support, Cause.HOSTILE)
    assert (entry.reason, entry.message_ts, entry.channel_name) == ("I will <sue> *you*", ts, TICKETS)
    assert entry.permalink is not None
    assert entry.permalink.endswith(f"p{ts.replace('.', '')}")
    assert entries(office) == 1
    assert (await office.people.state()).views("support") == []


async def test_a_reply_is_checked(office: Office) -> None:
    """On a reply in a thread, the notes go to that thread."""
    root = await ticket(office, "Ticket 4711")
    outcome = await office.people.message("support", TICKETS, "it is 212-555-0100", thread_ts=root)
    assert outcome.ts is not None
    assert (await submit(office, await check(office, outcome.ts))).ok
    assert "opted out" in (await office.replies_to(root, 2)).thread[1].text


async def test_none_ticked(office: Office) -> None:
    """The error stands at the numbers, and nothing is done."""
    view = await check(office, await ticket(office, "212-555-0100"))
    assert (await submit(office, view, check__phones__0=[])).errors == {PHONES: "Tick at least one number, or cancel."}
    assert entries(office) == 0
    assert (await submit(office, view, check__phones__0=[ONE])).ok
    assert entries(office) == 1


@on_both_databases
async def test_all_are_opted_out(office: Office) -> None:
    """There is nothing to submit but one more reason, for whom is ticked; nobody is by themselves."""
    await office.opt_out(ONE, reason="told us at the door")
    await office.opt_out(TWO)
    await office.opt_out(TWO, reason="wrote a letter")
    ts = await ticket(office, "212-555-0100 and 212-555-0101 say: stop")
    view = await check(office, ts, "All 2 phones in this message are opted out already.")
    assert (view["submit"]["text"], ticked(view)) == ("Add a reason", [])
    assert "told us at the door" in str(view)
    assert "and 1 more reason" in str(view)
    assert (await submit(office, view)).errors == {PHONES: "Tick at least one number, or cancel."}
    assert entries(office) == 3
    assert (await submit(office, view, check__phones__0=[ONE])).ok
    assert "already" in (await office.replies_to(ts, 1)).thread[0].text
    state = office.store.optouts.find(office.account.id, ONE)
    assert [one.entry.cause for one in state.standing] == [Cause.HOSTILE, None]
    assert entries(office) == 4


async def test_many_numbers(office: Office) -> None:
    """Fifty fit, ten to a field; the others are counted."""
    ts = await ticket(office, " ".join(f"212555{n:04}" for n in range(61)))
    view = await check(office, ts)
    assert [len(one["options"]) for one in boxes(view)] == [10] * 5
    assert "11 more were not looked up" in str(view)
    assert (await submit(office, view)).ok
    assert "*50 phones opted out*" in (await office.replies_to(ts, 2)).thread[0].text
    assert entries(office) == 1


async def test_without_a_number(office: Office) -> None:
    """The modal says that there is none, and how one is written."""
    view = await check(office, await ticket(office, "call me, 12345"), "There is no phone number in this message.")
    assert view.get("submit") is None


@pytest.mark.wide
async def test_a_message_of_another_app(office: Office) -> None:
    """What a ticket system writes in blocks and attachments is read and kept as seen; buttons' values and its stub are not."""
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": "*From:* 212-555-0100"}},
        {
            "type": "actions",
            "elements": [
                {
                    "type": "button",
                    "action_id": "x",
                    "text": {"type": "plain_text", "text": "Go"},
                    "value": "2125550102",
                }
            ],
        },
    ]
    attachments = [{"fields": [{"title": "Phone", "value": "212-555-0101"}], "fallback": "212-555-0102"}]
    posted = await office.people.message(
        "ticket-bot", TICKETS, "New ticket of 212-555-0102", blocks=blocks, attachments=attachments
    )
    assert posted.ts is not None
    view = await check(office, posted.ts)
    assert ticked(view) == [ONE, TWO]
    assert (await submit(office, view)).ok
    await office.replies_to(posted.ts, 1)
    entry = office.store.optouts.find(office.account.id, ONE).standing[0].entry
    assert entry.reason == "From: 212-555-0100\nGo\nPhone: 212-555-0101"
    assert not office.store.optouts.find(office.account.id, THREE).standing


async def test_a_forwarded_message(office: Office) -> None:
    """Somebody else's words, forwarded: the number that is bold in part is one, and is opted out by its tick alone."""
    pieces = [{"type": "text", "text": "212-555-010"}, {"type": "text", "text": "0", "style": {"bold": True}}]
    rich = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": pieces}]}
    forwarded = {
        "is_share": True,
        "author_name": "Kit",
        "text": "212-555-010*0*",
        "fallback": "Kit: 212-555-010*0*",
        "message_blocks": [{"message": {"blocks": [rich]}}],
    }
    posted = await office.people.message("support", TICKETS, "what now", attachments=[forwarded])
    assert posted.ts is not None
    view = await check(office, posted.ts)
    assert ticked(view) == [ONE]
    words = next(block for block in view["blocks"] if block.get("block_id") == "check.words")
    assert words["element"]["initial_value"] == "what now\nKit\n212-555-0100"
    assert entries(office) == 0


async def test_an_email_and_a_snippet(office: Office) -> None:
    """The words of an e-mail that was sent to the channel, and of a snippet, are read though the message has none."""
    email = await office.people.drop("support", TICKETS, "stop", b"", kind="email")
    assert email.ts is not None
    view = await check(office, email.ts)
    assert ticked(view) == [ONE]
    assert "Please stop texting me at (212) 555-0100." in str(view)
    await office.people.close("support", view["id"])
    described = {"preview": "212-555-0101\n212-555-0102", "lines": 2}
    snippet = await office.people.drop("support", TICKETS, "stops.txt", b"x", kind="snippet", described=described)
    assert snippet.ts is not None
    assert ticked(await check(office, snippet.ts)) == [TWO, THREE]


async def test_an_email_where_others_read_along(office: Office) -> None:
    """There a message says of its files only that Slack has to be asked; what Slack does not tell stops nothing."""
    await office.people.invite("partner-desk", "support")
    email = await office.people.drop("support", "partner-desk", "stop", b"", text="see 212-555-0101", kind="email")
    assert email.ts is not None
    view = await check(office, email.ts, channel="partner-desk")
    assert ticked(view) == [TWO, ONE]
    await office.people.close("support", view["id"])
    await office.people.fault(method="files.info", fault="error", error="access_denied")
    assert ticked(await check(office, email.ts, channel="partner-desk")) == [TWO]


@pytest.mark.wide
async def test_a_snippet_that_goes_on(office: Office) -> None:
    """What Slack does not show of a snippet is not read, and that is said."""
    described = {"preview": "212-555-0100\n", "preview_is_truncated": True}
    long = await office.people.drop("support", TICKETS, "stops.txt", b"x", kind="snippet", described=described)
    assert long.ts is not None
    view = await check(office, long.ts)
    assert ticked(view) == [ONE]
    assert "only the part that Slack shows was read" in str(view)
    await office.people.close("support", view["id"])
    none = {"preview": "names\n", "preview_is_truncated": True}
    other = await office.people.drop("support", TICKETS, "names.txt", b"x", kind="snippet", described=none)
    assert other.ts is not None
    await check(office, other.ts, "only the part that Slack shows was read")


@pytest.mark.wide
@loading_forms
async def test_slow_to_look_up(office: Office) -> None:
    """A look-up that takes long opens the modal first and fills it afterwards."""
    await office.people.fault(method="chat.getPermalink", fault="slow", seconds=1.5)
    ts = await ticket(office, "212-555-0100")
    await check(office, ts, "One moment")
    view = await modal(office, "support", "1 phone in this message")
    assert (await submit(office, view)).ok
    await office.replies_to(ts, 1)


@pytest.mark.wide
@loading_forms
async def test_a_modal_that_slack_does_not_let_be_filled(office: Office) -> None:
    """Who sees a modal say that it takes a moment is told when nothing more comes of it."""
    await office.people.fault(method="chat.getPermalink", fault="slow", seconds=1.5)
    await office.people.fault(method="views.update", fault="error", error="service_unavailable")
    ts = await ticket(office, "212-555-0100")
    await check(office, ts, "One moment")
    assert (
        await office.told("support")
    ).text == "Slack did not open the form in time, so nothing was done. Please try again."


@on_both_databases
async def test_submitted_twice(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two submissions of one modal at once opt out once and are told once."""
    ts = await ticket(office, "212-555-0100")
    view = await check(office, ts)
    # Slow to say who asks, the desk has both before either is done.
    await office.people.fault(method="users.info", fault="slow", seconds=0.3, times=2)
    forget_people(monkeypatch)
    await asyncio.gather(submit(office, view), submit(office, view), return_exceptions=True)
    await office.replies_to(ts, 1)
    submitted = [one for one in await office.people.deliveries("interaction") if "view_submission" in str(one)]
    assert len(submitted) == 2
    assert entries(office) == 1
    assert len((await office.people.state()).replies(ts)) == 1


@pytest.mark.wide_but_first
@on_both_databases
async def test_opted_out_meanwhile(office: Office) -> None:
    """Somebody was faster: the request is kept as a further reason, and said so."""
    ts = await ticket(office, "212-555-0100")
    view = await check(office, ts)
    await office.opt_out(ONE)
    assert (await submit(office, view)).ok
    [answer] = (await office.replies_to(ts, 1)).thread
    assert answer.text.startswith("*(212) 555-0100 was already out*")
    assert "further reason" in answer.text


async def test_where_the_bot_is_not(office: Office) -> None:
    """In a channel without the bot it works all the same, and the asker alone is told."""
    ts = await ticket(office, "212-555-0100", channel="field-private", user="admin")
    view = await check(office, ts, user="admin", channel="field-private")
    assert (await submit(office, view, user="admin")).ok
    told = await office.told("admin")
    assert "*(212) 555-0100 opted out" in told.all_text
    assert "I am not in this channel" in told.all_text
    assert office.store.optouts.find(office.account.id, ONE).standing[0].entry.permalink is None


@pytest.mark.wide
async def test_between_two_people(office: Office) -> None:
    """In a direct message between people the asker alone is told, and nobody is asked to invite what cannot be invited."""
    workspace = office.slack.platform.workspace
    ids = [workspace.user(handle).id for handle in ("admin", "support")]
    between = Channel(id="D0BETWEENUS", name="between", creator=ids[0], is_im=True, user=ids[1], members=ids)
    workspace.channels[between.id] = between
    ts = await ticket(office, "212-555-0100", channel=between.id)
    view = await check(office, ts, channel=between.id)
    assert (await submit(office, view)).ok
    told = await office.told("support")
    assert "*(212) 555-0100 opted out" in told.all_text
    assert "a conversation between people" in told.all_text
    assert "/invite" not in told.all_text


async def test_the_message_is_deleted_meanwhile(office: Office) -> None:
    """It is done, and the asker alone is told, with the reason why."""
    ts = await ticket(office, "212-555-0100")
    view = await check(office, ts)
    platform = office.slack.platform
    channel = next(found for found in platform.workspace.channels.values() if found.name == TICKETS)
    platform.feed.delete(channel, ts)
    assert (await submit(office, view)).ok
    told = await office.told("support")
    assert "*(212) 555-0100 opted out" in told.all_text
    assert "the message was deleted" in told.all_text
    assert office.store.optouts.find(office.account.id, ONE).opted_out


@pytest.mark.parametrize("person", ["guest", "stranger"])
async def test_who_may_not(office: Office, person: str) -> None:
    """A guest and a stranger get a no instead of a modal."""
    await office.let_in(person)
    await office.people.invite(TICKETS, person)
    ts = await ticket(office, "212-555-0100")
    assert (await office.people.shortcut(person, "optout.check", channel=TICKETS, ts=ts)).acknowledged
    assert "use the opt-out desk" in (await office.told(person)).text
    assert (await office.people.state()).views(person) == []


async def test_where_others_read_along(office: Office) -> None:
    """In a channel shared with another organisation the phones are told to the asker alone."""
    await office.people.invite("partner-desk", "support")
    ts = await ticket(office, "212-555-0100", channel="partner-desk")
    view = await check(office, ts, channel="partner-desk")
    assert (await submit(office, view)).ok
    told = await office.told("support")
    assert "*(212) 555-0100 opted out" in told.all_text
    assert "another organisation" in told.all_text
    assert (await office.people.state()).replies(ts) == []


async def test_demoted_meanwhile(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has become a guest since the modal opened is refused in it."""
    view = await check(office, await ticket(office, "212-555-0100"))
    forget_people(monkeypatch)
    await office.people.update_user("support", is_restricted=True)
    assert (await submit(office, view)).acknowledged
    await modal(office, "support", "Guests cannot use the opt-out desk.")
    assert entries(office) == 0


async def test_the_trigger_is_over(office: Office) -> None:
    """A modal that Slack does not open any more is said to the asker."""
    await office.people.fault(method="views.open", fault="error", error="expired_trigger_id")
    ts = await ticket(office, "212-555-0100")
    assert (await office.people.shortcut("support", "optout.check", channel=TICKETS, ts=ts)).acknowledged
    assert "Slack did not open the form in time" in (await office.told("support")).text
