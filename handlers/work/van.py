"""
NGP VAN, also called EveryAction: opt-outs told to it, phone by phone, as the opt-in status of the person who has it.

VAN knows people, not phones. `POST /people/findByPhone` answers with a person where exactly one has the number, and
with 404 where nobody has it or several do (https://docs.everyaction.com/reference/find-by-phone); `GET
/people?phoneNumber=` tells those apart. `GET /people/{vanId}?$expand=phones` says how it is with the phone, and `POST
/people/{vanId}` writes the phone's `phoneOptInStatus`: O for out, I for in, U for unknown
(https://docs.everyaction.com/reference/people-common-models, https://docs.ngpvan.com/reference/peoplevanid). What these
pages leave open was observed by others, call by call: https://github.com/NickCrews/van-openapi.

Which of several people is meant is nobody's to guess: the phone waits for somebody to look. Only opt-outs are told. VAN
keeps one status a phone, whoever wrote it: to take one back could end an opt-out that another product wrote.
"""

import asyncio
import json
from dataclasses import replace
from typing import Any, Final

import aiohttp

from handlers.slack.token_bucket import TokenBucket
from handlers.work.calls import TIMEOUT_SECONDS, Calls
from handlers.work.senders import Answered
from store import ChangesPage, Destination, van_number

# Of a key, whatever is asked: 15 a second, as was seen. https://docs.ngpvan.com/docs/throttling-guidelines says that it
# differs by key, and asks to spare what all share. Those at once and those of a second are together no more than that.
A_MINUTE: Final = 600.0
BURST: Final = 5
# To the next look at a phone that waits for a person, who seldom is there sooner: seconds.
A_DAY: Final = 86_400.0
# Made up for films and tests: no phone is told of by it.
_NOBODYS: Final = "2125550100"
_SHOWN: Final = 200

_NOBODY: Final = "nobody is found in VAN by this number"
_SEVERAL: Final = "several people have this number in VAN: opt it out there for each of them, or merge them"
_NOT_THEIRS: Final = "VAN names a person for this number who does not have it: look at it there"
_FOREIGN: Final = "VAN is asked for numbers of North America alone, which begin with +1"
_ODD: Final = "its answer is not what VAN's documentation says"
# What stops all, whichever phone it was about, by the status.
_REFUSED: Final = {
    401: "it refuses the application name or the key (401): make the destination anew with those that VAN gave",
    403: "it does not let this key find or change people (403): ask VAN's administrator for that",
    429: "it is asked more often than it allows (429)",
}


class _FailedError(Exception):
    """VAN did not do as it was asked, which *answered* says in words."""

    def __init__(self, answered: Answered) -> None:
        super().__init__(answered.problem)
        self.answered = answered


