"""Replies that are told to the store: kept and judged once, with the effect that they ask for, or for a person to decide."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from store import (
    Account,
    Actor,
    AllowRule,
    Cause,
    Function,
    Origin,
    PlainWriter,
    Post,
    ReplyState,
    Store,
    StoreError,
    ToldReply,
    note,
    rule_of,
)
from store.heard import Heard, Reply, ReplyDecision
from store.models import replies
from store.replies.judge import Outcome
from tests.entries import latest_entries
from tests.store.test_concurrency import together
from tests.store.test_retention import DAY, aged, pruning

ONE, TWO = "+12125550100", "+12125550101"
BRIDGE = Origin(Function.API, Actor("key:1", "bridge"))
ROBIN = Origin(Function.BUTTON, Actor("U0ROBIN", "robin"), "C0REPLIES", "replies")
AVERY = Origin(Function.BUTTON, Actor("U0AVERY", "avery"), "C0REPLIES", "replies")
ASKED = "please stop, I voted for her last week"


def reply(text: str, message: str = "SM1", sender: str = ONE, *, ago: timedelta = timedelta(minutes=5)) -> Reply:
    return Reply("twilio", message, sender, "12345", text, datetime.now(UTC) - ago, campaign="gotv", contact="c-1")


def hear(store: Store, account: Account, text: str, message: str = "SM1", sender: str = ONE) -> Heard:
    return store.replies.hear(account.id, reply(text, message, sender), BRIDGE)


def test_a_word_for_it_opts_out_at_once(store: Store, account: Account) -> None:
    """The opt-out is a keyword's, says what the reply is, when it came, and who told of it; open conversations close."""
    store.campaigns.put(account.id, "gotv", "GOTV", active=True)
    store.campaigns.put_conversation(account.id, "gotv", "c-1", ONE)
    told = reply("Stop, please!")
    heard = store.replies.hear(account.id, told, BRIDGE)
    assert (heard.judgement.outcome, heard.state, heard.again) == (Outcome.OUT, ReplyState.SETTLED, False)
    state = store.optouts.find(account.id, ONE)
    [opt_out] = state.standing
    assert (opt_out.entry.id, opt_out.entry.function, opt_out.entry.actor) == (heard.entry, "keyword", BRIDGE.actor)
    assert opt_out.entry.requested_at == told.received_at
    assert note(opt_out, PlainWriter()).endswith(': the reply is nothing but a request to stop: "stop, please"')
    assert [talk.opted_out for talk in state.conversations] == [True]
    kept = store.replies.get(account.id, heard.id)
    assert (kept.text, kept.phone, kept.entry, kept.decider) == ("Stop, please!", ONE, heard.entry, None)
    assert store.optouts.count(account.id) == store.optouts.recount(account.id) == 1


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("text", "outcome", "state"),
    [
        ("Yes", Outcome.NOT, ReplyState.SETTLED),
        ("", Outcome.NOT, ReplyState.SETTLED),
        ("\u0645\u0631\u062d\u0628\u0627 \U0001f44d", Outcome.NOT, ReplyState.SETTLED),
        ("HELP", Outcome.HELP, ReplyState.SETTLED),
        ("START", Outcome.IN, ReplyState.SETTLED),
        (ASKED, Outcome.ASK, ReplyState.WAITING),
    ],
)
def test_what_is_no_plain_request_opts_nobody_out(
    store: Store, account: Account, text: str, outcome: Outcome, state: ReplyState
) -> None:
    """It is kept with what it was judged to be, and only what may be a request waits."""
    heard = hear(store, account, text)
    assert (heard.judgement.outcome, heard.state, heard.entry) == (outcome, state, None)
    assert latest_entries(store, account.id, 9) == ()
    waiting = [kept.id for kept in store.replies.waiting(account.id)]
    assert waiting == ([heard.id] if state is ReplyState.WAITING else [])


def test_what_is_told_twice_is_heard_once(store: Store, account: Account) -> None:
    """By its source and message, whatever else is told the second time; of another source or account it is another."""
    first = hear(store, account, "STOP")
    again = hear(store, account, "something else", sender=TWO)
    assert again == replace(first, again=True)
    assert not store.optouts.find(account.id, TWO).opt_outs
    assert len(store.optouts.find(account.id, ONE).opt_outs) == 1
    other = store.accounts.get_or_create("T0OTHER")
    assert not store.replies.hear(other.id, reply("STOP"), BRIDGE).again
    assert not store.replies.hear(account.id, replace(reply("STOP"), source="telnyx"), BRIDGE).again
    with pytest.raises(StoreError, match="no such reply"):
        store.replies.get(other.id, 99)


