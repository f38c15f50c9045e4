"""What others wrote, shown in Slack's markup."""

import pytest

from handlers.slack import mrkdwn


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("nov_stops_2*3~4.csv", "nov_stops_2*3~4.csv"),
        ("@here evil.example.com *b* list.csv", "@here evil.example.com ∗b∗ list.csv"),
        ("_final_ ~old~ `x` a*", "ˍfinalˍ ∼old∼ 'x' a∗"),
        (":warning: 12:30", "∶warning: 12:30"),
        ("a\n\n• b\x00\u2028c", "a • b c"),
        ("\u202evsc.stops\u2066", "vsc.stops"),
        ("<!channel> & co", "&lt;!channel&gt; &amp; co"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_foreign_words_format_nothing(name: str, shown: str) -> None:
    """Signs that could end the bold around them or make any of their own give way to ones that look like them."""
    assert mrkdwn.quoted(name) == shown


def test_a_sentence_keeps_its_code() -> None:
    """The store's own sentences have commands between backticks; a name in them has no power, nor has a lone backtick."""
    assert mrkdwn.sentence("*a* & b: use `/optout delete`.") == "∗a∗ &amp; b: use `/optout delete`."
    assert mrkdwn.sentence("a` b") == "a' b"


def test_what_is_too_long_is_cut_at_a_blank() -> None:
    """A line that is longer than a section and has no breaks loses its end, never half a word."""
    (cut,) = mrkdwn.sections(["word &amp; " * 400])
    assert cut.text is not None
    assert len(cut.text.text) <= 2_902
    assert cut.text.text.endswith(("word …", "&amp; …"))
