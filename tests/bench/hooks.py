"""
Replies over HTTP: `python -m tests.bench hooks`.

At a steady rate, by Twilio's webhook and by `POST /v1/replies`, each beside a bare aiohttp handler that does nothing and is
asked at the same moments. The desk's door, the bare handler and the client are a process each. Each reply is another
person's and another message's, and says what one of our corpus does. The machine's other work slows all of them: read the
desk's figures beside the bare handler's.
"""

import asyncio
import itertools
import os
import statistics
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Final
from urllib.parse import urlencode

import click
import sqlalchemy as sa

from bot.http import routed
from handlers.hooks.receiving import PREFIX, Webhooks
from handlers.platform.routes import platform_api
from store import Actor, Function, Hook, Origin, Scope, Store
from tests.bench.home import listed
from tests.bench.lists import postgres
from tests.bench.memory import processor_ms
from tests.bench.servers import Server, bare_handler, request_bytes, serve_forever, served, store_of_desk
from tests.handlers.hooks.conftest import MESSAGE, OURS, PUBLIC_URL, twilio_signature
from tests.handlers.hooks.twilio_api import ACCOUNT, TOKEN
from tests.handlers.platform.conftest import LISTS, PASSING_ON
from tests.store.replies.corpus import REPLIES
from tests.store.replies.wants import replies_of

_BY: Final = Origin(Function.COMMAND, Actor("U0BENCH", "bench"))
# As many as may be at work at Twilio's end; of a key there may be 16.
_OF_TWILIO, _OF_KEY = 64, 16
# One by one, and as many at the rate, before it is measured: what a desk makes once is made by these.
_FIRST: Final = 50
_FIRST_SECONDS: Final = 2


@click.command()
@click.option("--phones", default=200_000, show_default=True, help="Opted out in the account.")
@click.option("--rate", default=200, show_default=True, help="Replies a second.")
@click.option("--seconds", default=20, show_default=True, help="For how long, by each way.")
def hooks(phones: int, rate: int, seconds: int) -> None:
    """Replies by Twilio's webhook and by the API, at a steady rate."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        for name in ("SQLite", "PostgreSQL"):
            url = sa.make_url(f"sqlite:///{directory}/desk.db")
            if name == "PostgreSQL":
                url = stack.enter_context(postgres()).set(drivername="postgresql+psycopg")
            print(
                f"\n| {name}, {rate} a second | p50 ms | p99 ms | refused | processor of one, us | load |\n{'| --- ' * 6}|"
            )
            asyncio.run(_measure(url, phones, rate, rate * seconds))


async def _measure(url: sa.URL, phones: int, rate: int, count: int) -> None:
    text = url.render_as_string(hide_password=False)
    store = Store.open(text)
    store.database.migrate()
    account = store.accounts.get_or_create("T0BENCH", "Bench", country="US").id
    listed(store, account, phones)
    hook = store.hooks.make_twilio(account, "bench", ACCOUNT, TOKEN, _BY)
    key = store.keys.make(account, "bench", tuple(Scope), None, _BY).text
    words = itertools.cycle([reply.text for reply in replies_of(REPLIES)])
    first = _FIRST + _FIRST_SECONDS * rate
    told = [(number, f"+1312{5_000_000 + number}", next(words)) for number in range(2 * (count + first))]
    half = len(told) // 2
    for name, connections, requests in (
        ("the webhook", _OF_TWILIO, [_of_twilio(hook, *one) for one in told[:half]]),
        ("the API", _OF_KEY, [_of_key(key, *one) for one in told[half:]]),
    ):
        async with (
            served(_desk, text, connections=connections) as desk,
            served(bare_handler, connections=connections) as bare,
        ):
            await _steady(desk, bare, requests, rate, name)
    with store.database.read() as connection:
        heard = connection.execute(sa.text("SELECT count(*) FROM replies")).scalar_one()
    print(f"\n{heard:,} of {len(told):,} replies are kept.", flush=True)
    store.close()


async def _steady(desk: Server, bare: Server, requests: list[bytes], rate: int, name: str) -> None:
    took: dict[Server, list[float]] = {desk: [], bare: []}
    refused: dict[Server, Counter[int]] = {desk: Counter(), bare: Counter()}

    async def ask(server: Server, request: bytes, planned: float) -> None:
        status, _ = await server.answer(request)
        # From when it was to be sent: a client that has to wait is not let off.
        took[server].append((time.perf_counter() - planned) * 1000)
        if status != 200:
            refused[server][status] += 1

    async def at_the_rate(requests: list[bytes]) -> None:
        planned = time.perf_counter()
        async with asyncio.TaskGroup() as asking:
            for request in requests:
                planned += 1 / rate
                await asyncio.sleep(max(0, planned - time.perf_counter()))
                for server in took:
                    asking.create_task(ask(server, request, planned))

    for request in requests[:_FIRST]:
        for server in took:
            await ask(server, request, 0)
    first, requests = requests[_FIRST:][: _FIRST_SECONDS * rate], requests[_FIRST + _FIRST_SECONDS * rate :]
    await at_the_rate(first)
    for times in took.values():
        times.clear()
    began = {server: processor_ms(server.pid) for server in took}
    await at_the_rate(requests)
    for server, whose in ((desk, name), (bare, f"{name}, the bare handler")):
        p50, p99 = (statistics.quantiles(took[server], n=100)[part] for part in (49, 98))
        said = ", ".join(f"{count} with {status}" for status, count in refused[server].items()) or "none"
        processor = (processor_ms(server.pid) - began[server]) / len(requests) * 1000
        print(f"| {whose} | {p50:.1f} | {p99:.1f} | {said} | {processor:,.0f} | {os.getloadavg()[0]:.1f} |", flush=True)


def _of_twilio(hook: Hook, number: int, sender: str, text: str) -> bytes:
    sid = f"SM{number:032x}"
    form = MESSAGE | {"MessageSid": sid, "SmsMessageSid": sid, "SmsSid": sid, "From": sender, "Body": text}
    path = f"{PREFIX}/twilio/{hook.id}"
    body = urlencode(form).encode()
    head = (
        f"POST {path} HTTP/1.1",
        "Host: desk",
        "Content-Type: application/x-www-form-urlencoded; charset=UTF-8",
        f"X-Twilio-Signature: {twilio_signature(f'{PUBLIC_URL}{path}', form, TOKEN)}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join([*head, "", ""]).encode() + body


def _of_key(key: str, number: int, sender: str, text: str) -> bytes:
    at = datetime.now(UTC).isoformat()
    reply = {"source": "bench", "message": str(number), "from": sender, "to": OURS, "text": text, "received_at": at}
    return request_bytes("POST", "/v1/replies", key, reply)


def _desk(told: Connection, url: str) -> None:
    with store_of_desk(url) as store:
        serve_forever(told, routed(platform_api(store, LISTS, PASSING_ON).route(), Webhooks(store, PUBLIC_URL).route()))