def test_many_are_heard_in_their_order(store: Store, account: Account) -> None:
    """With one commit: each as if it came alone, also what an earlier one of the same lifts, settles or was told already."""
    texts = [(ASKED, "SM1"), ("STOP", "SM2"), ("hello", "SM3"), ("STOP", "SM2"), ("Start", "SM4")]
    told = [ToldReply(reply(text, message), BRIDGE) for text, message in texts]
    heard = store.replies.hear_all(account.id, told)
    assert [one.again for one in heard if isinstance(one, Heard)] == [False, False, False, True, False]
    asked, stop, _nothing, again, start = heard
    assert isinstance(asked, Heard)
    assert isinstance(stop, Heard)
    assert again == replace(stop, again=True)
    kept = store.replies.get(account.id, asked.id)
    assert (kept.state, kept.entry) == (ReplyState.SETTLED, stop.entry)
    [opt_out] = store.optouts.find(account.id, ONE).opt_outs
    assert isinstance(start, Heard)
    assert opt_out.lifted is not None
    assert opt_out.lifted.id == start.entry
    assert store.optouts.count(account.id) == store.optouts.recount(account.id) == 0
    assert [one.again for one in store.replies.hear_all(account.id, told) if isinstance(one, Heard)] == [True] * 5


def test_what_is_wrong_with_one_takes_nothing_from_the_others(store: Store, account: Account) -> None:
    """It has its error in its place."""
    naive = replace(reply("STOP", "SM2", TWO), received_at=datetime(2026, 11, 1))  # noqa: DTZ001
    told = [ToldReply(one, BRIDGE) for one in (reply("STOP"), naive, replace(reply("hi", "SM3"), sender="555"))]
    stop, zone, phone = store.replies.hear_all(account.id, told)
    assert isinstance(stop, Heard)
    assert "time zone" in str(zone)
    assert isinstance(phone, StoreError)
    assert store.optouts.find(account.id, ONE).opted_out
    assert not store.optouts.find(account.id, TWO).opt_outs


def test_told_twice_at_once_it_is_heard_once(store: Store, account: Account) -> None:
    """Two hear the same replies at the same moment: each is heard by one, and opts out once."""

    def hearing() -> list[bool]:
        return [hear(store, account, "STOP", f"SM{n}").again for n in range(10)]

    found = [again for told in together(hearing, hearing) for again in told]
    assert sorted(found) == [False] * 10 + [True] * 10
    assert len(store.optouts.find(account.id, ONE).opt_outs) == 10
    assert store.optouts.count(account.id) == store.optouts.recount(account.id) == 1


def test_when_it_was_asked_is_never_later_than_now_nor_nonsense(store: Store, account: Account) -> None:
    """What a clock ahead tells counts as now, what is years old as not known; a moment without a zone is refused in words."""
    store.replies.hear(account.id, reply("STOP", "ahead", ago=-DAY), BRIDGE)
    store.replies.hear(account.id, reply("STOP", "old", ago=900 * DAY), BRIDGE)
    old, ahead = latest_entries(store, account.id, 9)
    assert old.requested_at is None
    assert ahead.requested_at is not None
    assert ahead.requested_at <= ahead.at
    with pytest.raises(StoreError, match="time zone"):
        store.replies.hear(account.id, replace(reply("STOP", "naive"), received_at=datetime(2026, 11, 1)), BRIDGE)  # noqa: DTZ001
    assert len(latest_entries(store, account.id, 9)) == 2


def test_start_takes_back_what_such_a_word_made(store: Store, account: Account) -> None:
    """By an entry that says so; conversations in active campaigns re-open."""
    store.campaigns.put(account.id, "gotv", "GOTV", active=True)
    store.campaigns.put_conversation(account.id, "gotv", "c-1", ONE)
    hear(store, account, "STOP")
    heard = hear(store, account, "Start", "SM2")
    state = store.optouts.find(account.id, ONE)
    assert (heard.state, state.opted_out, [talk.opted_out for talk in state.conversations]) == (
        ReplyState.SETTLED,
        False,
        [False],
    )
    lifted = state.opt_outs[0].lifted
    assert lifted is not None
    assert (lifted.id, lifted.function, lifted.actor) == (heard.entry, Function.DELETE, BRIDGE.actor)
    assert lifted.reason == 'the reply is nothing but a word that opts in: "start"'
    assert store.optouts.count(account.id) == store.optouts.recount(account.id) == 0


