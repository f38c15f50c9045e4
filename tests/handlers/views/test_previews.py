"""What is said of a list that was read, before anything is done with it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.sandbox.blocks import elements_of, view_problems
from handlers.views import previews
from handlers.views import uploads as views
from tests.handlers.views.test_uploads import TERMS, UPLOAD, actions, words


def test_preview() -> None:
    """The outcome first, then every count with its reason, the country, and the question."""
    message = previews.preview(UPLOAD, TERMS)
    assert message.text == "*nov-stops.csv: 4,812 phones to opt out.* Nothing has changed yet."
    said = words(message)
    assert "5,000 rows · 133 already opted out · 20 repeated · 35 not understood\n" in said
    assert "Not understood: 28 too short (first at line 41) · 7 with digits lost in Excel (first at line 99)" in said
    assert "4,990 rows had no country code: read as *United States*" in said
    assert "2 phones are of the right length but in no range in use today: check them, first at line 12" in said
    assert "A remark &amp; more" in said
    assert "Opt out 4,812 phones" in said
    assert actions(message) == ["upload.country", "upload.confirm", "upload.scrub", "upload.cancel"]


def test_preview_of_one() -> None:
    """One is one."""
    said = words(
        previews.preview(replace(UPLOAD, rows=1, phones=1, already=0, unreadable=0, summary={"assumed": 1}), TERMS)
    )
    assert "1 phone to opt out" in said
    assert "1 row had no country code" in said
    assert "1 row\n" in said


def test_preview_of_what_is_known() -> None:
    """When all are out already, the list can still be kept as a second reason."""
    message = previews.preview(replace(UPLOAD, already=4_945), TERMS)
    assert "every phone in it is already opted out" in message.text
    assert "Keep this list as a second reason" in words(message)


def test_preview_of_nothing() -> None:
    """When no row was understood there is nothing to say yes to, and another country can be chosen."""
    message = previews.preview(replace(UPLOAD, rows=35, phones=0, already=0, summary={}), TERMS)
    assert message.text == "*nov-stops.csv: no row of it was understood.* Nothing has changed yet."
    assert actions(message) == ["upload.country", "upload.cancel"]
    assert "Choose another country if its numbers are from there; else cancel, fix the rows" in words(message)
    reminder = views.reminder(replace(UPLOAD, rows=35, phones=0, already=0), TERMS, [UPLOAD.actor]).text
    assert "still waits to be read with another country, or cancelled (no row of it was understood)" in reminder
    assert (
        "still waits for an admin's yes (4,812 phones to opt out)" in views.reminder(UPLOAD, TERMS, [UPLOAD.actor]).text
    )


@pytest.mark.parametrize("country", ["US", "LT", None])
def test_country_menu(country: str | None) -> None:
    """The country in force is the one chosen, whether it is a usual one or not."""
    message = previews.preview(replace(UPLOAD, country=country), TERMS)
    menus = [item for block in message.blocks for item in elements_of(block) if item["type"] == "static_select"]
    initial = menus[0].get("initial_option")
    assert (initial is None) == (country is None)
    if initial is not None:
        assert f'"country": "{country}"' in initial["value"]


def test_preview_with_doubts() -> None:
    """Each is said, with what the yes takes; the button is the same, and the modal asks for its number."""
    doubtful = replace(UPLOAD, summary={"contact_signs": ["names", "e-mails"]})
    said = words(previews.preview(doubtful, TERMS))
    assert "This looks like a contact list, not an opt-out list: it has names and e-mails." in said
    assert "an admin has to type the number of phones" in said
    assert "Opt out 4,812 phones" in said
    modal = views.ask_for_number(doubtful, ("It is large.",), "{}").to_dict()
    assert view_problems(modal) == []
    assert "It is large. Nothing has changed. To go on, type the number of phones: 4,812." in str(modal)
    assert modal["submit"]["text"] == "Opt out"
    again = views.ask_for_number(replace(doubtful, already=4_945), ("It was applied.",), "{}").to_dict()
    assert again["submit"]["text"] == "Keep"


def test_preview_says_which_file_and_until_when() -> None:
    """The start of the file's fingerprint, and the moment after which nothing more can be said."""
    said = words(
        previews.preview(replace(UPLOAD, sha256="0123456789abcdef" * 4), replace(TERMS, expire=timedelta(days=3)))
    )
    assert "Waits until <!date^" in said
    assert "|26 Nov 2026, 14:05 UTC>" in said
    assert "file 0123456789ab" in said
    assert "0123456789abc" not in said
