"""A machine without Node and Go: their checks are absent, and a line says so; where a change is judged they fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NODE_IS_MISSING = (
    "fidelity: Node is not installed; the checks by Bolt for JavaScript, @slack/web-api, the types, the made-up platform, "
    "Twilio, Telnyx and Standard Webhooks are absent"
)
GO_IS_MISSING = "fidelity: Go is not installed; the checks by slack-go are absent"


def pytest_without_toolchains(*arguments: str, ci: str) -> subprocess.CompletedProcess[str]:
    """A pytest that finds no program."""
    command = [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", *arguments]
    environment = os.environ | {"PATH": "", "CI": ci}
    return subprocess.run(command, cwd=HERE.parent.parent, env=environment, capture_output=True, text=True, check=False)


def test_absent_with_a_clear_line() -> None:
    """No check by a missing client is collected, least of all one that passes or is skipped; each is named."""
    done = pytest_without_toolchains("--collect-only", str(HERE), ci="")
    assert done.returncode == 0, done.stdout
    assert NODE_IS_MISSING in done.stdout
    assert GO_IS_MISSING in done.stdout
    tests = [line for line in done.stdout.splitlines() if "::" in line]
    assert any("slack-sdk-aiohttp" in test for test in tests)
    absent = ("bolt-js", "slack-go-", "test_web_api.py", "test_types.py", "test_toolchains.py")
    assert [test for test in tests if any(name in test for name in absent)] == []


@pytest.mark.parametrize("sentence", [NODE_IS_MISSING, GO_IS_MISSING], ids=["node", "go"])
def test_never_absent_where_a_change_is_judged(sentence: str) -> None:
    """With CI=true the same machine fails, with the same sentence."""
    done = pytest_without_toolchains(str(HERE / "test_toolchains.py"), ci="true")
    assert done.returncode == 1
    assert f"AssertionError: {sentence}" in done.stdout
    assert "2 failed" in done.stdout
