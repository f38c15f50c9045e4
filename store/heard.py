"""
Replies: what people answered to a text, told by whatever sends the texts; each is kept, judged and has its effect once.

What is nothing but a word for it takes effect at once (`store.replies.judge`); what may be a request waits for a person.
All is done under the account's lock, so that a reply that is told twice at once is heard once, and of two who decide at
once one is told that the other was faster.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from store.allowing import rule_of
from store.database import Database
from store.dialects import among_bound, from_now
from store.e164 import require_e164
from store.erased import erased_among
from store.errors import NoAccount, StoreError, StoreUnavailable
from store.models import accounts, campaigns, entries, opt_outs, outbox, replies
from store.notes import Function
from store.optouts import allow_texts, opt_out_by, opt_out_each, read_states
from store.records import Actor, Added, AllowRule, Cause, OptOut, Origin, PhoneState
from store.replies.judge import Judgement, Outcome, after_provider, judge
from store.replies.reading import LONGEST
from store.replies.wording import AddedWords
from store.rows import now
from store.waiting_replies import WAITS, ReplyState

# How long before it was told a reply may have come: what is older says that somebody's clock is wrong.
_OLDEST: Final = timedelta(days=366)
# Replies of one message to those who decide, the seconds between two of them, and after how many one that nobody knows is lost.
_MOST_SHOWN: Final = 10
_SHOWN_EVERY: Final = 60.0
_LOST_AFTER: Final = 120.0
# Characters of a reply in the note of an opt-out that a person decided on; all of it stays with the reply.
_LONGEST_QUOTE: Final = 300


@dataclass(frozen=True, slots=True)
class Reply:
    """
    A reply as it was told: by which *source* of the account's, with the id that its *message* has there.

    *sender*: whoever replied, in E.164. *receiver*: the number or short code it was sent to, as the source writes it.
    *campaign* and *contact*: the platform's own ids, where it has any.
    """

    source: str
    message: str
    sender: str
    receiver: str
    text: str
    received_at: datetime
    campaign: str | None = None
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class ToldReply:
    """A *reply* and in whose name it is told; *acted_on* as of `HeardReplies.hear`."""

    reply: Reply
    by: Origin
    acted_on: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """
    The outcome of hearing a reply: its *id*, how it was judged, and its *state*.

    *entry*: the number of the entry that it made, or that settled it; None for neither. *again*: it was heard before, so
    nothing was done, and this is how it stands by now.
    """

    id: int
    judgement: Judgement
    state: ReplyState
    entry: int | None
    again: bool


@dataclass(frozen=True, slots=True)
class KeptReply:
    """
    A reply that was heard. *text*: its first 4,000 characters; None once it has gone, since it asks for nothing.

    *campaign_name*: where the platform told the name of its *campaign*. *entry*: as of `Heard`; *entered*: the function of
    that entry. *decider*: who decided, None while nobody did or nobody had to.
    *review*: the message in which whoever decides is asked, None while it is in none; see `HeardReplies.to_show`.
    """

    account_id: int
    id: int
    source: str
    message: str
    phone: str
    receiver: str
    text: str | None
    received_at: datetime
    heard_at: datetime
    campaign: str | None
    campaign_name: str | None
    contact: str | None
    judgement: Judgement
    state: ReplyState
    entry: int | None
    entered: str | None
    decider: Actor | None
    finished_at: datetime | None
    review: int | None


@dataclass(frozen=True, slots=True)
class ReplyDecision:
    """
    The outcome of a decision on *replies*, one and those of the same person's that waited with it, as they are now.

    *newly*: by this decision, and not by one before it. *added*: what it did, where it opted the person out.
    """

    replies: tuple[KeptReply, ...]
    newly: bool
    added: Added | None = None


class HeardReplies:
    """The verbs on replies: hear, get, list those that wait, decide."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hear(self, account: int, reply: Reply, by: Origin, *, acted_on: Outcome | None = None) -> Heard:
        """
        Keep *reply*, judge it by the account's own words as well, and do what it asks for; told again, by its source and message, nothing is done.

        Who asks for no more texts is opted out, by an entry of function "keyword" in the name of *by*, and whatever waited of
        theirs is settled by it. Who asks for texts lifts what such a word made; where something else stands they stay out, and
        the reply waits for a person, as whatever may be a request does. What asks for nothing changes nothing.

        *acted_on*: what the provider itself took it for, to stop, to be texted again or help, and has acted on.
        """
        [heard] = self.hear_all(account, [ToldReply(reply, by, acted_on)])
        if isinstance(heard, StoreError):
            raise heard
        return heard

    def hear_all(self, account: int, told: Sequence[ToldReply]) -> tuple[Heard | StoreError, ...]:
        """
        As `hear`, each in its turn, with one commit for all; one that cannot be heard has its error in place of an outcome.

        Raises `StoreUnavailable`, and then nothing was heard.
        """
        try:
            with self._database.write() as connection:
                self._database.lock_account(connection, account)
                return _Hearing(self._database, connection, account).hear(told)
        except StoreUnavailable:
            raise
        except StoreError as error:
            if len(told) == 1:
                return (error,)
        # Whatever is wrong with one of them takes nothing from the others.
        return tuple(heard for one in told for heard in self.hear_all(account, [one]))

    def get(self, account: int, reply: int) -> KeptReply:
        """The reply of that id. Raises `StoreError` when the account has none, or none any more."""
        with self._database.read() as connection:
            return _get(connection, account, reply)

    def waiting(self, account: int, *, limit: int = 100) -> tuple[KeptReply, ...]:
        """The account's replies that wait for a person, the oldest first."""
        with self._database.read() as connection:
            return tuple(_read(connection, _is(account, WAITS), limit=limit))

    def last_heard(self, account: int, source: str) -> datetime | None:
        """When the account's last reply by *source* was heard, of those that are kept; None for none."""
        mine = _is(account, replies.c.source == source)
        query = sa.select(replies.c.heard_at).where(mine).order_by(replies.c.id.desc()).limit(1)
        with self._database.read() as connection:
            return connection.execute(query).scalar()

    def waiting_by_message(self) -> dict[tuple[int, int | None], int]:
        """How many replies wait for a person, by account and the message that shows them; None for those that none shows."""
        of = replies.c.account_id, replies.c.review
        mine = self._database.served.among(replies.c.account_id)
        query = sa.select(*of, sa.func.count()).where(WAITS, mine).group_by(*of)
        with self._database.read() as connection:
            return {(account, review): count for account, review, count in connection.execute(query)}

    def in_review(self, account: int, review: int) -> tuple[KeptReply, ...]:
        """The replies that are shown in the message *review*, the oldest first."""
        with self._database.read() as connection:
            return tuple(_read(connection, _is(account, replies.c.review == review)))

    def to_show(self, account: int) -> tuple[KeptReply, ...]:
        """
        The replies of the message that whoever decides is to be shown next, once a minute at the most; none where none is due.

        Up to ten that nobody was shown yet; or all of a message that was posted, when one more came of somebody who waits in
        it; or of one that was meant to be posted two minutes ago, and of which no post is known.
        """
        unseen = _is(account, WAITS, replies.c.review.is_(None))
        key = sa.literal("replies ").concat(sa.cast(replies.c.review, sa.Text))
        posted = sa.exists().where(outbox.c.account_id == account, outbox.c.key == key)
        lost = _is(account, WAITS, replies.c.review.is_not(None), ~posted)
        with self._database.read() as connection:
            if not _read(connection, unseen | lost, limit=1):
                return ()
        shown_at = accounts.c.replies_shown_at
        is_due = sa.func.coalesce(shown_at < from_now(-_SHOWN_EVERY), sa.true())
        age = sa.select(is_due, shown_at < from_now(-_LOST_AFTER))
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            due, long_ago = connection.execute(age.where(accounts.c.id == account)).one()
            if not due:
                return ()
            found = _read(connection, lost, limit=1) if long_ago else []
            review = found[0].review if found else self._show_next(connection, account, unseen)
            if review is None:
                return ()
            connection.execute(sa.update(accounts).where(accounts.c.id == account).values(replies_shown_at=now()))
            return tuple(_read(connection, _is(account, replies.c.review == review)))

    @staticmethod
    def _show_next(connection: sa.Connection, account: int, unseen: sa.ColumnElement[bool]) -> int | None:
        """Give the oldest replies that are *unseen* their message, of which the id is answered; None where there are none."""
        new = _read(connection, unseen, limit=_MOST_SHOWN)
        if not new:
            return None
        shown = _waiting_of(account, new[0].phone) & replies.c.review.is_not(None)
        same = _read(connection, shown, limit=1)
        review = same[0].review if same else new[0].id
        ids = [reply.id for reply in new if not same or reply.phone == new[0].phone]
        connection.execute(sa.update(replies).where(_is(account, replies.c.id.in_(ids))).values(review=review))
        return review

    def decide(self, account: int, reply: int, by: Origin, *, opt_out: bool, after_all: bool = False) -> ReplyDecision:
        """
        Decide a reply that waits, and with it whatever else of the same person's waits: opt them out, or it is no request.

        *after_all*: whoever decides has seen that it was no request, and opts out nevertheless; without it a decision that was
        made stands. An opt-out is taken back by allowing texts again. Raises `StoreError` when the account has no such reply.
        """
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            found = _get(connection, account, reply)
            if found.state is ReplyState.WAITING:
                decided = _read(connection, _waiting_of(account, found.phone))
            elif found.state is ReplyState.NOT_A_REQUEST and opt_out and after_all:
                decided = [found]
            else:
                return ReplyDecision((found,), newly=False)
            added = None
            if opt_out:
                moment = connection.execute(sa.select(now())).scalar_one()
                words = f'they replied "{_quoted(found)}"'
                reason = "; ".join(text for text in (words, by.reason) if text)
                by = replace(by, reason=reason, requested_at=_requested_at(moment, decided[0].received_at))
                [added] = opt_out_by(self._database, connection, account, [found.phone], by)
            these = _is(account, replies.c.id.in_([one.id for one in decided]))
            state = ReplyState.OPTED_OUT if opt_out else ReplyState.NOT_A_REQUEST
            _change(connection, these, state, None if added is None else added.entry.id, by.actor)
            return ReplyDecision(tuple(_read(connection, these)), newly=True, added=added)


