"""What is known of phones: all of one, and which of many must not be texted."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from handlers.platform import models
from handlers.platform.endpoints import Call, Endpoint, Parameter, read
from handlers.platform.following import Following
from handlers.platform.problems import NOT_YET, Fault, Problem
from store import Checked, Entry, OptOut, PhoneState, PlainWriter, Scope, Store, note

PHONE: Final = Parameter(
    "phone",
    {"type": "string", "pattern": models.E164},
    "A phone in E.164: a plus, then 7 to 15 digits.",
    "+12125550100",
)
_MIN: Final = Parameter(
    "min",
    {"type": "integer", "minimum": 0, "maximum": 10**18 - 1},
    "The `as_of` of an answer before: this one has seen at least as much, or is `not-yet` after some seconds.",
)
# Seconds to wait for it: replicas of a database are some tenths of one behind.
PATIENCE: Final = 3.0
_PHONE: Final = re.compile(models.E164.removesuffix("$") + r"\Z", re.ASCII)
# All at once: a look at each takes as long as the database does.
_PHONES: Final = re.compile(r"(?:\+[1-9][0-9]{6,14}\n)*\Z", re.ASCII)
_WRONG: Final = "This is not E.164: a plus, then 7 to 15 digits of which the first is no zero, like +12125550100."
_LONGEST_QUOTED: Final = 40


class Phones:
    """The endpoints about phones."""

    def __init__(self, store: Store, following: Following) -> None:
        self._store = store
        self._following = following

    def endpoints(self) -> tuple[Endpoint, ...]:
        return (
            Endpoint(
                "GET",
                "/phones/{phone}",
                "getPhone",
                "All that is known of one phone",
                "Whether it must not be texted, since when, for which reasons, and its conversations. A phone that the list "
                "never heard of is not opted out.",
                (Scope.CHECK,),
                (models.PhoneAnswer,),
                self._phone,
                parameters=(PHONE,),
                query=(_MIN,),
                waits=self._wait,
                problems=(NOT_YET,),
                together=self._phones_together,
            ),
            Endpoint(
                "POST",
                "/checks",
                "checkPhones",
                "Which of these phones must not be texted",
                "To be asked before each send: up to 10,000 phones at once. The answer names only those that are opted out, "
                "and those that are not in E.164, of which nothing can be known. It changes nothing.",
                (Scope.CHECK,),
                (models.CheckAnswer,),
                self._check,
                query=(_MIN,),
                waits=self._wait,
                body=models.CheckRequest,
                problems=(NOT_YET,),
                together=self._check_together,
            ),
        )

    async def _wait(self, call: Call) -> None:
        await self._following.reached(call.account, call.query["min"], PATIENCE)

    def _phone(self, call: Call) -> bytes:
        return _only(self._phones_together([call]))

    def _phones_together(self, calls: Sequence[Call]) -> list[bytes | Problem]:
        as_of, states = self._store.optouts.look_up(calls[0].account, [call.path["phone"] for call in calls])
        return [
            _not_seen(call, as_of) or _told(states[call.path["phone"]], as_of).model_dump_json().encode()
            for call in calls
        ]

    def _check(self, call: Call) -> bytes:
        return _only(self._check_together([call]))

    def _check_together(self, calls: Sequence[Call]) -> list[bytes | Problem]:
        asked = [_sorted_out(call) for call in calls]
        phones = [phone for one in asked if isinstance(one, _Asked) for phone in one.phones]
        checked = self._store.optouts.check(calls[0].account, phones)
        return [
            one if isinstance(one, Problem) else _not_seen(call, checked.as_of) or one.answer(checked)
            for call, one in zip(calls, asked, strict=True)
        ]


class _Asked(NamedTuple):
    """What one check asks about: how many there are, those that are *phones*, and those that are none."""

    number: int
    phones: list[str]
    invalid: list[models.InvalidAnswer]

    def answer(self, checked: Checked) -> bytes:
        """What goes over the wire of *checked*, which may know of others too."""
        told = models.CheckAnswer.model_construct(
            as_of=checked.as_of,
            checked=self.number,
            opted_out=[phone for phone in dict.fromkeys(self.phones) if phone in checked.opted_out],
            invalid=self.invalid,
        )
        return told.model_dump_json().encode()


def _only(answers: Sequence[bytes | Problem]) -> bytes:
    """The one of *answers*. Raises what is wrong with it."""
    [answer] = answers
    if isinstance(answer, Problem):
        raise answer
    return answer


def _not_seen(call: Call, as_of: int) -> Problem | None:
    """The problem with an answer that has not seen the change which the request names."""
    if as_of >= call.query.get("min", 0):
        return None
    detail = f"The newest change here is {as_of}. Ask again, or without min for what is known here now."
    return Problem(NOT_YET, f"min: {detail}", faults=[Fault("min", detail)], headers={"Retry-After": "1"})


def _sorted_out(call: Call) -> _Asked | Problem:
    """The phones of a check that are such, and those that are none; or what is wrong with the whole of it."""
    match call.body:
        case {"phones": list(phones), **rest} if not rest and 0 < len(phones) <= models.MOST_CHECKED:
            try:
                if _PHONES.match("\n".join([*phones, ""])):
                    return _Asked(len(phones), phones, [])
            except TypeError:  # one of them is no text
                pass
    try:
        given: list[str] = read(models.CheckRequest, call.raw).phones
    except Problem as problem:
        return problem
    invalid = [
        models.InvalidAnswer(at=at, phone=text[:_LONGEST_QUOTED], detail=_WRONG)
        for at, text in enumerate(given)
        if not _PHONE.match(text)
    ]
    wrong = {fault.at for fault in invalid}
    return _Asked(len(given), [text for at, text in enumerate(given) if at not in wrong], invalid)


def _told(state: PhoneState, as_of: int) -> models.PhoneAnswer:
    """What goes over the wire of *state*."""
    return models.PhoneAnswer(
        as_of=as_of,
        phone=state.phone,
        opted_out=state.opted_out,
        since=state.since,
        reasons=[_reason(opt_out) for opt_out in state.opt_outs],
        conversations=[
            models.ConversationAnswer(
                campaign=one.campaign_id,
                name=one.campaign,
                active=one.active,
                contact=one.contact,
                opted_out=one.opted_out,
            )
            for one in state.conversations
        ],
    )


def _reason(opt_out: OptOut) -> models.ReasonAnswer:
    made = origin_of(opt_out.entry)
    if opt_out.requested_at is not None:
        made = made.model_copy(update={"requested_at": opt_out.requested_at})
    lifted = None if opt_out.lifted is None else origin_of(opt_out.lifted)
    return models.ReasonAnswer(made=made, note=note(opt_out, PlainWriter()), lifted=lifted)


def origin_of(entry: Entry) -> models.EntryAnswer:
    """Who did what when, of *entry*."""
    return models.EntryAnswer(
        entry=entry.id,
        function=entry.function,
        at=entry.at,
        by=entry.actor.name,
        reason=entry.reason,
        cause=entry.cause,
        requested_at=entry.requested_at,
    )
