"""What a scrubbed list's thread says."""

from dataclasses import replace

from bot.sandbox.blocks import problems_of, texts_of
from handlers.views.scrubs import scrubbed
from store import Scrubbed, UnreadableReason
from store.phones.numbers import Reason

FOUND = Scrubbed(
    rows=5_000,
    removed=133,
    unreadable=35,
    kept=4_832,
    unreadable_kept=False,
    reasons=(UnreadableReason(Reason.TOO_SHORT, 28, 41), UnreadableReason(Reason.EMPTY, 7, 99)),
    assumed=4_900,
    country="US",
    phone_column="phone",
    remarks=("column 'Phone ' read as phone",),
)


def words(found: Scrubbed, name: str = "walk.csv") -> str:
    message = scrubbed(found, name)
    assert problems_of(list(message.blocks), "message") == []
    return "\n".join([message.text, *texts_of(list(message.blocks))])


def test_the_counts_come_first() -> None:
    """How many rows went and how many stayed, then what was not understood and what became of it."""
    message = scrubbed(FOUND, "walk.csv")
    assert message.text == "*133 rows removed* from walk.csv, 4,832 kept"
    said = words(FOUND)
    assert "5,000 rows looked up." in said
    assert "35 rows not understood: left out too, since they may be opted out" in said
    assert "\n• 28 too short (first at line 41)\n• 7 empty (first at line 99)" in said
    assert "4,900 rows had no country code: read as *United States*" in said
    assert "column 'Phone ' read as phone" in said


def test_rows_kept_unread_come_with_a_warning() -> None:
    """Who asked for them is told that nobody looked them up."""
    said = words(replace(FOUND, unreadable_kept=True, kept=4_867))
    assert "kept as you asked: nobody knows whether they may be texted" in said
    assert "left out" not in said


def test_nothing_is_said_of_what_was_not_found() -> None:
    """A clean list has a short answer."""
    said = words(replace(FOUND, removed=1, unreadable=0, reasons=(), assumed=0, remarks=()))
    assert "*1 row removed*" in said
    assert "not understood" not in said
    assert "country" not in said


def test_what_a_list_holds_cannot_become_markup() -> None:
    """Names and remarks are shown as they are, however long and however many."""
    nasty = "<!channel> & *b* " * 300
    said = words(replace(FOUND, remarks=(nasty,) * 40), nasty)
    assert "<!" not in said


def test_every_reason_is_named() -> None:
    """However many there are, none is left to be guessed."""
    reasons = tuple(UnreadableReason(code, 1_000, 999_999) for code in Reason)
    said = words(replace(FOUND, reasons=reasons))
    assert all(f"1,000 {code.words} (first at line 999,999)" in said for code in Reason)