class _Hearing:
    """
    The hearing of replies in one transaction, under the account's lock.

    Those that opt out are written together, as long as none of them is asked about meanwhile: some statements for all of them
    and not for each.
    """

    def __init__(self, database: Database, connection: sa.Connection, account: int) -> None:
        self._database = database
        self._connection = connection
        self._account = account
        # By source and message: those that were heard, before or in this.
        self._heard: dict[tuple[str, str], Heard] = {}
        # By phone: those that opt it out, with their numbers, and in whose name; not written yet.
        self._out: dict[str, tuple[int, Reply, Judgement, Origin]] = {}
        # The rows of those that are new, not written yet.
        self._new: list[dict[str, Any]] = []
        # Those of whom is asked whether they are opted out, and are.
        self._opted_out: set[str] = set()
        # Those that were erased, each with the entry by which it was: of what they reply nothing is kept until they are in again.
        self._erased: dict[str, int] = {}

    def hear(self, told: Sequence[ToldReply]) -> tuple[Heard, ...]:
        """The outcome of each."""
        require_e164([one.reply.sender for one in told])
        for source in {one.reply.source for one in told}:
            messages = [one.reply.message for one in told if one.reply.source == source]
            asked = {"account": self._account, "of": source, "messages": messages}
            for row in self._connection.execute(_KNOWN, asked).mappings():
                judgement = Judgement(Outcome(row["outcome"]), row["rule"], row["sentence"], row["words"])
                again = Heard(row["id"], judgement, ReplyState(row["state"]), row["entry_id"], again=True)
                self._heard[source, row["message"]] = again
        new = len({_key(one.reply) for one in told} - self._heard.keys())
        if new:
            self._hear_new(told, new)
        heard = []
        for one in told:
            heard.append(self._heard[_key(one.reply)])
            self._heard[_key(one.reply)] = replace(heard[-1], again=True)
        return tuple(heard)

    def _hear_new(self, told: Sequence[ToldReply], new: int) -> None:
        """Hear those *told* that were not heard before, *new* of them."""
        counted = self._connection.execute(_COUNT, {"account": self._account, "more": new}).first()
        if counted is None:
            raise NoAccount(self._account)
        last, settings, moment = counted
        added = AddedWords(frozenset(settings.get("out_words", ())), frozenset(settings.get("in_words", ())))
        senders = [one.reply.sender for one in told if one.acted_on is not None]
        if senders:
            standing = {"account": self._account, "phones": senders}
            self._opted_out = set(self._connection.execute(_OPTED_OUT, standing).scalars())
        self._erased = erased_among(self._connection, self._account, list({one.reply.sender for one in told}))
        self._opted_out |= self._erased.keys()
        number = last - new
        begun = set(self._heard)
        for one in told:
            if _key(one.reply) not in begun:
                begun.add(_key(one.reply))
                number += 1
                self._hear(number, one, added, moment)
        self._write()

    def _hear(self, number: int, told: ToldReply, added: AddedWords, moment: datetime) -> None:
        reply, phone = told.reply, told.reply.sender
        _require_zone(reply.received_at)
        judgement = judge(reply.text, added)
        if told.acted_on is not None:
            judgement = after_provider(judgement, reply.text, told.acted_on, opted_out=phone in self._opted_out)
        if phone in self._erased and judgement.outcome is not Outcome.IN:
            self._pass_over(number, reply, judgement)
            return
        if judgement.outcome not in (Outcome.OUT, Outcome.IN):
            state = ReplyState.WAITING if judgement.outcome is Outcome.ASK else ReplyState.SETTLED
            self._keep(number, reply, judgement, state, None)
            return
        by = replace(told.by, reason=judgement.why, requested_at=_requested_at(moment, reply.received_at))
        if phone in self._out or any(row["phone"] == phone for row in self._new):
            self._write()
        if judgement.outcome is Outcome.OUT:
            self._out[phone] = number, reply, judgement, replace(by, function=Function.KEYWORD)
            self._opted_out.add(phone)
            return
        found = read_states(self._connection, self._account, [phone])[phone]
        state, entry = self._allow(found, by, reply.received_at)
        if phone in self._erased:
            if entry is None:
                self._pass_over(number, reply, judgement)
                return
            del self._erased[phone]
        if entry is not None and state is ReplyState.SETTLED:
            self._opted_out.discard(phone)
        self._keep(number, reply, judgement, state, entry)

    def _pass_over(self, number: int, reply: Reply, judgement: Judgement) -> None:
        """Keep nothing of *reply*, whose sender was erased and stays out."""
        entry = self._erased[reply.sender]
        self._heard[_key(reply)] = Heard(number, judgement, ReplyState.SETTLED, entry, again=False)

    def _allow(self, state: PhoneState, by: Origin, received_at: datetime) -> tuple[ReplyState, int | None]:
        """
        Lift what the contact's own word made, as far as anything stands; what else stands is for a person.

        Replies may be told late, and in another order: a word of theirs that came after this one stands.
        """
        own = [opt_out for opt_out in state.standing if _is_by_word(opt_out)]
        if any((opt_out.entry.requested_at or opt_out.entry.at) > received_at for opt_out in own):
            return ReplyState.SETTLED, None
        entry = None
        if own:
            entry = allow_texts(self._connection, self._account, state, by, lifted=own).entry
        return (ReplyState.SETTLED if len(own) == len(state.standing) else ReplyState.WAITING), entry

    def _keep(self, number: int, reply: Reply, judgement: Judgement, state: ReplyState, entry: int | None) -> None:
        self._heard[_key(reply)] = Heard(number, judgement, state, entry, again=False)
        self._new.append(
            {
                "account_id": self._account,
                "id": number,
                "source": reply.source,
                "message": reply.message,
                "phone": reply.sender,
                "receiver": reply.receiver,
                "text": reply.text[:LONGEST],
                "received_at": reply.received_at,
                "campaign": reply.campaign,
                "contact": reply.contact,
                "outcome": judgement.outcome,
                "rule": judgement.rule,
                "sentence": judgement.sentence,
                "words": judgement.words,
                "state": state,
                "entry_id": entry,
                "waits": state is ReplyState.WAITING,
            }
        )

    def _write(self) -> None:
        """Write what was heard, and is not written yet."""
        if self._out:
            asked = [(phone, by) for phone, (*_, by) in self._out.items()]
            entry = {
                one.phone: one.entry.id for one in opt_out_each(self._database, self._connection, self._account, asked)
            }
            waiting = {"account": self._account, "phones": list(entry)}
            for phone in self._connection.execute(_WAITING, waiting).scalars().all():
                settled = {"account": self._account, "of": phone, "entry": entry[phone]}
                self._connection.execute(_SETTLE, settled)
            for phone, (number, reply, judgement, _by) in self._out.items():
                self._keep(number, reply, judgement, ReplyState.SETTLED, entry[phone])
            self._out = {}
        if self._new:
            self._connection.execute(_WRITE, self._new)
            self._new = []


