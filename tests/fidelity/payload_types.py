"""Type-checks what the embedded Slack really sent against the types Slack publishes, by `tsc --strict`."""

import json
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.fidelity.toolchains import HERE, MODULES

JsonObject = dict[str, Any]
# What is recorded beside the Web API's methods and has no JSON answer.
_NOT_METHODS = ("response_url", "upload")
INTERACTIONS = {
    "block_actions": "BlockActions",
    "message_action": "MessageShortcut",
    "shortcut": "GlobalShortcut",
    "view_submission": "ViewSubmission",
    "view_closed": "ViewClosed",
}
_OPTIONS = {
    "strict": True,
    "noEmit": True,
    "skipLibCheck": True,
    "target": "es2022",
    "module": "node16",
    "moduleResolution": "node16",
    "types": ["node"],
    "typeRoots": [str(MODULES / "@types")],
    "paths": {"@slack/*": [str(MODULES / "@slack" / "*")], "published": [str(HERE / "published.ts")]},
}


def declarations(calls: Iterable[JsonObject], deliveries: Iterable[JsonObject]) -> str:
    """
    One TypeScript constant, annotated with its published type, for each different answer and payload.

    The types are those of published.ts, where events and answers are found by their own names: what nobody has named
    a type for does not compile.
    """
    lines = ['import type * as slack from "published";', ""]
    named = {*_answers(calls), *_payloads(deliveries)}
    for number, (annotation, literal) in enumerate(sorted(named)):
        lines.append(f"export const sent{number}: {annotation} = {literal};")
    return "\n".join(lines) + "\n"


def _answers(calls: Iterable[JsonObject]) -> Iterator[tuple[str, str]]:
    for call in calls:
        if call["method"] not in _NOT_METHODS:
            answers = f"slack.Answers[{json.dumps(call['method'])}]"
            yield answers if call["answer"]["ok"] else "slack.Refusal", json.dumps(call["answer"])


def _payloads(deliveries: Iterable[JsonObject]) -> Iterator[tuple[str, str]]:
    for delivery in deliveries:
        payload = delivery["payload"]
        if delivery["kind"] == "event":
            event = payload["event"]
            name = ".".join(filter(None, [event["type"], event.get("subtype")]))
            annotation = f"slack.Envelope<{json.dumps(name)}>"
        elif delivery["kind"] == "command":
            annotation = "slack.Command"
        else:
            annotation = f"slack.{INTERACTIONS[payload['type']]}"
        yield annotation, json.dumps(payload)


def complaints(source: str, directory: Path) -> list[str]:
    """What the compiler has against *source*, each with its reasons; empty when every payload fits its type."""
    (directory / "sent.ts").write_text(source)
    settings = {"compilerOptions": _OPTIONS, "files": ["sent.ts"]}
    (directory / "tsconfig.json").write_text(json.dumps(settings))
    tsc = MODULES / "typescript" / "bin" / "tsc"
    done = subprocess.run(
        ["node", str(tsc), "--pretty", "false", "-p", str(directory)],
        capture_output=True,
        text=True,
        check=False,
        cwd=directory,
    )
    assert done.returncode in (0, 1, 2), done.stderr
    return re.split(r"\n(?=\S)", done.stdout.strip()) if done.stdout.strip() else []
