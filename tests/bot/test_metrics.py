"""`/metrics` of a desk that serves, and what is made of it: the alert rules, the dashboard and the page for operators."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from slack_bolt.response import BoltResponse
from structlog.testing import capture_logs

from bot.acts import Acts
from bot.sandbox import EmbeddedSlack, SandboxClient
from bot.serve import EVENTS_PATH, Service
from handlers.slack.errors import REFUSED_TOKENS
from handlers.steps import STEP
from store import UploadState
from tests.bot.test_serve import readiness, served, settings_for
from tests.fidelity.toolchains import in_ci

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "dashboard.json"
PHONE = "2125550100"
# By which a sample is told from its family; of "created" the library makes families.
_SUFFIX = re.compile(r"_(total|bucket|count|sum|created)$")


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def queries() -> list[str]:
    """The expressions of the dashboard, as they are once somebody has chosen the desks that it shows."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"].replace("$instance", ".*") for panel in panels for target in panel["targets"]]


async def text_of(url: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
        assert answer.status == 200
        return await answer.text()


async def told(service: Service, slack: EmbeddedSlack, people: SandboxClient, url: str) -> str:
    """`/metrics` after a number was opted out and looked up, with the answers given, and a list was dropped."""
    slack.events_url = url + EVENTS_PATH
    await service.start()
    for words in (f"add {PHONE} reason: asked by ann@example.org", f"search {PHONE}"):
        # On a machine with too much to do Slack's patience may end first: people ask again.
        while not (await people.command("admin", "campaign-admins", f"/optout {words}")).ok:
            pass
    await people.drop("admin", "optout-uploads", "stops-of-ann.csv", f"phone\n{PHONE}\n2125550101\n".encode())
    await people.until(lambda state: "Opt out 1 phone" in str(state.channel("optout-uploads").messages) or None)
    # What is told of the list is seen in Slack before the list is seen to wait.
    await readiness(service, lambda _: service._store.figures().lists[UploadState.WAITING].number == 1)
    await readiness(service, lambda _: service._store.outbox.backlog().waiting == 0)
    return await text_of(url)


def names_in(expressions: Iterable[str]) -> set[str]:
    return {name for expression in expressions for name in re.findall(r"\b(?:optout|process)_\w+", expression)}


async def test_a_step_is_logged_by_its_name_alone() -> None:
    """As other acts are; what came with it, its token among it, is in no line."""
    event = {"type": "function_executed", "function": {"callback_id": STEP}, "bot_access_token": "xwfp-1"}
    payload = {"type": "event_callback", "event": event | {"inputs": {"number": PHONE, "user": "ann"}}}
    acts = Acts({STEP})

    async def answer(_payload: dict[str, Any]) -> BoltResponse:
        return BoltResponse(status=200)

    with capture_logs() as lines:
        await acts.acknowledge(payload, answer)
    [line] = lines
    assert (line["name"], line["user"], "xwfp" in str(line), PHONE in str(line)) == (STEP, None, False, False)


@pytest.fixture
async def metrics(slack: EmbeddedSlack, people: SandboxClient, tmp_path: Path) -> str:
    changed = {"api": "on", "public_url": "https://desk.example.org"}
    async with served(settings_for(slack, tmp_path, socket=False).model_copy(update=changed)) as (service, url):
        return await told(service, slack, people, url)


async def test_what_people_do_is_counted_and_nobody_is_named(metrics: str, slack: EmbeddedSlack) -> None:
    """
    Acts by kind, as many acknowledged; answers, lists and sizes as they are. No phone, name or token is in a label. What the
    rules and the dashboard ask for is what is told, and each rule has a sentence and a row on the page for operators.
    """
    families = {family.name: family for family in text_string_to_metric_families(metrics)}

    def value(name: str, **labels: str) -> float:
        [found] = [
            sample.value
            for family in families.values()
            for sample in family.samples
            if (sample.name, sample.labels) == (name, labels)
        ]
        return found

    assert (
        value("optout_received_total", kind="command")
        >= value("optout_acknowledged_seconds_count", kind="command")
        >= 2
    )
    # One may be on its way just now.
    assert value("optout_received_total", kind="event") >= value("optout_acknowledged_seconds_count", kind="event") >= 1
    assert value("optout_answered_seconds_count") >= 2
    assert value("optout_slack_calls_total", method="auth.test", outcome="ok") >= 1
    assert value("optout_opted_out_phones") == 1
    assert value("optout_lists", state="waiting") == 1
    assert 0 <= value("optout_list_waiting_seconds", state="waiting") < 600
    assert value("optout_waiting", table="inbox") == value("optout_discarded", table="outbox") == 0
    assert (
        value("optout_database_up") == value("optout_slack_connected") == value("optout_loop_alive", loop="clock") == 1
    )
    assert value("optout_database_bytes") > 100_000
    assert value("optout_free_bytes", of="scratch") > 0
    assert abs(value("optout_clock_ahead_seconds")) < 60
    assert value("process_open_fds") > 0
    labels = {text for family in families.values() for one in family.samples for text in one.labels.values()}
    for secret in (PHONE, "5550100", "ann@", "of-ann", "xoxb", slack.bot_token, slack.signing_secret, slack.team_id):
        assert not any(secret in label for label in labels)

    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
    exposed = {family.name + suffix for family in families.values() for suffix in suffixes[family.type]}
    asked = names_in([*(rule["expr"] for rule in rules()), *queries()])
    assert asked <= exposed
    # And the other way: each family is watched, but what only says how something came about.
    watched, families_told = ({_SUFFIX.sub("", name) for name in names} for names in (asked, exposed))
    assert {one for one in families_told - watched if one.startswith("optout")} == {
        "optout_accounts",
        "optout_pruned_rows",
    }

    page = (ROOT / "docs" / "operate.md").read_text("utf-8")
    for rule in rules():
        assert rule["annotations"]["summary"].endswith((".", "}}"))
        assert rule["annotations"]["runbook"] == "docs/operate.md#alerts"
    assert re.findall(r"^\| `(OptOut\w+)` ", page, re.MULTILINE) == [rule["alert"] for rule in rules()]
    [refusals] = [rule["expr"] for rule in rules() if rule["alert"] == "OptOutSlackRefuses"]
    assert set(re.findall(r'outcome=~"([^"]+)"', refusals)[0].split("|")) <= REFUSED_TOKENS.keys()


@pytest.mark.strangers
async def test_prometheus_takes_all_of_it(metrics: str, tmp_path: Path) -> None:
    """
    `promtool` reads the figures of a desk that serves, finds no fault with the rules, and has each rule raised by what it is
    for and by nothing else (tests/alerts.yml); the dashboard's questions are ones that Prometheus understands, and so are the
    settings that docs/operate.md has for it.
    """
    tool = shutil.which("promtool")
    if tool is None and not in_ci():
        pytest.skip("promtool is not installed: apt-get install prometheus")
    assert tool is not None
    asked = [{"record": f"dashboard:{number}", "expr": query} for number, query in enumerate(queries())]
    (tmp_path / "dashboard.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": asked}]}))
    page = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    (config,) = re.findall(r"```yaml\n# prometheus\.yml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "prometheus.yml").write_text(config, encoding="utf-8")
    shutil.copy(RULES, tmp_path)
    for arguments, given in (
        (("check", "metrics"), metrics),
        (("check", "config", str(tmp_path / "prometheus.yml")), ""),
        (("check", "rules", str(RULES)), ""),
        (("check", "rules", str(tmp_path / "dashboard.yml")), ""),
        (("test", "rules", str(ROOT / "tests" / "alerts.yml")), ""),
    ):
        run = partial(subprocess.run, [tool, *arguments], input=given, capture_output=True, text=True, check=False)
        done = await asyncio.to_thread(run)
        assert done.returncode == 0, done.stdout + done.stderr
    tried = yaml.safe_load((ROOT / "tests" / "alerts.yml").read_text())["tests"]
    raised = {case["alertname"] for test in tried for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert raised == {rule["alert"] for rule in rules()}