def test_what_waits_is_counted_by_account_and_message(store: Store, account: Account) -> None:
    """However many others there are; what was decided waits no more."""
    other = store.accounts.get_or_create("T0OTHER", "Other", country="US")
    assert store.replies.waiting_by_message() == {}
    hear(store, other, "STOP")
    heard = hear(store, account, ASKED)
    assert store.replies.waiting_by_message() == {(account.id, None): 1}
    store.replies.to_show(account.id)
    assert store.replies.waiting_by_message() == {(account.id, heard.id): 1}
    store.replies.decide(account.id, heard.id, AVERY, opt_out=False)
    assert store.replies.waiting_by_message() == {}


def test_start_leaves_a_word_that_was_written_later(store: Store, account: Account) -> None:
    """What comes late, out of its order, takes back nothing that was written after it."""
    store.replies.hear(account.id, reply("STOP", "SM2", ago=timedelta(minutes=5)), BRIDGE)
    heard = store.replies.hear(account.id, reply("START", "SM1", ago=timedelta(minutes=10)), BRIDGE)
    assert (heard.state, heard.entry) == (ReplyState.SETTLED, None)
    assert store.optouts.find(account.id, ONE).opted_out


@pytest.mark.parametrize(
    "by",
    [
        ROBIN,
        replace(BRIDGE, function=Function.KEYWORD, cause=Cause.DECEASED),
        replace(BRIDGE, function=Function.KEYWORD, reason="stop or my lawyer writes to you"),
    ],
    ids=["a person", "a death", "a threat"],
)
def test_start_leaves_what_somebody_else_said(store: Store, account: Account, by: Origin) -> None:
    """Only the word's own opt-out is lifted; the phone stays out, and the reply waits for a person who sees both."""
    store.optouts.add(account.id, [ONE], by)
    hear(store, account, "STOP")
    heard = hear(store, account, "START", "SM2")
    state = store.optouts.find(account.id, ONE)
    assert (heard.state, state.opted_out) == (ReplyState.WAITING, True)
    assert [opt_out.lifted is None for opt_out in state.opt_outs] == [False, True]
    assert store.optouts.count(account.id) == store.optouts.recount(account.id) == 1
    decided = store.replies.decide(account.id, heard.id, AVERY, opt_out=False)
    assert (decided.newly, decided.replies[0].entry) == (True, heard.entry), "what it lifted stays with it"


def test_start_waits_no_more_once_nothing_stands(store: Store, account: Account) -> None:
    """Texts were allowed again by another way; what else may be a request of theirs, or is somebody else's, waits on."""
    store.optouts.add(account.id, [ONE, TWO], ROBIN)
    starts = [hear(store, account, "START", f"SM{sender}", sender) for sender in (ONE, TWO)]
    wish = hear(store, account, ASKED)
    lifted = store.optouts.delete(account.id, ONE, replace(AVERY, reason="they wrote START"))
    kept = store.replies.get(account.id, starts[0].id)
    assert lifted.entry is not None
    assert (kept.state, kept.entry, kept.entered, kept.decider) == ("settled", lifted.entry, Function.DELETE, None)
    assert [one.id for one in store.replies.waiting(account.id)] == [starts[1].id, wish.id]


def test_start_that_lifted_a_word_keeps_the_entry_by_which_it_did(store: Store, account: Account) -> None:
    """Also when somebody lifts the rest."""
    store.optouts.add(account.id, [ONE], ROBIN)
    hear(store, account, "STOP")
    start = hear(store, account, "START", "SM2")
    store.optouts.delete(account.id, ONE, replace(AVERY, reason="they wrote START"))
    assert store.replies.get(account.id, start.id).entry == start.entry
    assert store.replies.waiting(account.id) == ()


