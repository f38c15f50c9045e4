"""How opt-outs read, and that Slack would take it: pure functions, values in, messages out."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.blocks import view_problems
from handlers.slack import mrkdwn
from handlers.slack.messages import MOST_BLOCKS, Message, split
from handlers.views import allowing, optouts, outcomes, steps
from store import (
    Account,
    Actor,
    Added,
    Cause,
    Conversation,
    CountryUnknown,
    Deleted,
    Entry,
    FoundPhone,
    Function,
    NotAPhone,
    OptOut,
    PhoneNumber,
    PhoneState,
)
from store.phones.numbers import Reason

ADMIN = Actor("U0ADMIN", "admin")
ONE = "+12125550100"
AT = datetime(2026, 11, 3, 14, 5, tzinfo=UTC)
DATE = "<!date^1793714700^{date_short_pretty} at {time}|3 Nov 2026 at 14:05 UTC>"


def entry(number: int = 1, function: str = Function.COMMAND, **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "id": number,
        "function": function,
        "actor": ADMIN,
        "at": AT + timedelta(days=number - 1),
        "channel_id": None,
        "channel_name": None,
        "message_ts": None,
        "permalink": None,
        "reason": None,
        "upload_id": None,
        "file_name": None,
        "requested_at": None,
    }
    return Entry(**(values | changes))


def opt_out(made: Entry, *, lifted: Entry | None = None, line: int | None = None, note: str | None = None) -> OptOut:
    return OptOut(ONE, made, line, note, None, lifted)


def conversation(campaign: str, *, active: bool = True, out: bool = True, contact: str = "c") -> Conversation:
    return Conversation(campaign, campaign, active, contact, ONE, out)


def number(e164: str = ONE, *, flagged: bool = False, remark: str | None = None) -> PhoneNumber:
    return PhoneNumber(e164, flagged, remark, None)


def every(message: Message) -> Iterator[Message]:
    yield message
    yield from message.details


def words(message: Message) -> str:
    return json.dumps([one.blocks for one in every(message)], ensure_ascii=False)


def within_slacks_limits(message: Message) -> bool:
    """Slack's limits on blocks, checked on the JSON that is sent."""
    for one in every(message):
        assert 0 < len(one.text) < 4_000
        assert 0 < len(one.blocks) <= MOST_BLOCKS
        for block in one.blocks:
            if block["type"] == "section":
                assert 0 < len(block["text"]["text"]) <= 3_000
            for element in block.get("elements", []):
                if element["type"] == "button":
                    assert len(element["text"]["text"]) <= 75
                    assert len(element["value"]) <= 2_000
                    assert len(element.get("confirm", {}).get("text", {"text": ""})["text"]) <= 300
    return True


def test_foreign_text_is_escaped() -> None:
    """No text from outside can mention, link or break a line of the answer."""
    assert mrkdwn.escape("<!channel> & <@U1>") == "&lt;!channel&gt; &amp; &lt;@U1&gt;"
    assert mrkdwn.quoted("a\n\n• b\x00\u2028c") == "a • b c"
    assert mrkdwn.code("a`b <x>") == "`a'b &lt;x&gt;`"
    assert mrkdwn.code("") == "` `"


def test_what_slack_delivers_becomes_what_people_saw() -> None:
    """Mentions, links and entities of a command's text come out by their names."""
    text = "<@U1|support> <#C1|help> <!here> <!subteam^S1|@team> <https://x.org|x> <mailto:a@b.c|a@b.c> &lt;3 &amp;amp;"
    assert mrkdwn.plain(text) == "@support #help @here @team x a@b.c <3 &amp;"
    assert mrkdwn.plain("<tel:+12125550100|212-555-0100> <tel:12> <@U9>") == "212-555-0100 12 @U9"


@given(st.text())
def test_escaping_is_undone_by_plain(text: str) -> None:
    """What was escaped for Slack reads back as it was."""
    assert mrkdwn.plain(mrkdwn.escape(text)) == text


def test_people_times_and_places() -> None:
    """People are mentions, systems names, times in the reader's zone with UTC to fall back on."""
    assert mrkdwn.mention(ADMIN) == "<@U0ADMIN>"
    assert mrkdwn.person(ADMIN) == "admin"
    assert mrkdwn.person(Actor("platform", "Texts & more")) == "Texts &amp; more"
    assert mrkdwn.moment(AT) == DATE
    assert mrkdwn.day(AT) == "<!date^1793714700^{date_short_pretty}|3 Nov 2026>"
    assert mrkdwn.place("C012345678", None) == "<#C012345678>"
    assert mrkdwn.place("D012345678", None) == "a direct message"
    assert mrkdwn.listed(["a", "b", "c"]) == "a, b and c"
    assert mrkdwn.counted(4812, "phone") == "4,812 phones"


