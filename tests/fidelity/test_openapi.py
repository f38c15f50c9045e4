"""The API's document as strangers read it: Redocly's linter, and openapi-typescript, whose types are compiled."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from handlers.platform.routes import platform_api
from store import Store
from tests.fidelity.toolchains import MODULES
from tests.handlers.platform.conftest import LISTS, PASSING_ON
from tests.patience import PATIENCE

# As a program is written with them: paths, parameters, bodies and answers by name.
PROGRAM = """
import type { components, paths } from "./api";

type Asked = paths["/checks"]["post"]["requestBody"]["content"]["application/json"];
type Told = paths["/checks"]["post"]["responses"]["200"]["content"]["application/json"];
const asked: Asked = { phones: ["+12125550100"] };
export const not = (told: Told): string[] => [...told.opted_out, ...told.invalid.map((one) => one.phone)];
export const after: NonNullable<paths["/changes"]["get"]["parameters"]["query"]> = { after: "1", wait: 25 };
export const by = (one: components["schemas"]["HistoryAnswer"]): string => `${asked.phones[0]} ${one.by}`;
// @ts-expect-error  there is no such field
export const wrong: Asked = { numbers: [] };
"""


def run(*words: str, folder: Path) -> str:
    """What a program of Node's says that is run in *folder*, without a word to anybody outside."""
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    done = subprocess.run(
        words,
        cwd=folder,
        env=os.environ | quiet,
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """The document, as it is served; it needs no database."""
    api = platform_api(Store.open(f"sqlite:///{tmp_path / 'none.db'}"), LISTS, PASSING_ON, "https://desk.example.org")
    [own] = [endpoint for endpoint in api.endpoints if endpoint.path == "/openapi.json"]
    path = tmp_path / "openapi.json"
    path.write_bytes(own.work(None))  # type: ignore[arg-type]  # it looks at no call
    return path


def test_a_linter_finds_nothing(document: Path) -> None:
    """By all rules that Redocly recommends, its warnings included."""
    tool = MODULES / "@redocly" / "cli" / "bin" / "cli.js"
    said = json.loads(run("node", str(tool), "lint", document.name, "--format=json", folder=document.parent))
    assert said["totals"] == {"errors": 0, "warnings": 0, "ignored": 0}, said["problems"]


def test_its_types_compile(document: Path) -> None:
    """A program that is written with them is checked, and one that asks for what is not there is refused."""
    folder = document.parent
    run("node", str(MODULES / "openapi-typescript" / "bin" / "cli.js"), document.name, "-o", "api.ts", folder=folder)
    (folder / "program.ts").write_text(PROGRAM)
    tsc = MODULES / "typescript" / "bin" / "tsc"
    strict = ("--noEmit", "--strict", "--noUncheckedIndexedAccess")
    run(
        "node",
        str(tsc),
        *strict,
        "--target",
        "es2022",
        "--moduleResolution",
        "bundler",
        "--module",
        "es2022",
        "program.ts",
        folder=folder,
    )