def test_a_second_start_settles_the_first(store: Store, account: Account) -> None:
    """When what kept the first one waiting went, and a word of the contact's own is lifted by the second."""
    store.optouts.add(account.id, [ONE], ROBIN)
    first = hear(store, account, "START")
    store.optouts.delete(account.id, ONE, replace(AVERY, reason="they wrote START"))
    hear(store, account, "STOP", "SM2")
    assert hear(store, account, "START", "SM3").state is ReplyState.SETTLED
    assert store.replies.get(account.id, first.id).state is ReplyState.SETTLED
    assert not store.optouts.find(account.id, ONE).opted_out


def test_a_reply_has_the_name_of_its_campaign(store: Store, account: Account) -> None:
    """Where the platform told it, whenever it did."""
    heard = hear(store, account, ASKED)
    assert store.replies.get(account.id, heard.id).campaign_name is None
    store.campaigns.put(account.id, "gotv", "GOTV October", active=False)
    kept = store.replies.get(account.id, heard.id)
    assert (kept.campaign, kept.campaign_name) == ("gotv", "GOTV October")


def test_a_person_opts_out(store: Store, account: Account) -> None:
    """The entry is theirs, with the words and the moment at which they came: allowing texts again needs a reason then."""
    heard = hear(store, account, ASKED)
    decided = store.replies.decide(account.id, heard.id, ROBIN, opt_out=True)
    assert decided.newly
    assert decided.added is not None
    assert decided.added.newly
    [opt_out] = store.optouts.find(account.id, ONE).standing
    assert (opt_out.entry.function, opt_out.entry.actor) == (Function.BUTTON, ROBIN.actor)
    assert opt_out.entry.reason == f'they replied "{ASKED}"'
    assert opt_out.entry.requested_at == store.replies.get(account.id, heard.id).received_at
    assert rule_of([opt_out]) is AllowRule.REASON


def test_one_decision_decides_all_that_waits_of_a_person(store: Store, account: Account) -> None:
    """Whoever comes second is told who decided; of another person it is another decision."""
    first, second = hear(store, account, ASKED), hear(store, account, "wrong number", "SM2")
    other = hear(store, account, ASKED, "SM3", TWO)
    decided = store.replies.decide(account.id, second.id, ROBIN, opt_out=True)
    assert [one.id for one in decided.replies] == [first.id, second.id]
    late = store.replies.decide(account.id, first.id, AVERY, opt_out=False)
    assert (late.newly, late.replies[0].decider, late.replies[0].state) == (False, ROBIN.actor, ReplyState.OPTED_OUT)
    assert [one.id for one in store.replies.waiting(account.id)] == [other.id]
    assert len(store.optouts.find(account.id, ONE).opt_outs) == 1


def test_two_decide_at_once(store: Store, account: Account) -> None:
    """Exactly one of two decisions is made, and both are told which."""

    def deciding(by: Origin, reply: int, opt_out: bool) -> Callable[[], ReplyDecision]:
        return lambda: store.replies.decide(account.id, reply, by, opt_out=opt_out)

    for n in range(5):
        asked = hear(store, account, ASKED, f"SM{n}", f"+1212555010{n}").id
        both = together(deciding(ROBIN, asked, True), deciding(AVERY, asked, False))
        assert sorted(one.newly for one in both) == [False, True]
        assert len({one.replies for one in both}) == 1
    assert store.replies.waiting(account.id) == ()


def test_no_request_after_all(store: Store, account: Account) -> None:
    """That it is none can be changed into an opt-out; an opt-out not, which is taken back by allowing texts again."""
    heard = hear(store, account, ASKED)
    assert store.replies.decide(account.id, heard.id, ROBIN, opt_out=False).newly
    assert not store.optouts.find(account.id, ONE).opt_outs
    assert not store.replies.decide(account.id, heard.id, AVERY, opt_out=True).newly, (
        "who has not seen it changes nothing"
    )
    changed = store.replies.decide(account.id, heard.id, AVERY, opt_out=True, after_all=True)
    assert (changed.newly, changed.replies[0].state, changed.replies[0].decider) == (True, "opted out", AVERY.actor)
    assert not store.replies.decide(account.id, heard.id, ROBIN, opt_out=False).newly
    assert store.optouts.find(account.id, ONE).opted_out