def test_three_are_told_in_one_message() -> None:
    """Number, state and reason of each, those that are out by it first; then what is odd, and the phones as they are kept."""
    two = "+447911123456"
    before = OptOut(two, entry(1, Function.UPLOAD, upload_id=1, file_name="uk.csv"), 88, None, None, None)
    made = entry(5, reason="asked")
    typed = [
        optouts.EnteredNumber(NotAPhone("12", Reason.TOO_SHORT, "2 digits, a US number has 10")),
        optouts.EnteredNumber(number(two, flagged=True)),
        optouts.EnteredNumber(number(remark="extension x12 left off"), times=2),
    ]
    message = outcomes.added(typed, {two: Added(two, made, before), ONE: Added(ONE, made, None)}, ADMIN, "US")
    assert message.details == ()
    said = f"_Opted out by upload of uk.csv, line 88, by admin{mrkdwn.moment(AT, ', ')}_"
    assert message.text.split("\n") == [
        "*(212) 555-0100 opted out*: asked · by admin",
        f"*07911 123456 (United Kingdom) was already out*: {said} · this request is kept as a further reason",
        "`12` is not a phone number: 2 digits, a US number has 10",
        "07911 123456 (United Kingdom): *check this one*: no such number is in use today",
        "(212) 555-0100: extension x12 left off · given 2 times",
    ]
    assert message.blocks[0]["text"]["text"] == message.text
    assert message.blocks[1]["elements"][0]["text"] == f"`{two}` · `{ONE}`"
    assert message.settles == "Opted out by admin."
    assert within_slacks_limits(message)


def test_a_shared_reason_is_said_once_for_three() -> None:
    """Phones with the same outcome share the first line."""
    phones = [f"+1212555010{n}" for n in range(3)]
    made = entry(5, cause=Cause.ASKED, reason="twice")
    typed = [optouts.EnteredNumber(number(phone)) for phone in phones]
    message = outcomes.added(typed, {phone: Added(phone, made, None) for phone in phones}, ADMIN, "US")
    assert message.text == (
        "*(212) 555-0100, (212) 555-0101 and (212) 555-0102 opted out*: asked to stop; twice · by admin"
    )


@pytest.mark.parametrize(
    ("newly", "already", "refused", "said"),
    [
        (4, 0, 0, "*4 phones opted out*: asked · by admin"),
        (3, 1, 1, "*3 phones opted out*, 1 was already out, 1 not understood: asked · by admin"),
        (1, 3, 0, "*1 phone opted out*, 3 were already out: asked · by admin"),
        (0, 4, 2, "*4 phones were already out*, 2 not understood: asked · by admin"),
        (0, 0, 4, "*No phone was opted out*, 4 not understood · by admin"),
    ],
)
def test_counts_of_more_add_up(newly: int, already: int, refused: int, said: str) -> None:
    """Each number is counted once, and each is in the thread."""
    phones = [f"+1212555010{n}" for n in range(newly + already)]
    made = entry(9, reason="asked")
    became = {
        phone: Added(phone, made, None if n < newly else opt_out(entry(1, reason="before")))
        for n, phone in enumerate(phones)
    }
    texts = [NotAPhone(f"12{n}", Reason.TOO_SHORT, "3 digits, a US number has 10") for n in range(refused)]
    typed = [optouts.EnteredNumber(one) for one in texts] + [optouts.EnteredNumber(number(phone)) for phone in phones]
    message = outcomes.added(typed, became, ADMIN, "US")
    assert message.text == said
    [detail] = message.details
    lines = detail.blocks[0]["text"]["text"].split("\n")
    assert len([line for line in lines if line.startswith(("(212) 555-010", "`12"))]) == newly + already + refused
    assert len(lines) == newly + already + refused + (newly > 0) + (already > 0) + (refused > 0)


def test_added_without_anything_new() -> None:
    """Nothing new, and nothing at all, are said as such, with whose request it was and why."""
    known = Added(ONE, entry(2, reason="by mail"), opt_out(entry(1, reason="wrote")))
    already = outcomes.added([optouts.EnteredNumber(number())], {ONE: known}, ADMIN, "US")
    assert already.text.startswith("*(212) 555-0100 was already out*: _Opted out by hand by admin")
    assert already.text.endswith(": wrote_ · this request, by admin, is kept as a further reason: by mail")
    none = outcomes.added([optouts.EnteredNumber(NotAPhone("x", Reason.LETTERS, "has letters in it"))], {}, ADMIN, "US")
    assert none.text == "*No phone was opted out*: `x` is not a phone number: has letters in it"
    assert none.settles is None


