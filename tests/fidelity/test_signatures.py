"""
Twilio's, Telnyx's and Standard Webhooks' own libraries beside the desk: what they sign or take is let in, and what it
signs they take; no changed copy of either is.
"""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks import Webhook, WebhookVerificationError

from handlers.hooks.receiving import PREFIX
from handlers.work.webhooks import WebhookSender
from store import Account, DestinationKind, NewDestination, Origin, Store
from tests.handlers.hooks.conftest import MESSAGE, PUBLIC_URL, SHARED_KEY, Door, Telnyx, served
from tests.handlers.hooks.twilio_api import TOKEN
from tests.handlers.work.receiver import receiving
from tests.patience import PATIENCE

JUDGE = Path(__file__).parent / "signatures.mjs"
FORMS: tuple[dict[str, str], ...] = (
    MESSAGE,
    MESSAGE | {"Body": "", "FromCity": "", "NewField": "new"},
    MESSAGE | {"Body": "¡Alto! ürgent \U0001f6d1 \u202eabc\u200d", "ProfileName": "a&b=c+d %41;"},
    MESSAGE | {"Body": "line\r\nline\ttab 'quote' \"double\" <b>&amp;"},
    MESSAGE | {"a": "1", "B": "2", "aa": "3", "A": "4", "Body": "STOP " * 300},
)
QUERIES = ("", "?a=1", "?name=O'Brien%20%C3%A9&b=+", "?x=%2F%3d&x=2&empty=")
ALGORITHMS = (("HMAC_SHA1", TOKEN, ""), ("HMAC_SHA256", SHARED_KEY, "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"))


