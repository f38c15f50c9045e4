"""The door for webhooks: what a provider signed is kept and heard once before it is answered; all else is refused and counted."""

import asyncio
import io
import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from handlers.hooks.receiving import LARGEST_BODY
from store import Store, StoreUnavailable
from tests.handlers.hooks.conftest import (
    BY_ADMIN,
    MESSAGE,
    NOW,
    OURS,
    PHONE,
    PUBLIC_URL,
    SHARED_KEY,
    Door,
    twilio_signature,
)
from tests.handlers.hooks.twilio_api import TOKEN

pytestmark = pytest.mark.wide_but_first
EVENT: dict[str, Any] = {
    "data": {
        "event_type": "message.received",
        "id": "bf6307bd-884d-4c1f-b6ea-c62b8c495d3c",
        "occurred_at": "2026-11-18T10:02:04.574+00:00",
        "payload": {
            "autoresponse_type": None,
            "cc": [],
            "direction": "inbound",
            "encoding": "GSM-7",
            "from": {"carrier": "T-MOBILE USA, INC.", "line_type": "Wireless", "phone_number": PHONE},
            "id": "7ee4241c-f127-47e5-9c34-3aac291f8058",
            "media": [],
            "messaging_profile_id": "0f512bda-ae1e-4597-8e11-e5f5686b97d3",
            "received_at": "2026-11-18T10:02:04.383+00:00",
            "record_type": "message",
            "text": "please stop",
            "to": [{"carrier": "TELNYX LLC", "line_type": "VoIP", "phone_number": OURS, "status": "webhook_delivered"}],
            "type": "SMS",
        },
        "record_type": "event",
    },
    "meta": {"attempt": 1, "delivered_to": "https://desk.example.org"},
}


def event(**changes: Any) -> bytes:
    """The event as Telnyx sends it, with those changes of its message."""
    return json.dumps({**EVENT, "data": {**EVENT["data"], "payload": EVENT["data"]["payload"] | changes}}).encode()


async def test_what_twilio_tells_is_heard_and_answered_with_nothing_to_send(door: Door) -> None:
    """A STOP opts out before the answer, in the name of the hook; the answer has Twilio send nothing back."""
    status, answer = await door.tell_twilio()
    assert (status, re.sub(r"<\?.*?\?>", "", answer)) == (200, "<Response></Response>")
    [opt_out] = door.store.optouts.find(door.account.id, PHONE).standing
    assert (opt_out.entry.function, opt_out.entry.actor.name) == ("keyword", "Twilio hook main number")
    assert opt_out.entry.actor.id == f"hook:{door.twilio.id}"
    assert door.counted() == {("twilio", "heard"): 1}


async def test_what_telnyx_tells_is_heard(door: Door) -> None:
    """With the moment that Telnyx says."""
    assert await door.tell_telnyx(event()) == (200, "")
    [opt_out] = door.store.optouts.find(door.account.id, PHONE).standing
    assert opt_out.entry.requested_at == datetime(2026, 11, 18, 10, 2, 4, 383_000, tzinfo=UTC)
    assert door.counted() == {("telnyx", "heard"): 1}


async def test_a_message_that_is_told_again_is_heard_once(door: Door) -> None:
    """Told ten times at once and once more, signed anew or kept by somebody: one reason, and each is answered as the first."""
    told = await asyncio.gather(*(door.tell_twilio() for _ in range(10)))
    told.append(await door.tell_twilio({**MESSAGE, "NewField": "yes"}))
    assert {status for status, _ in told} == {200}
    assert len(door.reasons()) == 1
    assert door.counted() == {("twilio", "heard"): 1, ("twilio", "again"): 10}
    for _ in range(2):
        assert await door.tell_telnyx(event()) == (200, "")
    assert len(door.reasons()) == 2


