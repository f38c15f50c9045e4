"""The API, judged by a stranger: Schemathesis, which knows nothing of it but its document."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from handlers.platform.api import PREFIX
from tests.handlers.platform.conftest import Platform
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[3]
# Of each operation, besides those at the bounds of each field.
EXAMPLES = "15"


@pytest.mark.strangers
async def test_what_the_document_says_is_so(platform: Platform, tmp_path: Path) -> None:
    """All its checks: what is in the schema is taken, what is not is refused, and answers are as they are described."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{platform.url}{PREFIX}/openapi.json"),
        *("--url", f"{platform.url}{PREFIX}", "--header", f"Authorization: Bearer {platform.key.text}"),
        *("--checks", "all", "--max-examples", EXAMPLES, "--continue-on-failure"),
        # How fast it is to make up requests says nothing of those that answer them.
        *("--suppress-health-check", "too_slow"),
        # The longest wait for a change, and as much for a slow machine.
        *("--max-response-time", "50"),
        cwd=tmp_path,
        env=os.environ
        | {"PYTHONWARNINGS": "ignore", "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.handlers.platform.files"},
        stdout=PIPE,
        stderr=STDOUT,
    )
    async with asyncio.timeout(4 * PATIENCE):
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
