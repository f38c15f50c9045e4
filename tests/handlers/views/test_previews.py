"""What is said of a list that was read, before anything is done with it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.sandbox.blocks import elements_of, texts_of, view_problems
from handlers.slack.messages import Message, masked
from handlers.views import previews
from handlers.views import uploads as views
from store import Asked, Choices
from tests.handlers.views.test_uploads import TERMS, UPLOAD, actions, words


def styles(message: Message) -> dict[str, str | None]:
    """The style of each button, by its action."""
    found = [item for block in message.blocks for item in elements_of(block) if item["type"] == "button"]
    return {item["action_id"]: item.get("style") for item in found}


def test_preview() -> None:
    """The outcome first, then how the list begins, counts that add up, every reason, the country, and the question."""
    message = previews.preview(UPLOAD, TERMS)
    assert message.text == "*nov-stops.csv: 4,812 phones to opt out.* Nothing has changed yet."
    said = words(message)
    assert "\nIt begins with (212) 555-0100 and 020 7946 0018 (United Kingdom)\n" in said
    assert "\n5,000 rows: 4,812 to opt out · 133 already opted out · 20 repeated · 35 not understood\n" in said
    assert "\n• 28 too short (first at line 41)\n• 7 with digits lost in Excel (first at line 99)\n" in said
    assert "4,990 rows had no country code: read as *United States*" in said
    assert "2 phones are of the right length but in no range in use today: check them, first at line 12" in said
    assert "A remark &amp; more" in said
    assert "Opt out 4,812 phones" in said
    assert actions(message) == ["upload.country", "upload.confirm", "upload.scrub", "upload.cancel"]
    assert styles(message)["upload.confirm"] == "primary"
    assert "Upload 7 · An admin confirms. · Waits <!date" in said


def test_preview_of_one() -> None:
    """One is one."""
    said = words(
        previews.preview(replace(UPLOAD, rows=1, phones=1, already=0, unreadable=0, summary={"assumed": 1}), TERMS)
    )
    assert "1 phone to opt out" in said
    assert "1 row had no country code" in said
    assert "1 row: 1 to opt out\n" in said


def test_counts_of_several_columns_add_up() -> None:
    """Where a row has two phones, rows and phones are counted apart."""
    two = replace(UPLOAD, rows=5, phones=6, already=1, unreadable=1, summary={"readable": 8})
    assert "5 rows · 1 not understood · 8 phones in them: 5 to opt out · 1 already opted out · 2 repeated\n" in words(
        previews.preview(two, TERMS)
    )


def test_preview_where_numbers_are_masked() -> None:
    """The first phones are among what a channel that reads no numbers does not see."""
    said = words(masked(previews.preview(UPLOAD, TERMS)))
    assert "555-0100" not in said
    assert "7946" not in said
    assert "It begins with +1•••••••100 and +44•••••••018" in said


def test_preview_of_what_is_known() -> None:
    """When all are out already, the list can still be kept as a second reason."""
    message = previews.preview(replace(UPLOAD, already=4_945), TERMS)
    assert message.text == "*nov-stops.csv: all 4,945 of its phones are already opted out.* Nothing has changed yet."
    assert "Nobody new would be opted out. Kept as a second reason, the list is noted for each of them" in words(
        message
    )
    assert "\nKeep as a second reason\n" in words(message)
    assert styles(message)["upload.confirm"] is None
    one = previews.preview(replace(UPLOAD, rows=1, phones=1, already=1, unreadable=0), TERMS)
    assert one.text == "*nov-stops.csv: its phone is already opted out.* Nothing has changed yet."


def test_preview_of_nothing() -> None:
    """When no row was understood there is nothing to say yes to, and another country can be chosen."""
    message = previews.preview(replace(UPLOAD, rows=35, phones=0, already=0, summary={}), TERMS)
    assert message.text == "*nov-stops.csv: no row of it was understood.* Nothing has changed yet."
    assert actions(message) == ["upload.country", "upload.cancel"]
    assert "Choose another country if its numbers are from there; else cancel, fix the rows" in words(message)
    reminder = views.reminder(replace(UPLOAD, rows=35, phones=0, already=0), TERMS, [UPLOAD.actor]).text
    assert "still waits to be read with another country, or cancelled: no row of it was understood" in reminder
    assert (
        "still waits for an admin's yes: 4,812 phones to opt out" in views.reminder(UPLOAD, TERMS, [UPLOAD.actor]).text
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
    """They come first; to leave the list is the likely answer, the other is marked as dangerous, and a modal asks for its number."""
    doubtful = replace(UPLOAD, summary={"contact_signs": ["names", "e-mails"]})
    message = previews.preview(doubtful, TERMS)
    said = words(message)
    first, second = texts_of(list(message.blocks))[:2]
    assert message.text == first
    assert first == ":warning: *nov-stops.csv may be the wrong list: 4,812 phones to opt out.* Nothing has changed yet."
    assert second.startswith("• This looks like a contact list, not an opt-out list: it has names and e-mails.\n")
    assert actions(message)[-3:] == ["upload.cancel", "upload.confirm", "upload.scrub"]
    assert styles(message) == {"upload.cancel": None, "upload.confirm": "danger", "upload.scrub": None}
    unclear = previews.preview(replace(doubtful, choices=Choices(asked=Asked.UNCLEAR)), TERMS)
    assert unclear.text.startswith(":warning: *nov-stops.csv: what is to be done with it?* It may be the wrong list.")
    assert styles(unclear)["upload.confirm"] == "danger"
    assert "an admin has to type the number of phones" in said
    assert "Opt out 4,812 phones" in said
    modal = views.ask_for_number(doubtful, ("It is large.",), "{}").to_dict()
    assert view_problems(modal) == []
    assert "It is large. Nothing has changed. To go on, type the number of phones: 4,812." in str(modal)
    assert modal["submit"]["text"] == "Opt out"
    again = views.ask_for_number(replace(doubtful, already=4_945), ("It was applied.",), "{}").to_dict()
    assert again["submit"]["text"] == "Keep"


def test_preview_says_until_when() -> None:
    """The moment after which nothing more can be said; and no sum of the file, which tells people nothing."""
    said = words(
        previews.preview(replace(UPLOAD, sha256="0123456789abcdef" * 4), replace(TERMS, expire=timedelta(days=3)))
    )
    assert "Waits <!date^" in said
    assert "|until 26 Nov 2026 at 14:05 UTC>" in said
    assert "0123456789ab" not in said