def judged(questions: list[dict[str, Any]]) -> list[Any]:
    """The answers of the strangers' libraries, one each."""
    lines = "".join(f"{json.dumps(question)}\n" for question in questions)
    done = subprocess.run(
        ["node", str(JUDGE)], input=lines, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def copies(form: dict[str, str], query: str, signature: str) -> list[tuple[dict[str, str], str, str]]:
    """Changed copies of what was signed: each a little other, in one place."""
    return [
        (form | {"Body": form["Body"] + "."}, query, signature),
        (form | {"From": "+12125550199"}, query, signature),
        (form | {"ZZ": ""}, query, signature),
        (form | {"Added": "1"}, query, signature),
        ({name: value for name, value in form.items() if name != "To"}, query, signature),
        (form, query + ("&z=1" if query else "?z=1"), signature),
        (form, query, signature[:-2] + ("A=" if signature[-2] != "A" else "B=")),
        (form, query, signature.lower()),
        (form, query, ""),
    ]


async def test_twilios_library_signs_what_is_taken_and_no_changed_copy_is(store: Store) -> None:
    """Each form, to each address, by both algorithms; of the copies that library says no as well."""
    async with served(store) as door:
        base = f"{PUBLIC_URL}{PREFIX}/twilio/{door.twilio.id}"
        cases = [(form, query, *by) for form in FORMS for query in QUERIES for by in ALGORITHMS]
        signatures = judged(
            [
                {"question": "sign", "secret": secret, "url": base + query, "form": form, "algorithm": algorithm}
                for form, query, algorithm, secret, _ in cases
            ]
        )
        changed, checks = [], []
        for (form, query, _, secret, settings), signature in zip(cases, signatures, strict=True):
            assert await _told(door, form, query, signature, settings) == 200, (form, query, settings)
            for copy, other, sign in copies(form, query, signature):
                changed.append(await _told(door, copy, other, sign, settings))
                checks.append(
                    {
                        "question": "check",
                        "secret": secret,
                        "url": base + other,
                        "form": copy,
                        "signature": sign,
                        "settings": settings,
                    }
                )
        # An empty parameter is signed by its name, and adds one.
        assert set(changed) == {401}
        assert not any(judged(checks))
        assert len(changed) == 9 * len(cases)


async def _told(door: Door, form: dict[str, str], query: str, signature: str, settings: str) -> int:
    headers = {"X-Twilio-Webhooks-Signature-Settings": settings} if settings else {}
    status, _ = await door.tell_twilio(form, query=query, signature=signature, headers=headers)
    return status


@pytest.mark.parametrize("text", ["please stop", "\u00fcber \U0001f6d1 \u202e", 'quote " \\ \n', ""])
async def test_telnyx_own_verifier_agrees(store: Store, text: str) -> None:
    """On what is signed and on each changed copy; the clock is the machine's, as the library's is."""
    async with served(store, clock=time.time) as door:
        told = {
            "data": {"event_type": "message.received", "payload": {"direction": "inbound", "id": "m1", "text": text}}
        }
        told["data"]["payload"]["from"] = {"phone_number": "+12125550100"}  # type: ignore[index]
        body = json.dumps(told, ensure_ascii=False).encode()
        now = round(time.time())
        good, other = door.signer.headers(body, now), Telnyx(Ed25519PrivateKey.generate())
        signature = good["telnyx-signature-ed25519"]
        cases = [
            (body, good),
            (body, door.signer.headers(body, now - 290)),
            (body, door.signer.headers(body, now - 400)),
            (body, door.signer.headers(body, now + 400)),
            (body + b" ", good),
            (body.replace(b"m1", b"m2"), good),
            (body, good | {"telnyx-timestamp": str(now - 1)}),
            (body, good | {"telnyx-timestamp": f"{now}.0"}),
            (body, good | {"telnyx-timestamp": ""}),
            (body, good | {"telnyx-signature-ed25519": signature[:-4]}),
            (body, good | {"telnyx-signature-ed25519": f"{signature}AAAA"}),
            (body, good | {"telnyx-signature-ed25519": "!" + signature[1:]}),
            (body, good | {"telnyx-signature-ed25519": ""}),
            (body, other.headers(body, now)),
        ]
        theirs = judged(
            [
                {
                    "question": "unwrap",
                    "publicKey": door.signer.public_key,
                    "body": sent.decode(),
                    "headers": headers,
                }
                for sent, headers in cases
            ]
        )
        ours = [(await door.post(f"telnyx/{door.telnyx.id}", sent, headers))[0] == 200 for sent, headers in cases]
        assert ours == theirs
        assert ours == [True, True, *[False] * 12]


async def test_standard_webhooks_own_libraries_verify_what_is_passed_on(
    store: Store, account: Account, by_admin: Origin
) -> None:
    """A page of the list and a test, as they arrive: the libraries for Node and Python take both, and no changed copy."""
    store.optouts.add(account.id, [f"+1212555010{number}" for number in range(5)], by_admin)
    sender = WebhookSender(allows_private=True)
    cases: list[tuple[str, bytes, dict[str, str]]] = []
    async with receiving() as receiver:
        for name in ("Bridge", 'Br\u00fccke \U0001f6d1 "quoted"'):
            wanted = NewDestination(DestinationKind.WEBHOOK, name, "C1", receiver.url)
            one = store.destinations.make(account.id, wanted, by_admin)
            page = store.changes.after(account.id, None)
            assert (await sender.send_page(one, page)).problem is None
            assert (await sender.send_test(one)).problem is None
            cases += [
                (one.secret, body, {name.lower(): value for name, value in headers.items()})
                for headers, body in receiver.got[-2:]
            ]
    await sender.close()
    changed = [copy for case in cases for copy in _changed(*case)]
    asked = cases + changed
    theirs = judged(
        [
            {"question": "verify", "secret": secret, "body": body.decode(), "headers": headers}
            for secret, body, headers in asked
        ]
    )
    assert theirs == [_verifies(*case) for case in asked]
    assert theirs == [True] * len(cases) + [False] * len(changed)


def _changed(secret: str, body: bytes, headers: dict[str, str]) -> list[tuple[str, bytes, dict[str, str]]]:
    """Copies of a message that are a little other, in one place each."""
    stamp, signature = headers["webhook-timestamp"], headers["webhook-signature"]
    others = (
        {"webhook-id": headers["webhook-id"] + "x"},
        {"webhook-timestamp": str(int(stamp) + 1)},
        {"webhook-timestamp": str(int(stamp) - 400)},
        {"webhook-signature": signature.replace("v1,", "v2,")},
        # Of its first letter each bit counts, of its last not all.
        {"webhook-signature": signature[:3] + ("A" if signature[3] != "A" else "B") + signature[4:]},
    )
    other_secret = f"whsec_{'A' * 43}="
    return [(secret, body + b" ", headers), (other_secret, body, headers)] + [
        (secret, body, headers | other) for other in others
    ]


def _verifies(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True
