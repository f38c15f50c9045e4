"""Deliberate damage: what the scenario would say of an embedded Slack that got one thing wrong."""

from typing import Any

import pytest

from bot.sandbox import EmbeddedSlack, SandboxClient
from bot.sandbox.delivery import Delivery
from tests.fidelity import test_scenario
from tests.fidelity.conftest import Damaging
from tests.fidelity.strangers import Client, Stranger, installed, named
from tests.fidelity.toolchains import GO

HTTP = named(client for client in installed() if client.is_http)


async def test_an_integer_ts(client: Client, app: Stranger, people: SandboxClient, damaging: Damaging) -> None:
    """slack-go cannot read such an event at all; the others hand a number on, which is no `ts`."""

    def number(event: dict[str, Any]) -> None:
        event["ts"] = int(float(event["ts"]))

    damaging("app_mention", number)
    cannot_read = client.needs is GO
    with pytest.raises(AssertionError, match="acknowledged=False" if cannot_read else r"'ts': \d{10}[,}]"):
        await test_scenario.test_mention_and_thread_reply(app, people)
    assert any("cannot unmarshal number" in line for line in app.said) == cannot_read


async def test_a_missing_event_ts(app: Stranger, people: SandboxClient, damaging: Damaging) -> None:
    """Every client's app misses it."""

    def without(event: dict[str, Any]) -> None:
        del event["event_ts"]

    damaging("app_mention", without)
    with pytest.raises(AssertionError, match="event_ts"):
        await test_scenario.test_mention_and_thread_reply(app, people)


@pytest.mark.parametrize("client", HTTP, indirect=True)
@pytest.mark.parametrize("how", ["unsigned", "by another secret", "long ago"])
async def test_an_event_that_is_not_rightly_signed(
    slack: EmbeddedSlack, app: Stranger, people: SandboxClient, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The client refuses it, at every attempt, so that the mention is never seen."""
    courier = slack.platform.feed.courier
    courier.speed = 1000.0
    signed = courier._signed
    secret = slack.signing_secret

    def damaged(delivery: Delivery) -> tuple[bytes, dict[str, str]]:
        if how == "by another secret":
            monkeypatch.setattr(courier._app, "signing_secret", secret[::-1])
        body, headers = signed(delivery)
        if how == "unsigned":
            del headers["X-Slack-Signature"]
        elif how == "long ago":
            headers["X-Slack-Request-Timestamp"] = str(int(headers["X-Slack-Request-Timestamp"]) - 3600)
        return body, headers

    monkeypatch.setattr(courier, "_signed", damaged)
    with pytest.raises(AssertionError, match="acknowledged=False"):
        await test_scenario.test_mention_and_thread_reply(app, people)
    assert app.untaken("mention") == []
    [delivery] = await people.deliveries("event")
    assert delivery["attempts"][0]["error"] == "http_error"