@pytest.mark.parametrize(
    ("query", "added"),
    [
        ("", {}),
        ("?src=a%20b&x='~%C3%A9&y=1+2&y=2", {}),
        ("", {"NewField": "", "ButtonPayload": "ü €", "ZZ": "a&b=c+d%"}),
        ("", {"From": f"whatsapp:{PHONE}", "ProfileName": "Ada \N{PILE OF POO} \u202eevil"}),
        ("", {"Body": "please stop texting me"}),
        ("", {"OptOutType": "STOP", "Body": "Zzz basta YA"}),
    ],
)
async def test_parameters_and_queries_that_nobody_knows_are_let_through(
    door: Door, query: str, added: dict[str, str]
) -> None:
    """Whatever Twilio adds is signed, and no reason to refuse it; the address is compared as it was signed."""
    assert (await door.tell_twilio(MESSAGE | added, query=query))[0] == 200
    assert len(door.reasons()) == 1


async def test_both_algorithms_are_taken_each_with_its_secret(door: Door) -> None:
    """SHA-256 goes with the shared key and SHA-1 with the token; the other way round, and by other names, it is forged."""
    path, statuses = f"twilio/{door.twilio.id}", []
    for algorithm, secret, name in (
        ("sha256", SHARED_KEY, "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"),
        ("sha256", TOKEN, "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"),
        ("sha1", SHARED_KEY, "algorithm=HMAC_SHA1"),
        ("sha1", TOKEN, "algorithm=HMAC_SHA1"),
        ("sha512", SHARED_KEY, "algorithm=HMAC_SHA512"),
        ("sha1", TOKEN, "algorithm=NONE"),
    ):
        signature = twilio_signature(f"{PUBLIC_URL}/hooks/{path}", {}, secret, algorithm)
        headers = {"X-Twilio-Signature": signature, "X-Twilio-Webhooks-Signature-Settings": name}
        statuses.append((await door.post(path, b"", headers))[0])
    # What is signed and empty is no message: it is the signature that was looked at first.
    assert statuses == [400, 401, 401, 400, 401, 401]


@pytest.mark.parametrize(
    "changed",
    [
        {"signature": ""},
        {"signature": "\u00fcber"},
        {"secret": TOKEN[:-1] + "b"},
        {"form": MESSAGE | {"From": "+12125550199"}, "signature": "of the one before"},
    ],
)
async def test_what_twilio_did_not_sign_is_refused(door: Door, changed: dict[str, Any]) -> None:
    """Without a signature, with another's, or for another message: 401, nothing is kept, and it is counted."""
    if changed.get("signature") == "of the one before":
        changed["signature"] = twilio_signature(f"{PUBLIC_URL}/hooks/twilio/{door.twilio.id}", MESSAGE, TOKEN)
    status, answer = await door.tell_twilio(**changed)
    assert status == 401
    assert json.loads(answer)["type"].endswith(":forged")
    assert door.reasons() == []
    assert door.counted() == {("twilio", "forged"): 1}


async def test_a_connection_is_kept_for_whoever_could_sign(door: Door) -> None:
    """A proxy, or a provider, needs one for many messages; behind what is refused it is closed."""
    sent = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    body, closed = urlencode(MESSAGE).encode(), []
    for path, signed in ((f"twilio/{door.twilio.id}", MESSAGE), (f"twilio/{door.twilio.id}", {}), ("twilio/none", {})):
        signature = twilio_signature(f"{PUBLIC_URL}/hooks/{path}", signed, TOKEN)
        url = f"{door.url}/hooks/{path}"
        async with door.session.post(url, data=body, headers=sent | {"X-Twilio-Signature": signature}) as answer:
            closed.append((answer.status, answer.headers.get("Connection") == "close"))
    assert closed == [(200, False), (401, True), (404, True)]
    async with door.session.get(url) as answer:
        assert (answer.status, answer.headers["Connection"]) == (405, "close")


async def test_a_hook_that_was_removed_hears_nothing_more(door: Door) -> None:
    """At once, though the desk knew it a moment ago."""
    assert (await door.tell_twilio())[0] == 200
    door.store.hooks.remove(door.account.id, door.twilio.id, BY_ADMIN)
    assert (await door.tell_twilio(MESSAGE | {"MessageSid": "SM" + "2" * 32}))[0] == 404