def test_of_an_erased_number_no_request_is_kept() -> None:
    """It was out, nothing is said to be kept, and no entry gets the link to the message in which the number stands."""
    made = entry(1, Function.ERASE)
    two, erased = "+12125550101", Added(ONE, made, opt_out(made))
    typed = [optouts.EnteredNumber(number())]
    message = outcomes.added(typed, {ONE: erased}, ADMIN, "US")
    assert message.text.startswith("*(212) 555-0100 was already out*: ")
    assert "further reason" not in message.text
    assert message.entry is None
    both = outcomes.added(typed, {ONE: erased, two: Added(two, entry(2, reason="asked"), None)}, ADMIN, "US")
    assert "opted out*: asked · by admin" in both.text
    assert both.entry == 2
    step = steps.added([number()], [erased], "US", masked=False)
    assert (step.outcome, step.note) == ("already opted out", "(212) 555-0100 was opted out already.")


def test_found_says_why_and_what_was_before() -> None:
    """All in one message: standing reasons first, conversations, then what was lifted, by whom and why, and who asked."""
    lifted = opt_out(entry(1), lifted=entry(2, Function.DELETE, reason="wrong number"))
    upload = entry(4, Function.UPLOAD, upload_id=1, file_name="nov & dec.csv")
    state = PhoneState(
        ONE,
        (opt_out(upload, line=812, note="texted STOP"), opt_out(entry(3)), lifted),
        (conversation("GOTV"), conversation("Old", active=False, out=False)),
    )
    message = optouts.phone_state(state, number(), "US", is_admin=True, asker=Actor("U1", "Robin *V*"))
    assert message.details == ()
    since = AT + timedelta(days=2)
    assert message.text.startswith(f"*(212) 555-0100 is opted out* {mrkdwn.moment(since, 'since ')}, for 2 reasons:\n")
    text = message.blocks[0]["text"]["text"]
    assert "\n• _Opted out by upload of nov &amp; dec.csv, line 812, by admin<!date" in text
    assert ": texted STOP_" in text
    assert "Conversations: GOTV (active) opted out · Old (finished) open" in text
    assert "Before: _Opted out by hand" in text
    assert "_Texts allowed again by admin<!date" in text
    assert text.endswith(": wrong number_")
    assert message.blocks[1]["elements"][0]["text"] == f"`{ONE}` · looked up by Robin ∗V∗"
    assert "optout.delete" in words(message)
    alone = optouts.phone_state(state, number(), "US", is_admin=False)
    assert "optout.delete" not in words(alone)
    assert "looked up by" not in words(alone)
    assert within_slacks_limits(message)


def test_one_reason_stands_in_the_first_line() -> None:
    """With the message that it came from."""
    linked = entry(3, reason="asked twice", permalink="https://x.example/p")
    message = optouts.phone_state(PhoneState(ONE, (opt_out(linked),), ()), number(), "US", is_admin=False)
    when = mrkdwn.moment(AT + timedelta(days=2), ", ")
    assert message.text == (
        f"*(212) 555-0100 is opted out*: _Opted out by hand by admin with /optout add{when}: asked twice_"
        " · <https://x.example/p|see message>"
    )


def test_found_nothing() -> None:
    """A phone that is not out offers to opt it out, and tells whether it ever was."""
    never = optouts.phone_state(PhoneState(ONE, (), ()), number(), "US", is_admin=False)
    assert never.text == "*(212) 555-0100 is not opted out.* It is not on this list and never was."
    assert "optout.add" in words(never)
    assert never.details == ()
    lifted = opt_out(entry(1), lifted=entry(2, Function.DELETE))
    once = optouts.phone_state(PhoneState(ONE, (lifted,), ()), number(), "US", is_admin=False)
    assert once.text == "*(212) 555-0100 is not opted out.* It was before."
    assert "Texts allowed again by" in words(once)