def _key(reply: Reply) -> tuple[str, str]:
    return reply.source, reply.message


# Made once: to make them anew takes several times as long as the database does.
_OF: Final[sa.BindParameter[int]] = sa.bindparam("account")
_KNOWN: Final = sa.select(
    replies.c.message,
    replies.c.id,
    replies.c.outcome,
    replies.c.rule,
    replies.c.sentence,
    replies.c.words,
    replies.c.state,
    replies.c.entry_id,
).where(
    replies.c.account_id == _OF,
    replies.c.source == sa.bindparam("of"),
    replies.c.message.in_(sa.bindparam("messages", expanding=True)),
)
_COUNT: Final = (
    sa.update(accounts)
    .where(accounts.c.id == _OF)
    .values(last_reply=accounts.c.last_reply + sa.bindparam("more"))
    .returning(accounts.c.last_reply, accounts.c.settings, now())
)
_OPTED_OUT: Final = (
    sa.select(opt_outs.c.phone)
    .distinct()
    .where(opt_outs.c.account_id == _OF, opt_outs.c.lifted_by.is_(None), among_bound(opt_outs.c.phone, "phones"))
)
_WAITING: Final = (
    sa.select(replies.c.phone)
    .distinct()
    .where(replies.c.account_id == _OF, among_bound(replies.c.phone, "phones"), WAITS)
)
_SETTLE: Final = (
    sa.update(replies)
    .where(replies.c.account_id == _OF, replies.c.phone == sa.bindparam("of"), WAITS)
    .values(state=ReplyState.SETTLED, entry_id=sa.bindparam("entry"), finished_at=now())
)
_WRITE: Final = sa.insert(replies).values(
    heard_at=now(), finished_at=sa.case((sa.bindparam("waits", type_=sa.Boolean), sa.null()), else_=now())
)


