"""What others wrote, shown in Slack's markup."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.slack import mrkdwn
from store import Actor


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("nov_stops_2*3~4.csv", "nov_stops_2*3~4.csv"),
        ("@here evil.example.com *b* list.csv", "@here evil.example.com ∗b∗ list.csv"),
        ("_final_ ~old~ `x` a*", "ˍfinalˍ ∼old∼ 'x' a∗"),
        (":warning: 12:30", "∶warning: 12:30"),
        ("a\n\n• b\x00\u2028c", "a • b c"),
        ("\u202evsc.stops\u2066", "vsc.stops"),
        ("a\u200b\u200e\ufeff\u00ad\u2060\u3164\U000e0041b\x85c\ud83d", "ab c\ufffd"),
        ("\u0645\u06cc\u200c\u062e \U0001f468\u200d\U0001f469", "\u0645\u06cc\u200c\u062e \U0001f468\u200d\U0001f469"),
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


def test_a_paragraph_does_not_fold() -> None:
    """Slack shows all of it at once, however long it is."""
    assert all(section.to_dict()["expand"] for section in mrkdwn.sections(["word " * 500] * 3))


def test_a_date_is_no_mention() -> None:
    """The words of a mention of many begin with @, those of a date do not."""
    assert mrkdwn.plain("<!here> <!subteam^S1|team> <!date^1^{date}|1 Jan>") == "@here @team 1 Jan"


def test_what_is_too_long_is_cut_at_a_blank() -> None:
    """A line that is longer than a section and has no breaks loses its end, never half a word."""
    (cut,) = mrkdwn.sections(["word &amp; " * 400])
    assert cut.text is not None
    assert len(cut.text.text) <= 2_902
    assert cut.text.text.endswith(("word …", "&amp; …"))


@given(st.text())
def test_nothing_unseen_is_shown(text: str) -> None:
    """Whatever a name holds: no control, no override, nothing without looks, in every way of showing it."""
    for shown in (
        mrkdwn.quoted(text),
        mrkdwn.file_name(text),
        mrkdwn.code(text),
        mrkdwn.sentence(text),
        mrkdwn.one_line(text),
    ):
        unseen = [sign for sign in shown if unicodedata.category(sign) in {"Cc", "Cs"} or sign in UNSEEN]
        assert unseen == []
        shown.encode()


UNSEEN = {
    *"\u200b\u200e\u200f\u061c\u2060\u2061\ufeff\u00ad",
    *map(chr, range(0x202A, 0x202F)),
    *map(chr, range(0x2066, 0x206A)),
}


@pytest.mark.parametrize("sign", sorted(UNSEEN))
def test_a_person_and_a_place_are_cleaned_too(sign: str) -> None:
    """Names of people and of channels are foreign text as well."""
    assert sign not in mrkdwn.person(Actor("platform", f"Ann{sign}nnA")) + mrkdwn.place("X1", f"stops{sign}")
    assert sign not in mrkdwn.SlackWriter().text(f"because{sign}")
