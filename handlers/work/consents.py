"""
Twilio's consents: opt-outs told to Twilio, which then sends that contact nothing from the destination's sender.

https://www.twilio.com/docs/messaging/features/consent-api: up to 25 a request, 100 requests a minute, and what is there
already is overwritten, so that telling it twice does no harm. What Twilio says of one item:
https://www.twilio.com/docs/api/errors/30646.

Opt-ins are never told. To Twilio one says that the contact themselves agreed, and it ends the block that their own STOP
made; the list knows only that the desk's reasons are gone, and Twilio's consents cannot be read.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from typing import Final

import aiohttp

from handlers.slack.token_bucket import TokenBucket
from handlers.work.calls import TIMEOUT_SECONDS, Calls
from handlers.work.senders import Answered
from store import ChangedPhone, ChangesPage, Destination, StoreError, checked_sender

# Together they are never more than the 100 that Twilio takes.
A_MINUTE: Final = 90.0
BURST: Final = 10
_LONGEST_PROBLEM: Final = 200
# No contact: Twilio's own example of one that it refuses, with everything else being right.
_NOBODY: Final = "+19"
_NO_CONTACT: Final = "INVALID_CONTACT_ID"
_NO_SENDER: Final = "INVALID_SENDER_ID"
_IN_WORDS: Final = {
    _NO_CONTACT: "Twilio knows no such number",
    "INVALID_DATE_OF_CONSENT": "to Twilio its opt-out is in the future: look at the clock of the desk's machine",
    "INTERNAL_SERVER_ERROR": "Twilio failed at it",
}
# What somebody has to do something about, by the status.
_REFUSED: Final = {
    401: "it refuses the SID or the secret (401): make the destination anew with those that Twilio's console shows",
    403: "it does not let this account, or this key, use the Consent Management API (403): ask Twilio's support for it",
    404: "it has no Consent Management API for this account (404): ask Twilio's support for it",
}


class ConsentSender:
    """Sends to Twilio's Consent Management API at *url*."""

    most_phones = 25

    def __init__(self, *, url: str, seconds: float = TIMEOUT_SECONDS) -> None:
        self._url = f"{url}v1/Consents/Bulk"
        self.calls = Calls(seconds)
        # By login: it is the account that Twilio counts.
        self._turns: dict[str, TokenBucket] = {}

    def why_not(self, address: str) -> str | None:
        try:
            checked_sender(address)
        except StoreError as error:
            return str(error)
        return None

    async def send_page(self, destination: Destination, page: ChangesPage) -> Answered:
        """As of a `Sender`: its opt-outs; of the others nothing is to be told."""
        told = dict.fromkeys(one.phone for one in page.phones)
        opted_out = [one for one in page.phones if one.opted_out]
        if not opted_out:
            return Answered(None, of_each=told)
        items = [_item(destination, one) for one in opted_out]
        answered, results = await self._post(destination, items)
        if results is None:
            return answered
        if any(_NO_SENDER in result for result in results):
            return Answered(f"{destination.address} is no sender of that account", answered.status)
        problems = zip((one.phone for one in opted_out), map(_in_words, results), strict=True)
        return Answered(None, answered.status, of_each=told | dict(problems))

    async def send_test(self, destination: Destination) -> Answered:
        """As of a `Sender`: a consent of nobody, which Twilio looks at and does not keep."""
        answered, results = await self._post(destination, [_item(destination, ChangedPhone(_NOBODY, True, None))])
        if results is None or results == [[_NO_CONTACT]]:
            return answered
        return Answered(f"Twilio says {_said(results[0]) or 'that it took a contact that nobody is'}", answered.status)

    async def close(self) -> None:
        await self.calls.close()

    async def _post(
        self, destination: Destination, items: Sequence[dict[str, str]]
    ) -> tuple[Answered, list[list[str]] | None]:
        """What came back; and what Twilio says of each of *items*, nothing where it took it, None where it does not."""
        login = destination.login or ""
        form = aiohttp.FormData([("Items", json.dumps(item, separators=(",", ":"))) for item in items])
        await self._turns.setdefault(login, TokenBucket(A_MINUTE, BURST)).turn()
        authorization = aiohttp.encode_basic_auth(login, destination.secret)
        answered, body = await self.calls.ask("POST", self._url, authorization=authorization, data=form)
        status = answered.status or 0
        if body is None:
            return answered, None
        if not 200 <= status < 300:
            return replace(answered, problem=_REFUSED.get(status, f"it answered {status}")), None
        results = _results(body, [item["correlation_id"] for item in items])
        problem = "its answer is not what Twilio's documentation says" if results is None else None
        return replace(answered, problem=problem), results


def _item(destination: Destination, one: ChangedPhone) -> dict[str, str]:
    item = {
        "contact_id": one.phone,
        "correlation_id": uuid.uuid4().hex,
        "sender_id": destination.address,
        "status": "opt-out",
        # The list does not tell by which way; Twilio has no more of it than this.
        "source": "others",
    }
    if one.since is not None:
        item["date_of_consent"] = one.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return item


def _results(body: bytes, wanted: Sequence[str]) -> list[list[str]] | None:
    """The messages for each of the correlation ids *wanted*, in their order; None for a body that is no such list."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or not isinstance(told.get("items"), list):
        return None
    found: dict[str, list[str]] = {}
    for one in told["items"]:
        match one:
            case {"correlation_id": str(which), "error_code": 0}:
                found[which] = []
            case {"correlation_id": str(which), "error_code": int(code)}:
                messages = one.get("error_messages")
                said = [text for text in messages if isinstance(text, str)] if isinstance(messages, list) else []
                found[which] = said or [f"error {code}"]
    return [found.get(which, ["nothing of it"]) for which in wanted] if found else None


def _in_words(messages: Sequence[str]) -> str | None:
    """What *messages* say of one phone, in words; None where there are none, which is a yes."""
    if not messages:
        return None
    return next((_IN_WORDS[one] for one in messages if one in _IN_WORDS), f"Twilio says {_said(messages)}")


def _said(messages: Sequence[str]) -> str:
    return ", ".join(messages)[:_LONGEST_PROBLEM]