def _is_by_word(opt_out: OptOut) -> bool:
    """
    Whether a word of the contact's made it and nothing else: a threat or a death is no such word, whoever told it.

    To be erased is the contact's word too.
    """
    entry = opt_out.entry
    plain = entry.cause in (None, Cause.ASKED) and rule_of([opt_out]) < AllowRule.TWO_ADMINS
    return entry.function in (Function.KEYWORD, Function.ERASE) and plain


def _require_zone(received_at: datetime) -> None:
    if received_at.tzinfo is None:
        raise StoreError("The moment at which a reply came needs a time zone; nothing was done.")


def _requested_at(moment: datetime, received_at: datetime) -> datetime | None:
    """When the contact asked: as it was told, but never later than *moment*, which is now; None where that says nothing but a clock's mistake."""
    _require_zone(received_at)
    return None if received_at < moment - _OLDEST else min(received_at, moment)


def _quoted(reply: KeptReply) -> str:
    """The words of *reply* as a note has them."""
    text = " ".join((reply.text or reply.judgement.words).split())
    return text if len(text) <= _LONGEST_QUOTE else f"{text[: _LONGEST_QUOTE - 1]}\u2026"


def _is(account: int, *where: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.and_(replies.c.account_id == account, *where)


def _waiting_of(account: int, phone: str) -> sa.ColumnElement[bool]:
    return _is(account, replies.c.phone == phone, WAITS)


def _change(
    connection: sa.Connection,
    where: sa.ColumnElement[bool],
    state: ReplyState,
    entry: int | None,
    decider: Actor | None = None,
) -> None:
    """Finish the replies *where*; *entry*: what that made, None for what one of them may have made already."""
    values: dict[str, Any] = {
        "state": state,
        "decider_id": decider and decider.id,
        "decider_name": decider and decider.name,
        "finished_at": now(),
    }
    if entry is not None:
        values["entry_id"] = entry
    connection.execute(sa.update(replies).where(where).values(**values))


_KEPT: Final = (
    sa.select(replies, campaigns.c.name.label("campaign_name"), entries.c.function.label("entered"))
    .outerjoin(campaigns, sa.and_(campaigns.c.account_id == replies.c.account_id, campaigns.c.id == replies.c.campaign))
    .outerjoin(entries, sa.and_(entries.c.account_id == replies.c.account_id, entries.c.id == replies.c.entry_id))
)


def _read(connection: sa.Connection, where: sa.ColumnElement[bool], *, limit: int | None = None) -> list[KeptReply]:
    """The replies *where*, the oldest first."""
    query = _KEPT.where(where).order_by(replies.c.heard_at, replies.c.id).limit(limit)
    return list(map(_kept, connection.execute(query).mappings()))


def _get(connection: sa.Connection, account: int, reply: int) -> KeptReply:
    for found in _read(connection, _is(account, replies.c.id == reply)):
        return found
    raise StoreError("There is no such reply here any more, so nothing was done.")


def _kept(row: sa.RowMapping) -> KeptReply:
    decider = row["decider_id"]
    return KeptReply(
        account_id=row["account_id"],
        id=row["id"],
        source=row["source"],
        message=row["message"],
        phone=row["phone"],
        receiver=row["receiver"],
        text=row["text"],
        received_at=row["received_at"],
        heard_at=row["heard_at"],
        campaign=row["campaign"],
        campaign_name=row["campaign_name"],
        contact=row["contact"],
        judgement=Judgement(Outcome(row["outcome"]), row["rule"], row["sentence"], row["words"]),
        state=ReplyState(row["state"]),
        entry=row["entry_id"],
        entered=row["entered"],
        decider=None if decider is None else Actor(decider, row["decider_name"]),
        finished_at=row["finished_at"],
        review=row["review"],
    )