async def test_a_signature_of_telnyx_is_good_for_five_minutes(door: Door) -> None:
    """Older, or of a clock that is ahead by more, it is refused as old; changed by one sign, or without, as forged."""
    assert [(await door.tell_telnyx(event(id="m1"), ago=ago))[0] for ago in (300, 301, -301, -300)] == [
        200,
        401,
        401,
        200,
    ]
    body = event(id="m2")
    good = door.signer.headers(body, NOW)
    path = f"telnyx/{door.telnyx.id}"
    for headers, sent in (
        (good, body + b" "),
        (good | {"telnyx-timestamp": str(NOW + 1)}, body),
        (good | {"telnyx-timestamp": ""}, body),
        (good | {"telnyx-timestamp": "\u0661"}, body),
        (good | {"telnyx-signature-ed25519": "AAAA"}, body),
        (good | {"telnyx-signature-ed25519": "*"}, body),
        ({}, body),
    ):
        assert (await door.post(path, sent, headers))[0] == 401
    assert len(door.reasons()) == 1
    assert door.counted() == {
        ("telnyx", "heard"): 1,
        ("telnyx", "again"): 1,
        ("telnyx", "old"): 2,
        ("telnyx", "forged"): 7,
    }


@pytest.mark.parametrize("path", ["twilio/nosuchhook", "telnyx/{twilio}", "{twilio}", "twilio/", "", "vonage/{twilio}"])
async def test_addresses_that_are_none_open_nothing(door: Door, path: str) -> None:
    """One sentence for all of them, whoever signed; a hook is of its own kind alone."""
    status, _ = await door.post(path.format(twilio=door.twilio.id), b"a=b", {"X-Twilio-Signature": "x"})
    assert status == 404
    async with door.session.get(f"{door.url}/hooks/twilio/{door.twilio.id}") as answer:
        assert answer.status == 405


@pytest.mark.parametrize(
    "form",
    [
        MESSAGE | {"From": "72975"},
        MESSAGE | {"From": "PROMO"},
        MESSAGE | {"From": "messenger:1234567890"},
        MESSAGE | {"SmsStatus": "delivered"},
        {"MessageSid": MESSAGE["MessageSid"], "MessageStatus": "sent", "From": OURS, "To": PHONE},
    ],
)
async def test_what_is_no_reply_of_a_phone_is_ignored(door: Door, form: dict[str, str]) -> None:
    """Short codes, names, and what became of our own messages: answered, so that nobody tries again, and not kept."""
    assert (await door.tell_twilio(form))[0] == 200
    assert door.counted() == {("twilio", "ignored"): 1}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (json.dumps({"data": {"event_type": "message.finalized", "payload": {"id": "m"}}}).encode(), 200),
        (json.dumps({"data": {"event_type": "call.initiated", "new": [1]}}).encode(), 200),
        (event(direction="outbound"), 200),
        (event(**{"from": {"phone_number": "72975"}}), 200),
        (event(text=None, to=[], received_at="yesterday", id="picture"), 200),
        (event(text="half \ud800 a\0b", id="odd"), 200),
        (b"", 400),
        (b"[" * 60_000, 400),
        (b"null", 400),
        (b'{"data": {}}', 400),
        (event(**{"from": None}), 400),
        (event(id="a b"), 400),
    ],
)
async def test_events_of_every_shape_are_answered(door: Door, body: bytes, status: int) -> None:
    """Those that are no incoming message are ignored; what is signed and no event is named as such; nothing is opted out."""
    assert (await door.tell_telnyx(body))[0] == status
    assert door.reasons() == []