class VanSender:
    """Sends to the API of VAN at *url*."""

    # At once, each with up to three requests one after the other.
    most_phones = 5

    def __init__(self, *, url: str, seconds: float = TIMEOUT_SECONDS) -> None:
        self._url = f"{url}v4/people"
        self.calls = Calls(seconds)
        # By login and key: it is the key whose requests VAN counts.
        self._turns: dict[tuple[str | None, str], TokenBucket] = {}

    def why_not(self, address: str) -> str | None:  # noqa: ARG002  there is one VAN
        return None

    async def send_page(self, destination: Destination, page: ChangesPage) -> Answered:
        """As of a `Sender`: what VAN does not do for one phone is that phone's, unless it does nothing for any."""
        numbers = {one.phone: van_number(one.phone) for one in page.phones if one.opted_out}
        told = {phone: number for phone, number in numbers.items() if number is not None}
        came = await asyncio.gather(*(self._tell(destination, number) for number in told.values()))
        failed = [one for one in came if isinstance(one, Answered)]
        if failed and (len(failed) == len(came) or any(one.status in _REFUSED for one in failed)):
            return next((one for one in failed if one.status in _REFUSED), failed[0])
        of_each: dict[str, str | None] = {one.phone: None for one in page.phones}
        of_each |= dict.fromkeys(numbers.keys() - told.keys(), _FOREIGN)
        of_each |= {
            phone: said.problem if isinstance(said, Answered) else said for phone, said in zip(told, came, strict=True)
        }
        return Answered(None, of_each=of_each, wait_of_each=None if failed else A_DAY)

    async def send_test(self, destination: Destination) -> Answered:
        """As of a `Sender`: a look for a number that is nobody's."""
        try:
            answered, _ = await self._ask(destination, "POST", "/findByPhone", json={"phoneNumber": _NOBODYS})
        except _FailedError as error:
            return error.answered
        problem = None if answered.status in (200, 404) else _ODD
        return replace(answered, problem=problem, body="")

    async def close(self) -> None:
        await self.calls.close()

    async def _tell(self, destination: Destination, number: str) -> str | Answered | None:
        """Tell of one number: None where VAN has it so, why a person has to look, or the answer where VAN failed."""
        try:
            person = await self._find(destination, number)
            if isinstance(person, int):
                return await self._opt_out(destination, person, number)
        except _FailedError as error:
            return error.answered
        return person

    async def _find(self, destination: Destination, number: str) -> int | str:
        """The VAN ID of the one person who has *number*, or why there is none."""
        answered, found = await self._ask(destination, "POST", "/findByPhone", json={"phoneNumber": number})
        match answered.status, found:
            case 200, {"vanId": int(person)} if person > 0 and person is not True:
                return person
            case 400, _:
                return f"VAN does not take it for a number: {_said(found)}"
            case 404, _:
                pass
            case _:
                raise _FailedError(replace(answered, problem=_ODD))
        answered, found = await self._ask(destination, "GET", "", params={"phoneNumber": number, "$top": "1"})
        match answered.status, found:
            case 200, {"count": int(people)}:
                return _SEVERAL if people else _NOBODY
        raise _FailedError(replace(answered, problem=_ODD))

    async def _opt_out(self, destination: Destination, person: int, number: str) -> str | None:
        """Have *number* of that person out, where it is not; why somebody has to look, None where it is out now."""
        answered, found = await self._ask(destination, "GET", f"/{person}", params={"$expand": "phones"})
        match answered.status, found:
            case 200, {"vanId": same, "phones": list(phones)} if same == person:
                pass
            case _:
                raise _FailedError(replace(answered, problem=_ODD))
        mine = [one for one in phones if isinstance(one, dict) and _is_number(one, number)]
        if not mine:
            return _NOT_THEIRS
        if all(_status_of(one) == "Opt-Out" for one in mine):
            return None
        phone = {"phoneNumber": number, "dialingPrefix": "1", "phoneOptInStatus": "O"}
        answered, found = await self._ask(destination, "POST", f"/{person}", json={"phones": [phone]})
        # A redirect to the person, which need not be followed.
        match answered.status, found:
            case 200 | 201 | 302, {"vanId": same} if same == person and "errors" not in found:
                return None
        raise _FailedError(replace(answered, problem=_ODD))

    async def _ask(self, destination: Destination, method: str, path: str, **what: Any) -> tuple[Answered, Any]:
        """What came back and what its JSON says, None for an empty body. Raises `_FailedError`, but for 400 and 404."""
        turns = self._turns.setdefault((destination.login, destination.secret), TokenBucket(A_MINUTE, BURST))
        authorization = aiohttp.encode_basic_auth(destination.login or "", destination.secret)
        body: bytes | None = None
        # A second time where the connection broke: whatever is asked may be asked twice.
        for _ in range(2):
            await turns.turn()
            answered, body = await self.calls.ask(method, self._url + path, authorization=authorization, **what)
            if body is not None or answered.problem == self.calls.too_slow:
                break
        if body is None:
            raise _FailedError(answered)
        status = answered.status or 0
        if status in _REFUSED or (status >= 300 and status not in (302, 400, 404)):
            raise _FailedError(replace(answered, problem=_REFUSED.get(status, f"it answered {status}")))
        try:
            # A page of the web server, where the address is wrong or VAN is being mended, is no JSON.
            return answered, json.loads(body) if body.strip() else None
        except (ValueError, RecursionError):
            raise _FailedError(replace(answered, problem=_ODD)) from None


def _is_number(one: dict[str, Any], number: str) -> bool:
    return one.get("phoneNumber") == number and one.get("dialingPrefix") in ("1", None)


def _status_of(one: dict[str, Any]) -> Any:
    """What VAN says of texts, and where it says nothing, of the phone at all."""
    return one.get("smsOptInStatus") or one.get("phoneOptInStatus")


def _said(found: Any) -> str:
    """What VAN says is wrong with what it was asked."""
    match found:
        case {"errors": [{"text": str(text)}, *_]}:
            return text[:_SHOWN]
    return "it does not say why"