def test_a_plain_word_settles_what_waits(store: Store, account: Account) -> None:
    """Nobody has to decide any more about somebody who asked again, in plain words."""
    asked = hear(store, account, ASKED)
    heard = hear(store, account, "STOP", "SM2")
    assert store.replies.waiting(account.id) == ()
    kept = store.replies.get(account.id, asked.id)
    assert (kept.state, kept.entry, kept.decider) == (ReplyState.SETTLED, heard.entry, None)


def test_words_that_ask_for_nothing_go_and_evidence_stays(store: Store, account: Account) -> None:
    """After a week the words, after a month all of it; what waits, or made an opt-out or lifted one, stays whole."""
    nothing = hear(store, account, "who is this?", "SM1")
    out = hear(store, account, "STOP", "SM2")
    back = hear(store, account, "START", "SM3")
    waits = hear(store, account, ASKED, "SM4")
    assert pruning(store).prune().reply_words == 0
    aged(store, "replies", "finished_at", 8 * DAY)
    assert (pruning(store).prune().reply_words, pruning(store).prune().reply_words) == (1, 0)
    assert [store.replies.get(account.id, one.id).text for one in (nothing, out, back, waits)] == [
        None,
        "STOP",
        "START",
        ASKED,
    ]
    aged(store, "replies", "finished_at", 31 * DAY)
    assert pruning(store).prune().replies == 1
    with store.database.read() as connection:
        assert len(connection.execute(sa.select(replies.c.id)).all()) == 3


def test_an_endless_text_is_cut_where_the_judge_stops_reading(store: Store, account: Account) -> None:
    """What stands behind the first 4,000 characters is neither read nor kept; nor does it make a word of its beginning."""
    heard = hear(store, account, "STOP" + " " * 5_000 + "the bill" * 1_000_000)
    assert heard.judgement.outcome is not Outcome.OUT
    assert len(store.replies.get(account.id, heard.id).text or "") == 4_000


def shown_long_ago(store: Store, age: timedelta = timedelta(minutes=3)) -> None:
    """As if the last message with replies had been shown so long ago."""
    aged(store, "accounts", "replies_shown_at", age)


def test_ten_replies_a_minute_are_shown(store: Store, account: Account) -> None:
    """Each is in one message, the oldest first; before the minute is over there is no other."""
    heard = [hear(store, account, ASKED, f"SM{n}", f"+121255501{n:02}").id for n in range(12)]
    first = store.replies.to_show(account.id)
    assert [reply.id for reply in first] == heard[:10]
    assert {reply.review for reply in first} == {heard[0]}
    store.outbox.posted(account.id, f"replies {heard[0]}", Post("C1", "1.000001"))
    assert store.replies.to_show(account.id) == ()
    shown_long_ago(store, timedelta(seconds=61))
    assert [reply.id for reply in store.replies.to_show(account.id)] == heard[10:]
    assert store.replies.in_review(account.id, heard[0]) == first


def test_two_replicas_show_a_reply_once(store: Store, account: Account) -> None:
    """Of two that look at once one gets it."""
    hear(store, account, ASKED)
    shown = together(*[lambda: store.replies.to_show(account.id)] * 2)
    assert sorted(map(len, shown)) == [0, 1]


def test_a_second_reply_of_somebody_who_waits_is_shown_with_the_first(store: Store, account: Account) -> None:
    """In the message that was posted; one decision decides both."""
    first = hear(store, account, ASKED)
    store.replies.to_show(account.id)
    store.outbox.posted(account.id, f"replies {first.id}", Post("C1", "1.000001"))
    second, other = hear(store, account, "wrong number", "SM2"), hear(store, account, ASKED, "SM3", TWO)
    shown_long_ago(store)
    assert [reply.id for reply in store.replies.to_show(account.id)] == [first.id, second.id]
    shown_long_ago(store)
    assert [reply.id for reply in store.replies.to_show(account.id)] == [other.id]


def test_a_message_that_nobody_knows_of_is_shown_again(store: Store, account: Account) -> None:
    """Whoever was to post it died: it is asked for again after two minutes; once it was posted never."""
    heard = hear(store, account, ASKED)
    shown = store.replies.to_show(account.id)
    shown_long_ago(store, timedelta(seconds=90))
    assert store.replies.to_show(account.id) == ()
    shown_long_ago(store)
    assert store.replies.to_show(account.id) == shown
    store.outbox.posted(account.id, f"replies {heard.id}", Post("C1", "1.000001"))
    shown_long_ago(store)
    assert store.replies.to_show(account.id) == ()