async def test_what_the_provider_acted_on_goes_first(door: Door) -> None:
    """A word of the account's own that Telnyx blocks by opts out here too, and the note says whose word it was."""
    await door.tell_telnyx(event(text="Schluss", autoresponse_type="STOP"))
    assert door.reasons() == ['the reply is a word that the provider takes for STOP: "schluss"']


async def test_yes_opts_nobody_in_whatever_the_provider_does(door: Door) -> None:
    """To Twilio it may be a START: whoever is out stays out, and a person is asked; a START lifts what STOP made."""
    await door.tell_twilio()
    yes = MESSAGE | {"MessageSid": "SM" + "2" * 32, "Body": "Yes", "OptOutType": "START"}
    await door.tell_twilio(yes)
    assert len(door.reasons()) == 1
    assert [reply.text for reply in door.store.replies.waiting(door.account.id)] == ["Yes"]
    await door.tell_twilio(yes | {"MessageSid": "SM" + "3" * 32, "From": "+12125550111"})
    assert len(door.store.replies.waiting(door.account.id)) == 1
    await door.tell_twilio(MESSAGE | {"MessageSid": "SM" + "4" * 32, "Body": "START", "OptOutType": "START"})
    assert door.reasons() == []


async def test_large_bodies_are_refused_before_they_are_read(door: Door) -> None:
    """Promised or not: ten megabytes are 413, and the desk goes on."""
    body = b"Body=" + b"a" * 10_000_000

    async def piecemeal() -> Any:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    for sent in (io.BytesIO(body), piecemeal()):
        try:
            async with door.session.post(f"{door.url}/hooks/twilio/{door.twilio.id}", data=sent) as answer:
                assert answer.status == 413
        except ConnectionError:
            pass  # refused while it was still being sent
    assert door.counted() == {("twilio", "too-large"): 2}
    assert (await door.tell_twilio(MESSAGE | {"Body": "STOP " * (LARGEST_BODY // 10)}))[0] == 200


async def test_a_body_is_asked_for_when_it_will_be_read(door: Door) -> None:
    """`Expect: 100-continue` is answered with it once, and not for a hook that there is none of, nor for too large a body."""
    address = urlsplit(door.url)
    body = urlencode(MESSAGE).encode()
    path = f"/hooks/twilio/{door.twilio.id}"
    signature = twilio_signature(f"{PUBLIC_URL}{path}", MESSAGE, TOKEN)

    async def said(path: str, size: int) -> list[bytes]:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        head = (
            f"POST {path} HTTP/1.1",
            "Host: desk",
            "Expect: 100-continue",
            f"X-Twilio-Signature: {signature}",
            f"Content-Length: {size}",
        )
        writer.write("\r\n".join([*head, "", ""]).encode() + body)
        heard = await reader.read()
        writer.close()
        return re.findall(rb"HTTP/1.1 (\d+) ", heard)

    assert await said("/hooks/twilio/none", len(body)) == [b"404"]
    assert await said(path, LARGEST_BODY + 1) == [b"413"]
    assert await said(path, len(body)) == [b"100", b"200"]


async def test_a_provider_is_told_to_try_again_while_the_database_is_away(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 with Retry-After, never 200: nothing was kept. Told again, it is heard."""

    def away(*_args: Any, **_named: Any) -> Any:
        raise StoreUnavailable("The opt-out list cannot be reached.", kind="unreachable")

    with monkeypatch.context() as patch:
        patch.setattr(type(door.store.replies), "hear_all", away)
        status, answer = await door.tell_twilio()
    assert (status, json.loads(answer)["detail"]) == (503, "The opt-out list cannot be reached.")
    assert door.counted() == {("twilio", "unavailable"): 1}
    assert (await door.tell_twilio())[0] == 200
    assert len(door.reasons()) == 1


async def test_a_hook_that_was_removed_opens_nothing(door: Door, store: Store) -> None:
    """At once, whatever is signed."""
    store.hooks.remove(door.account.id, door.twilio.id, BY_ADMIN)
    assert (await door.tell_twilio())[0] == 404
    assert door.counted() == {("", "not-found"): 1}
