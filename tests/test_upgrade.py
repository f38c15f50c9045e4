"""A desk that was in the middle of things when it was upgraded goes on with them: nothing that waits is lost."""

import json
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

from bot.config import Settings
from bot.sandbox import EmbeddedSlack, SandboxClient, State
from bot.serve import running
from store import Store
from tests.desks import ACK_LIMIT
from tests.tables import step_back

CHANNEL, PHONE = "campaign-admins", "+12125550100"
AT = "2026-11-01 12:00:00"
DELIVERY = (
    "INSERT INTO deliveries (account_id, event_id, kind, channel_id, payload, received_at, lease_until, attempts, done_at) "
    "VALUES (1, :id, :kind, 'C1', :payload, :at, :at, 3, :done)"
)


def delivery(store: Store, event_id: str, kind: str, payload: dict[str, Any], *, done: bool = False) -> None:
    """A row as the release before kept it."""
    values = {"id": event_id, "kind": kind, "payload": json.dumps(payload), "at": AT, "done": AT if done else None}
    with store.database.write() as connection:
        connection.execute(sa.text(DELIVERY), values)


def answer(key: str, channel: str, user: str, text: str, *details: str) -> dict[str, Any]:
    """An answer as the release before kept it."""

    def message(said: str) -> dict[str, Any]:
        section = {"type": "section", "text": {"type": "mrkdwn", "text": said, "verbatim": True}}
        flags = {"private": False, "settles": None, "field": None, "numbers": "full", "entry": None, "account": 1}
        return {"text": said, "blocks": [section], "phones": [], "details": [], **flags}

    place = {"channel_id": channel, "actor": {"id": user, "name": "admin"}}
    return {
        "key": key,
        "place": place,
        "message": message(text) | {"details": [message(one) for one in details]},
        "pressed": None,
    }


@pytest.fixture
async def slack() -> Any:
    async with EmbeddedSlack(speed=100.0, ack_limit=ACK_LIMIT) as server:
        yield server


@pytest.mark.wide
async def test_what_waits_at_the_upgrade_is_done_after_it(
    store: Store, database_url: str, slack: EmbeddedSlack, tmp_path: Path
) -> None:
    """
    From a database of release 0.1 (revision 0004): a mention nobody answered, an answer nobody gave, one whose head was
    posted and whose details were not, and a second copy that was to be taken away; and what was done is not done again.
    """
    step_back(store, "0004")
    async with SandboxClient(slack.url) as people:
        state = await people.state()
        channel, user = state.channel(CHANNEL).id, state.user("admin")["id"]
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        head = str((await client.chat_postMessage(channel=channel, text="the head"))["ts"])
        with store.database.write() as connection:
            account = (
                "INSERT INTO accounts (id, slack_id, name, country, opted_out, last_entry, last_upload) "
                "VALUES (1, :team, 'Harbor', 'US', 0, 0, 0)"
            )
            connection.execute(sa.text(account), {"team": slack.team_id})
            posts = "INSERT INTO posts (account_id, key, channel_id, ts) VALUES (1, :key, :channel, :ts)"
            for key in ("half 0", "given 0"):
                connection.execute(sa.text(posts), {"key": key, "channel": channel, "ts": head})
        delivery(store, "answer whole", "answer", answer("whole", channel, user, "an answer nobody gave", "detail"))
        delivery(store, "answer half", "answer", answer("half", channel, user, "half an answer", "its detail"))
        delivery(store, "answer given", "answer", {}, done=True)
        extra = str((await client.chat_postMessage(channel=channel, text="a second copy"))["ts"])
        delivery(store, f"answer extra {channel} {extra}", "answer", {"extra": {"channel_id": channel, "ts": extra}})
        delivery(store, "view V1", "once", {"entry": 7}, done=True)
        said = {"type": "app_mention", "user": user, "channel": channel, "ts": head, "text": f"<@U0> {PHONE}"}
        envelope = {"type": "event_callback", "team_id": slack.team_id, "api_app_id": slack.app_id}
        who = [{"team_id": slack.team_id, "user_id": slack.bot_user_id, "is_bot": True}]
        left = envelope | {"event_id": "EvLeft", "event": said, "authorizations": who}
        delivery(store, "EvLeft", "app_mention", left)
        delivery(store, "EvDone", "app_mention", {"event": {"text": "Jane Roe told us"}}, done=True)

        store.database.migrate()
        store.database.require_head()
        settings = Settings(
            database_url=database_url,
            slack_bot_token=SecretStr(slack.bot_token),
            slack_app_token=SecretStr(slack.app_token),
            slack_api_url=slack.api_url,
            scratch_dir=tmp_path,
        )
        async with running(settings, store) as service:
            await service.connected(10)

            def all_there(state: State) -> bool:
                texts = [message.text for message in state.channel(CHANNEL).everything]
                answered = any("is not opted out" in text for text in texts)
                return answered and {"an answer nobody gave", "detail", "its detail"} <= set(texts)

            await people.until(all_there)
            await people.until(lambda _: sum(one.waiting for one in store.backlogs().values()) == 0)
            everything = [message.text for message in (await people.state()).channel(CHANNEL).everything]
        assert "half an answer" not in everything, "its head was posted before"
        assert [call["arguments"]["ts"] for call in await people.calls("chat.delete")] == [extra]
        assert all(not backlog.discarded for backlog in store.backlogs().values())
        for event_id in ("EvLeft", "EvDone"):
            assert store.inbox.keep(1, event_id, "app_mention", None, {}) is None
        assert store.outbox.keep(1, "given 0", {}) is None
        with store.database.read() as connection:
            kept = connection.execute(sa.text("SELECT payload FROM inbox WHERE event_id = 'EvDone'")).scalar_one()
            result = connection.execute(sa.text("SELECT key, result FROM idempotency_keys")).one()
        assert kept is None, "what was said in it is forgotten"
        assert result[0] == "view V1"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_no_event_is_lost_between_the_old_table_and_the_new(store: Store) -> None:
    """
    A desk of release 0.1 that nobody stopped keeps an event at every moment of the upgrade: it is refused, so that Slack says
    it again to somebody else, or it waits in the inbox afterwards.
    """
    step_back(store, "0004")
    with store.database.write() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO accounts (id, slack_id, name, opted_out, last_entry, last_upload) VALUES (1, 'T1', 'One', 0, 0, 0)"
            )
        )
    tried, kept = count(), set()
    old = sa.create_engine(store.database.url)

    def keep(*_statement: object) -> None:
        event_id = f"Ev{next(tried)}"
        with suppress(sa.exc.OperationalError, sa.exc.ProgrammingError), old.begin() as connection:
            connection.execute(sa.text("LOCK TABLE deliveries IN ROW EXCLUSIVE MODE NOWAIT"))
            values = {"id": event_id, "payload": "{}", "at": AT, "done": None, "kind": "app_mention"}
            connection.execute(sa.text(DELIVERY), values)
            kept.add(event_id)

    sa.event.listen(store.database.engine, "before_cursor_execute", keep)
    store.database.migrate()
    sa.event.remove(store.database.engine, "before_cursor_execute", keep)
    old.dispose()
    with store.database.read() as connection:
        found = set(connection.execute(sa.text("SELECT event_id FROM inbox")).scalars())
    assert kept
    assert next(tried) > len(kept)
    assert found == kept
