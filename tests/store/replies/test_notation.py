"""The notation of phrases: what a line stands for, and that no text makes its pattern slow."""

import re
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.replies.notation import pattern_of
from tests.test_patterns import grows

_NAMES: Final = {"ME": "me/us/my_number", "MAYBE": "-/now/right_now"}


@pytest.mark.parametrize(
    ("line", "fits", "not_so"),
    [
        ("stop texting", " . stop texting . ", " . stop , texting . "),
        ("stop/quit texting", " . quit texting . ", " . texting . "),
        ("stop -/with texting", " . stop with texting . ", " . stop about texting . "),
        ("knock_it_off now", " . knock it off now . ", " . knock off now . "),
        ("text ME MAYBE |", " . text my number right now . ", " . text my number later . "),
        ("unsubscrib*", " . unsubscribed . ", " . un subscribe . "),
        ("stop ..2 texts", " . stop all these texts . ", " . stop . texts . "),
        ("stop ..2 texts", " . stop texts . ", " . stop all of these texts . "),
        ("| stop |", " . yes , stop . ", " . bus stop . "),
    ],
)
def test_what_a_line_stands_for(line: str, fits: str, not_so: str) -> None:
    """A line fits the words it stands for, whole words only, and no others."""
    pattern = re.compile(pattern_of(line, _NAMES))
    assert pattern.search(fits)
    assert not pattern.search(not_so)


def test_the_longest_is_taken() -> None:
    """Of two lines, or two alternatives, that begin alike the longer is tried first."""
    assert re.match(pattern_of("stop\nstop texting ME", _NAMES), " stop texting me .")[0] == " stop texting me"  # type: ignore[index]
    assert re.match(pattern_of("stop/stop_all", _NAMES), " stop all .")[0] == " stop all"  # type: ignore[index]


_WORD: Final = st.sampled_from(("a", "b", "a/b", "-/a", "a_b", "-/a_a/b", "ab*", "..1", "..4", "ME", "MAYBE"))


@settings(max_examples=15)
@given(
    st.lists(_WORD, min_size=1, max_size=5), st.booleans(), st.sampled_from((" a", " b", " a b", " a .", "a", " ab"))
)
def test_patterns_are_linear(words: list[str], ends: bool, piece: str) -> None:
    """Whatever line is written and whatever its text repeats, twice the text takes twice the steps."""
    line = " ".join(["a", *words, *(["|"] if ends else [])])
    assert not grows(re.compile(pattern_of(line, _NAMES)), ("", piece, "!"), anywhere=True), line
