"""What is tried in every run, and what in the wide ones alone; pyproject.toml says what the marker is for."""

from collections.abc import Iterable
from typing import Any

import pytest


def wide_but_first(values: Iterable[Any]) -> list[Any]:
    """The parameters *values*: the first for every run, each of the others marked `wide`."""
    first, *others = values
    return [first, *(pytest.param(one, marks=pytest.mark.wide) for one in others)]