def test_several_have_their_states_and_reasons() -> None:
    """Of three all is in one message; of more the count, and in the thread each below the reason that it shares."""
    made = entry(3, reason="asked")
    out = [PhoneState(f"+1212555010{n}", (replace(opt_out(made), phone=f"+1212555010{n}"),), ()) for n in range(3)]
    neither = PhoneState("+12125550109", (), ())
    found = [(state, FoundPhone(number(state.phone), state.phone)) for state in (*out, neither)]
    few = optouts.phone_states([found[0], found[3]], "US", asker=ADMIN)
    assert few.details == ()
    assert [line.partition("*:")[0] for line in few.text.split("\n")] == [
        "*(212) 555-0100 is opted out",
        "*(212) 555-0109 is not opted out.*",
    ]
    assert few.text.count(": asked_") == 1
    assert few.blocks[1]["elements"][0]["text"] == f"`{ONE}` · `+12125550109` · looked up by admin"
    many = optouts.phone_states(found, "US", "_Only looked up._", asker=ADMIN)
    assert many.text == "*3 of 4 phones are opted out*"
    assert "_Only looked up._" in many.blocks[0]["text"]["text"]
    lines = many.details[0].blocks[0]["text"]["text"].split("\n")
    assert lines[0].startswith("*Opted out*: _Opted out by hand by admin")
    assert [line[:14] for line in lines[1:4]] == ["(212) 555-0100", "(212) 555-0101", "(212) 555-0102"]
    assert lines[4:] == ["*Not opted out*", "(212) 555-0109 · `+12125550109`"]


def test_the_question_names_the_consequences() -> None:
    """The dialog tells what re-opens, the form for a contact's own STOP about the carrier; the value what was seen."""
    state = PhoneState(ONE, (opt_out(entry(7)),), (conversation("GOTV October"),))
    message = optouts.ask_delete(state, "US", "wrong number")
    button = message.blocks[2]["elements"][0]
    assert button["confirm"]["text"]["text"] == (
        "(212) 555-0100 can be texted again. 1 conversation in an active campaign re-opens: GOTV October."
    )
    assert json.loads(button["value"]) == {"phone": ONE, "seen": 7, "reason": "wrong number"}
    assert button["style"] == "danger"
    asked = PhoneState(ONE, (opt_out(entry(7, Function.KEYWORD)),), (conversation("GOTV October"),))
    assert "confirm" not in optouts.ask_delete(asked, "US", None).blocks[2]["elements"][0]
    form = allowing.ask_reason(asked, "US", "{}", "wrong number").to_dict()
    assert "GOTV October. The contact asked to stop: the carrier may still block you until they text START." in str(
        form
    )
    assert form["blocks"][-1]["element"]["initial_value"] == "wrong number"
    assert view_problems(form) == []


def test_too_many_campaigns_for_a_dialog() -> None:
    """Slack's dialog holds 300 characters: the names go, the count and the warning stay."""
    many = tuple(conversation(f"Campaign with a long name {n}" * 3) for n in range(40))
    state = PhoneState(ONE, (opt_out(entry(1)),), many)
    message = optouts.ask_delete(state, "US", '"' * 500)
    text = message.blocks[-1]["elements"][0]["confirm"]["text"]["text"]
    assert "40 conversations in active campaigns re-open." in text
    stopped = PhoneState(ONE, (opt_out(entry(1, Function.KEYWORD)),) * 200, many)
    assert view_problems(allowing.ask_reason(stopped, "US", "{}", '"' * 500).to_dict()) == []
    assert within_slacks_limits(message)


def test_deleted_in_all_its_outcomes() -> None:
    """
    Deleted, already deleted, and changed meanwhile read differently, and all settle the question.

    Campaigns are told of where the desk knows of a conversation, and nowhere else.
    """
    lifted = opt_out(entry(1), lifted=entry(2, Function.DELETE))
    after = PhoneState(ONE, (lifted,), ())
    done = allowing.allowed(Deleted(ONE, (lifted,), (), after), ADMIN, "US")
    assert not any(word in words(done) for word in ("onversation", "ampaign"))
    finished = PhoneState(ONE, (lifted,), (conversation("Phonebank", active=False),))
    told = allowing.allowed(Deleted(ONE, (lifted,), (), finished), ADMIN, "US")
    assert "No conversation re-opened: it has none in an active campaign." in words(told)
    again = allowing.allowed(Deleted(ONE, (), (), after), ADMIN, "US")
    assert "nothing was changed. Texts allowed again by admin<!date" in again.text
    standing = PhoneState(ONE, (opt_out(entry(3, reason="again")),), ())
    changed = allowing.allowed(Deleted(ONE, (), (), standing, changed=True), ADMIN, "US")
    assert "was opted out again after you were asked" in changed.text
    assert all(message.settles for message in (done, again, changed))


def test_countries() -> None:
    """Set, not set, unknown with suggestions and without."""
    account = Account(1, "T1", "x", None, 0)
    assert "No default country is set" in optouts.country(account).text
    near = optouts.no_country(CountryUnknown("Untied States", (("US", "United States"), ("GB", "United Kingdom"))))
    assert near.text.endswith("Do you mean United States (US) or United Kingdom (GB)?")
    assert "`&lt;!here&gt;`" in optouts.no_country(CountryUnknown("<!here>", ())).text


