"""The hooks as the desk serves them, over real connections, and providers that sign, each after its own documentation."""

import base64
import hmac
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlencode

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from yarl import URL

from bot.http import listening, routed
from handlers.hooks.receiving import PREFIX, Webhooks
from store import Account, Function, Hook, Origin, Store
from tests.conftest import ADMIN
from tests.handlers.hooks.twilio_api import ACCOUNT, TOKEN

PUBLIC_URL = "https://desk.example.org/optout"
BY_ADMIN = Origin(Function.COMMAND, ADMIN)
SHARED_KEY = "a-shared-key-of-twilios"
# The moment that it is, in seconds since the epoch.
NOW = 1_795_000_000
PHONE, OURS = "+12125550100", "+13125550000"
# As Twilio's page on the webhook lists them, those among them that are empty.
MESSAGE = {
    "ToCountry": "US",
    "ToState": "",
    "SmsMessageSid": "SM" + "1" * 32,
    "NumMedia": "0",
    "SmsSid": "SM" + "1" * 32,
    "SmsStatus": "received",
    "FromCountry": "US",
    "Body": "STOP",
    "To": OURS,
    "MessageSid": "SM" + "1" * 32,
    "AccountSid": ACCOUNT,
    "From": PHONE,
    "ApiVersion": "2010-04-01",
}


def twilio_signature(url: str, form: Mapping[str, str], secret: str, algorithm: str = "sha1") -> str:
    """As https://www.twilio.com/docs/usage/webhooks/webhooks-security has it: the address, then the parameters by their names."""
    signed = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    return base64.b64encode(hmac.new(secret.encode(), signed.encode(), algorithm).digest()).decode()


@dataclass(frozen=True, slots=True)
class Telnyx:
    """Telnyx's side of the key."""

    private: Ed25519PrivateKey = field(default_factory=lambda: Ed25519PrivateKey.from_private_bytes(bytes(range(32))))

    @property
    def public_key(self) -> str:
        return base64.b64encode(self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

    def headers(self, body: bytes, timestamp: int) -> dict[str, str]:
        signature = self.private.sign(b"%d|%b" % (timestamp, body))
        return {
            "telnyx-signature-ed25519": base64.b64encode(signature).decode(),
            "telnyx-timestamp": str(timestamp),
            "Content-Type": "application/json",
        }


@dataclass(frozen=True, slots=True)
class Door:
    """The hooks of one desk, and one hook for each provider."""

    store: Store
    account: Account
    hooks: Webhooks
    url: str
    twilio: Hook
    telnyx: Hook
    signer: Telnyx
    clock: Callable[[], float]
    session: aiohttp.ClientSession

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        """Send it; the status and the body that came back."""
        url = URL(f"{self.url}{PREFIX}/{path}", encoded=True)
        async with self.session.post(url, data=body, headers=headers) as answer:
            return answer.status, await answer.text()

    async def tell_twilio(
        self,
        form: Mapping[str, str] = MESSAGE,
        *,
        query: str = "",
        secret: str = TOKEN,
        signature: str | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[int, str]:
        """The request that Twilio makes of *form*, to the hook's address with *query* behind it."""
        path = f"twilio/{self.twilio.id}{query}"
        signed = twilio_signature(f"{PUBLIC_URL}{PREFIX}/{path}", form, secret) if signature is None else signature
        kind = "application/x-www-form-urlencoded; charset=UTF-8"
        sent = {"X-Twilio-Signature": signed, "Content-Type": kind, **headers}
        return await self.post(path, urlencode(form).encode(), sent)

    async def tell_telnyx(self, body: bytes, *, ago: float = 0.0) -> tuple[int, str]:
        """The request that Telnyx makes of *body*, signed so many seconds ago."""
        return await self.post(f"telnyx/{self.telnyx.id}", body, self.signer.headers(body, round(self.clock() - ago)))

    def counted(self) -> dict[tuple[str, str], int]:
        """How many requests there were, by kind and what became of them."""
        return {
            (sample.labels["kind"], sample.labels["outcome"]): int(sample.value)
            for metric in self.hooks.requests.collect()
            for sample in metric.samples
            if sample.name.endswith("_count")
        }

    def reasons(self, phone: str = PHONE) -> list[str]:
        """Why the phone is opted out, the latest first."""
        state = self.store.optouts.find(self.account.id, phone)
        return [opt_out.entry.reason or "" for opt_out in state.standing]


@asynccontextmanager
async def served(store: Store, clock: Callable[[], float] | None = None) -> AsyncIterator[Door]:
    """The hooks of an account on *store*, for the length of the block."""
    account = store.accounts.get_or_create("T0HARBOR", "Harbor Campaign", country="US")
    signer, clock = Telnyx(), clock or (lambda: NOW)
    twilio = store.hooks.make_twilio(account.id, "main number", ACCOUNT, TOKEN, BY_ADMIN, shared_key=SHARED_KEY)
    telnyx = store.hooks.make_telnyx(account.id, "profile", signer.public_key, BY_ADMIN)
    hooks = Webhooks(store, PUBLIC_URL, clock=clock)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(listening(routed(hooks.route()), "127.0.0.1", 0))
        stack.push_async_callback(hooks.drain)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield Door(store, account, hooks, url, twilio, telnyx, signer, clock, session)


@pytest.fixture
async def door(store: Store) -> AsyncIterator[Door]:
    async with served(store) as door:
        yield door
