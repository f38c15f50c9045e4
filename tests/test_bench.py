"""Every bench measures something and prints its table: what it measures changes, and nobody runs it for a while."""

import subprocess
import sys
from typing import Final

import pytest

from tests.bench.__main__ import main
from tests.desks import ROOT

# The least that each measures.
SMALLEST: Final = {
    "campaigns": "--rows 500 --single 5",
    "desk": "--rows 500 --commands 2 --drop 200",
    "differential": "--strings 500 --region US --region GB",
    "exports": "--rows 500",
    "feed": "--phones 20000 --followed 200",
    "hooks": "--phones 50 --rate 20 --seconds 1",
    "passing": "--phones 50 --stops 2",
    "replies": "--count 20",
    "sentences": "--count 2",
    "size": "--phones 500 --acts 5",
    "soak": "--minutes 0.05 --every 1",
    "surfaces": "--rows 500 --rate 10 --seconds 1",
    "workspaces": "--workspaces 2 --rows 10 --rate 5 --seconds 1 --answers 4 --databases sqlite",
}
LEFT_OUT: Final = {
    "api": "it keeps both databases busy for as long as it takes to compare them",
    "calls": "it counts by the minute",
    "failover": "it waits three times for a dead leader to lose its place; tests/ha has its scenario",
    "growth": "it starts a desk again and again",
    "home": "it fills long lists",
    "hostile": "it runs each of a hundred lists by itself",
    "http": "it floods a port for as long as it takes",
    "lists": "it compares with programs that may not be there, and starts a process for each step",
    "prose": "it reads texts of 40,000 characters of every kind",
    "reconnect": "it waits for outages of 15 s",
    "versus": "it needs another checkout",
}


def test_every_bench_is_tried_or_has_a_reason() -> None:
    """None is forgotten."""
    assert {*SMALLEST, *LEFT_OUT} == set(main.commands)


@pytest.mark.wide
@pytest.mark.parametrize("name", SMALLEST)
def test_a_bench_prints_what_it_measured(name: str) -> None:
    """With as little as it takes, it comes to its end, and what it prints has figures."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench", name, *SMALLEST[name].split()]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-4000:]
    assert any(character.isdigit() for character in done.stdout), done.stdout