@given(
    typed=st.lists(st.text(max_size=400), min_size=1, max_size=200),
    reason=st.text(alphabet="&<>`'\" a\n", max_size=500),
)
def test_slack_takes_whatever_was_typed(typed: list[str], reason: str) -> None:
    """Any mixture of numbers, notes and nonsense stays within Slack's limits and lets no markup through."""
    made = entry(1, reason=reason or None)
    found = [optouts.EnteredNumber(NotAPhone(text, Reason.NOT_A_NUMBER, "no digits in it")) for text in typed]
    phones = {f"+1212555{n:04}": Added(f"+1212555{n:04}", made, None) for n in range(len(typed))}
    message = outcomes.added([*found, *(optouts.EnteredNumber(number(phone)) for phone in phones)], phones, ADMIN, "US")
    assert within_slacks_limits(message)
    assert "<!channel>" not in words(message)


def test_long_messages_are_split() -> None:
    """No block is lost, no part is over the limit, and only the first part has the text."""
    blocks = tuple({"type": "section", "text": {"type": "mrkdwn", "text": f"{n} " * 500}} for n in range(200))
    parts = list(split(Message("head", blocks)))
    assert [block for part in parts for block in part.blocks] == list(blocks)
    assert all(len(part.blocks) <= MOST_BLOCKS and len(str(part.blocks)) <= 13_000 for part in parts)
    assert [part.text for part in parts][:2] == ["head", "(continued)"]


def _two_hundred(
    already: int, refused: int, reason: str | None, *, flagged: bool
) -> tuple[list[optouts.EnteredNumber], dict[str, Added]]:
    """200 numbers: the first *already* opted out before, each for a reason of its own, the last *refused* no phones."""
    phones = [f"+1212555{n:04}" for n in range(200 - refused)]
    texts = [f"{'&' * (n % 50)}{n:03}" for n in range(refused)]
    readings: list[PhoneNumber | NotAPhone] = [
        *(number(phone, flagged=flagged) for phone in phones),
        *(NotAPhone(text, Reason.LETTERS, f"{len(text)} letters in it") for text in texts),
    ]
    became = {
        phone: Added(
            phone, entry(999, reason=reason), opt_out(entry(n, reason=f"{reason} {n}")) if n < already else None
        )
        for n, phone in enumerate(phones)
    }
    return [optouts.EnteredNumber(reading) for reading in readings], became


@pytest.mark.parametrize("reason", [None, "asked by e-mail", "&" * 500], ids=["no reason", "short", "long"])
@pytest.mark.parametrize(("already", "refused"), [(0, 0), (1, 1), (200, 0), (100, 50), (0, 200)])
@pytest.mark.parametrize("flagged", [False, True])
def test_200_outcomes_take_three_messages(already: int, refused: int, reason: str | None, flagged: bool) -> None:
    """At most: the outcome, and what became of each number in at most two replies, every phone of them."""
    numbers, became = _two_hundred(already, refused, reason, flagged=flagged)
    message = outcomes.added(numbers, became, ADMIN, "US")
    assert len([part for one in every(message) for part in split(replace(one, details=()))]) <= 3
    assert within_slacks_limits(message)
    said = words(message)
    assert [phone for phone in became if f"`{phone}`" not in said] == []
    assert said.count("*Not a phone number*") == len({one.reading.reason for one in numbers[200 - refused :]})  # type: ignore[union-attr]
    assert not any(block["text"]["text"].endswith("more lines") for one in every(message) for block in one.blocks)


def test_a_reason_that_many_share_is_said_once() -> None:
    """Above its numbers; each reason that only one has stands above that one."""
    numbers, became = _two_hundred(1, 0, "asked by e-mail", flagged=False)
    said = words(outcomes.added(numbers, became, ADMIN, "US"))
    assert said.count("*Opted out now*") == 1
    assert said.count("*Already out*: _Opted out by hand") == 1
    assert said.count(": asked by e-mail · by admin") == 1
    assert said.count("asked by e-mail 0") == 1


@given(st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=200, unique=True), st.integers(1, 500))
def test_whatever_200_texts_are_they_take_three_messages(texts: list[str], longest: int) -> None:
    """What cannot be shown is counted."""
    numbers = [
        optouts.EnteredNumber(NotAPhone(text, Reason.LETTERS, f"{text} {'x' * longest}"[:longest])) for text in texts
    ]
    message = outcomes.added(numbers, {}, ADMIN, "US")
    assert len(message.details) <= 2
    assert within_slacks_limits(message)
