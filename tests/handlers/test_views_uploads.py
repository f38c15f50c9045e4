"""What an upload's thread says, in every state, within Slack's limits."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.sandbox.blocks import elements_of, problems_of, texts_of
from handlers.replies import Message
from handlers.views import uploads as views
from store import Actor, Upload

AT = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
NASTY = "<!channel> & <@U1|x> *b* `c` " * 20 + "stops.csv"
UPLOAD = Upload(
    account_id=1,
    id=7,
    file_id="F1",
    file_name="nov-stops.csv",
    channel_id="C1",
    channel_name="optout-uploads",
    thread_ts="1.0",
    message_ts="2.0",
    permalink="https://example.org/F1",
    actor=Actor("U0ADMIN", "admin"),
    received_at=AT,
    country="US",
    phone_column=None,
    state="waiting",
    problem=None,
    pending=False,
    owner=None,
    fence=1,
    sha256="00",
    columns=("name", "phone"),
    summary={
        "unreadable": [["too short", 28, 41], ["Excel lost the digits", 7, 99]],
        "assumed": 4_990,
        "flagged": 2,
        "flagged_first": [[12, "+12125550100"]],
        "remarks": ["A remark & more"],
        "country": "US",
    },
    rows=5_000,
    phones=4_945,
    already=133,
    unreadable=35,
    entry_id=3,
    last_phone="",
    last_unreadable=0,
    newly_opted_out=4_812,
    already_opted_out=133,
    confirmed_at=AT,
    finished_at=AT + timedelta(seconds=2),
)


def words(message: Message) -> str:
    return "\n".join([message.text, *texts_of(list(message.blocks))])


def actions(message: Message) -> list[str]:
    found: list[dict[str, Any]] = [item for block in message.blocks for item in elements_of(block)]
    return [item["action_id"] for item in found if "action_id" in item]


def test_preview() -> None:
    """The outcome first, then every count with its reason, the country, and the question."""
    message = views.preview(UPLOAD)
    assert message.text == "*nov-stops.csv: 4,812 phones to opt out.* Nothing has changed yet."
    said = words(message)
    assert (
        "5,000 rows · 133 already opted out · 20 repeated · 35 not understood "
        "(28 × too short; 7 × Excel lost the digits; first at line 41)"
    ) in said
    assert "4,990 rows had no country code: read as *United States*" in said
    assert "2 phones are of the right length but in no range in use today: check them, first at line 12" in said
    assert "A remark &amp; more" in said
    assert "Opt out 4,812 phones" in said
    assert actions(message) == ["upload.country", "upload.confirm", "upload.cancel"]


def test_preview_of_one() -> None:
    """One is one."""
    said = words(views.preview(replace(UPLOAD, rows=1, phones=1, already=0, unreadable=0, summary={"assumed": 1})))
    assert "1 phone to opt out" in said
    assert "1 row had no country code" in said
    assert "1 row\n" in said


def test_preview_of_what_is_known() -> None:
    """When all are out already, the list can still be kept as a second reason."""
    message = views.preview(replace(UPLOAD, already=4_945))
    assert "every phone in it is already opted out" in message.text
    assert "Keep this list as a second reason" in words(message)


def test_preview_of_nothing() -> None:
    """When no row was understood there is nothing to say yes to, and another country can be chosen."""
    message = views.preview(replace(UPLOAD, rows=35, phones=0, already=0, summary={}))
    assert message.text == "*nov-stops.csv: no row of it was understood.* Nothing has changed yet."
    assert actions(message) == ["upload.country", "upload.cancel"]


@pytest.mark.parametrize("country", ["US", "LT", None])
def test_country_menu(country: str | None) -> None:
    """The country in force is the one chosen, whether it is a usual one or not."""
    message = views.preview(replace(UPLOAD, country=country))
    menus = [item for block in message.blocks for item in elements_of(block) if item["type"] == "static_select"]
    initial = menus[0].get("initial_option")
    assert (initial is None) == (country is None)
    if initial is not None:
        assert f'"country": "{country}"' in initial["value"]


def test_report() -> None:
    """Counts, time taken, who, and what to do with the rest."""
    message = views.report(UPLOAD)
    assert message.text == "*4,812 phones opted out* from nov-stops.csv in 2 s · dropped by <@U0ADMIN>"
    said = words(message)
    assert "133 were already opted out: this list is kept as a second reason" in said
    assert "20 rows repeated a phone of the same list" in said
    assert "35 rows not understood" in said
    assert "Fix them there and drop the file again." in said
    assert actions(message) == []


def test_reading_and_applying() -> None:
    """A bar, rows, rate and time left; nothing that is not known yet."""
    assert views.reading(UPLOAD).text == "Reading *nov-stops.csv* ░░░░░░░░░░ 0%"
    assert (
        views.reading(UPLOAD, 30_500, 0.61, 10).text
        == "Reading *nov-stops.csv* ▓▓▓▓▓▓░░░░ 61% · 30,500 of about 50,000 rows · 3,050 a second · about 6 s left"
    )
    assert (
        views.applying(UPLOAD, 2_472, 0.1).text
        == "Opting out 4,945 phones from *nov-stops.csv* ▓▓▓▓░░░░░░ 49% · 2,472 of 4,945"
    )
    assert views.applying(replace(UPLOAD, phones=0), 0).text.endswith("100%")


@pytest.mark.parametrize(("seconds", "said"), [(0, "1 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min")])
def test_duration(seconds: float, said: str) -> None:
    """Seconds while they mean something, then minutes."""
    assert views.duration(seconds) == said


def test_refused_offers_the_likely_column() -> None:
    """One click reads the list with it; without a likely one, or one too long for a button, there is none."""
    refused = replace(UPLOAD, state="refused", problem="No column called `phone`.", summary={"likely": "Mobile"})
    message = views.refused(refused)
    assert message.text == "*Nothing was changed.* No column called `phone`."
    assert "Use Mobile" in words(message)
    assert actions(message) == ["upload.column"]
    assert actions(views.refused(replace(refused, summary={}))) == []
    assert actions(views.refused(replace(refused, summary={"likely": "x" * 3_000}))) == []


def test_failed_says_how_far_it_came() -> None:
    """What was opted out by then stays so, and is counted."""
    failed = replace(UPLOAD, state="failed", problem="The disk is full.")
    assert "4,812 phones had been opted out by then and stay so." in views.failed(failed).text
    untouched = replace(failed, newly_opted_out=0, already_opted_out=0)
    assert views.failed(untouched).text.endswith("The disk is full. Nothing was changed.")


def test_elsewhere_says_why() -> None:
    """The same picture, with its buttons, and why it is not where it belongs."""
    message = views.elsewhere(UPLOAD, views.preview(UPLOAD), "not_in_channel")
    assert message.text == views.preview(UPLOAD).text
    assert "<#C1>" in words(message)
    assert "`not_in_channel`" in words(message)
    assert "upload.confirm" in actions(message)


def test_listing() -> None:
    """Newest first, each with its link, state and counts; and a word when there are none."""
    said = words(views.listing([UPLOAD, replace(UPLOAD, state="done", permalink=None)]))
    assert "The latest 2 uploads" in said
    assert "*<https://example.org/F1|nov-stops.csv>* · waiting for a yes · 4,812 phones to opt out · <@U0ADMIN>" in said
    assert "*nov-stops.csv* · done · 4,812 phones opted out, 133 already" in said
    assert "No list has been uploaded yet." in words(views.listing([]))


STATES = ["received", "waiting", "applying", "done", "refused", "cancelled", "failed"]


@pytest.mark.parametrize("state", STATES)
def test_slack_takes_every_state(state: str) -> None:
    """Whatever stands in the file, Slack takes the message, and nothing in it mentions anybody."""
    upload = replace(
        UPLOAD,
        state=state,
        file_name=NASTY,
        problem=NASTY * 20,
        summary={
            "unreadable": [[NASTY, 1, 2]] * 12,
            "assumed": 1,
            "remarks": [NASTY] * 20,
            "likely": "<!here> " * 30,
        },
    )
    for message in (views.of_state(upload), views.listing([upload] * 30)):
        assert problems_of(list(message.blocks), "message") == []
        assert message.text
        assert len(message.text) <= 3_000
        assert "<!channel" not in words(message)
        assert "<@U1|" not in words(message)
