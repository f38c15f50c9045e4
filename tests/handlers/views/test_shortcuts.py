"""The modal of the message shortcut, within Slack's limits."""

from dataclasses import replace
from datetime import UTC, datetime

from bot.sandbox.blocks import view_problems
from handlers.views import shortcuts as views
from store import Actor, Entry, FoundPhone, Function, NotAPhone, OptOut, PhoneNumber, PhoneState
from store.phones.numbers import Reason

AT = datetime(2026, 11, 3, 14, 5, tzinfo=UTC)


def found(number: int, *, out: bool = False, flagged: bool = False) -> tuple[PhoneState, FoundPhone]:
    phone = f"+1784555{number:04}"
    entry = Entry(1, Function.COMMAND, Actor("U1", "a"), AT, None, None, None, None, None, None, None, None)
    opt_outs = (OptOut(phone, entry, None, None, None, None),) if out else ()
    return PhoneState(phone, opt_outs, ()), FoundPhone(PhoneNumber(phone, flagged, None, None), phone)


def test_the_fullest_modal() -> None:
    """Fifty phones of a country with a long name, all opted out or flagged, and the longest words: Slack takes it."""
    phones = [found(n, out=n % 2 == 0, flagged=n % 3 == 0) for n in range(50)]
    view = views.check(phones, 1_000, "<!channel> & " * 100, "US", "x" * 3_000, is_whole=False, has_more=True).to_dict()
    assert view_problems(view) == []
    assert "1,000 more were not looked up" in str(view)
    words = next(block for block in view["blocks"] if block.get("block_id") == views.WORDS)
    assert words["element"]["initial_value"] == ("<!channel> & " * 100)[:500]


def test_what_is_ticked_before_anybody_chose() -> None:
    """A number that is not opted out and in use; not one that is out, nor one that may be an order's."""
    view = views.check(
        [found(1, out=True), found(2), found(3, flagged=True)], 0, "", None, "{}", is_whole=True
    ).to_dict()
    assert view_problems(view) == []
    element = view["blocks"][1]["element"]
    assert [option["value"] for option in element["initial_options"]] == ["+17845550002"]
    assert (
        element["options"][0]["description"]["text"]
        == "opted out <!date^1793714700^since {date_short_pretty}|since 3 Nov 2026>"
    )
    assert "initial_value" not in view["blocks"][-1]["element"]


def test_a_reference_and_much_that_is_not_read() -> None:
    """One behind "ticket" is marked and not ticked; of what is not read the first are named, with anybody's signs in them."""
    state, phone = found(1)
    unread = [NotAPhone("<!channel> `1`" * 20, Reason.TOO_LONG, "60 digits, <https://x> a US number has 10" * 10)] * 30
    view = views.check(
        [(state, replace(phone, reference="ticket"))], 0, "", None, "{}", unread=unread, is_whole=True
    ).to_dict()
    assert view_problems(view) == []
    [option] = view["blocks"][1]["element"]["options"]
    assert option["description"]["text"] == 'not opted out · after "ticket"'
    assert "initial_options" not in view["blocks"][1]["element"]
    assert "20 more" in str(view)
    assert view_problems(views.nothing_to_check("So.", unread, is_whole=True).to_dict()) == []


def test_none_is_ticked() -> None:
    """Where all are opted out already, no option is chosen."""
    view = views.check([found(1, out=True)], 0, "words", "US", "{}", is_whole=True).to_dict()
    assert view_problems(view) == []
    assert "initial_options" not in view["blocks"][1]["element"]


def test_the_other_modals() -> None:
    """Looking up, and nothing found."""
    assert view_problems(views.nothing_to_check("Write it with its area code.", is_whole=False).to_dict()) == []
