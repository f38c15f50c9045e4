"""What an upload's thread says, in every state, within Slack's limits."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.sandbox.blocks import elements_of, problems_of, texts_of, view_problems
from handlers.slack.messages import Message
from handlers.slack.modals import refusal
from handlers.slack.mrkdwn import escape
from handlers.views import uploads as views
from handlers.views.upload_list import Reader, list_of_uploads
from store import Actor, Deadlines, Entry, Purpose, UndoPreview, Upload, UploadState

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
    size=250_000,
    purpose=Purpose.OPT_OUT,
    actor=Actor("U0ADMIN", "admin"),
    decider=None,
    received_at=AT,
    country="US",
    phone_column=None,
    state=UploadState.WAITING,
    problem=None,
    pending=False,
    sha256="00",
    columns=("name", "phone"),
    summary={
        "unreadable": [["too_short", 28, 41], ["scientific", 7, 99]],
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
    waiting_since=AT,
    reminded_at=None,
    entry_id=3,
    last_phone="",
    last_unreadable=0,
    newly_opted_out=4_812,
    already_opted_out=133,
    confirmed_at=AT,
    finished_at=AT + timedelta(seconds=2),
    attached_file=None,
    undo_entry_id=None,
    undo_phone="",
    opted_in=0,
    kept_out=0,
    reopened=0,
    undone_at=None,
)
TERMS = Deadlines(remind=timedelta(hours=24), expire=timedelta(hours=72), undo=timedelta(days=36_500))


def words(message: Message) -> str:
    return "\n".join([message.text, *texts_of(list(message.blocks))])


def actions(message: Message) -> list[str]:
    found: list[dict[str, Any]] = [item for block in message.blocks for item in elements_of(block)]
    return [item["action_id"] for item in found if "action_id" in item]


def test_preview() -> None:
    """The outcome first, then every count with its reason, the country, and the question."""
    message = views.preview(UPLOAD, TERMS)
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
        views.preview(replace(UPLOAD, rows=1, phones=1, already=0, unreadable=0, summary={"assumed": 1}), TERMS)
    )
    assert "1 phone to opt out" in said
    assert "1 row had no country code" in said
    assert "1 row\n" in said


def test_preview_of_what_is_known() -> None:
    """When all are out already, the list can still be kept as a second reason."""
    message = views.preview(replace(UPLOAD, already=4_945), TERMS)
    assert "every phone in it is already opted out" in message.text
    assert "Keep this list as a second reason" in words(message)


def test_preview_of_nothing() -> None:
    """When no row was understood there is nothing to say yes to, and another country can be chosen."""
    message = views.preview(replace(UPLOAD, rows=35, phones=0, already=0, summary={}), TERMS)
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
    message = views.preview(replace(UPLOAD, country=country), TERMS)
    menus = [item for block in message.blocks for item in elements_of(block) if item["type"] == "static_select"]
    initial = menus[0].get("initial_option")
    assert (initial is None) == (country is None)
    if initial is not None:
        assert f'"country": "{country}"' in initial["value"]


def test_report() -> None:
    """Counts, time taken, who, and what to do with the rest."""
    message = views.report(UPLOAD, TERMS)
    assert message.text == "*4,812 phones opted out* from nov-stops.csv in 2 s · dropped by admin"
    said = words(message)
    assert "133 were already opted out: this list is kept as a second reason" in said
    assert "20 rows repeated a phone of the same list" in said
    assert "35 rows not understood" in said
    assert "35 rows not understood: attached, with the reason for each. Fix them there and drop that file." in said
    assert "Not understood: 28 too short (first at line 41) · 7 with digits lost in Excel (first at line 99)" in said
    assert "1 row not understood: attached, with the reason for each. Fix it there" in words(
        views.report(replace(UPLOAD, unreadable=1), TERMS)
    )
    assert actions(message) == []


@pytest.mark.parametrize(
    ("decider", "whose"),
    [
        (None, "dropped by admin"),
        (Actor("U0ADMIN", "admin"), "by admin"),
        (Actor("U0ANN", "ann"), "dropped by admin, confirmed by ann"),
    ],
)
def test_who_decided(decider: Actor | None, whose: str) -> None:
    """The report names who dropped the list and who said yes; a stopped or cancelled list who pressed that."""
    decided = replace(UPLOAD, decider=decider)
    assert views.report(decided, TERMS).text.endswith(f" in 2 s · {whose}")
    by = f" by {decider.name}" if decider else ""
    assert views.cancelled(decided).text == f"*nov-stops.csv was cancelled{by}.* Nothing was changed."
    assert f"nov-stops.csv was stopped{by} after " in views.stopped(decided, TERMS).text


def test_what_waits_for_its_turn() -> None:
    """It says so, with the button that calls it off, where there is one for that state."""
    for state, what, button in (
        (UploadState.RECEIVED, "read", ["upload.cancel"]),
        (UploadState.APPLYING, "opted out", ["upload.stop"]),
        (UploadState.UNDOING, "undone", []),
    ):
        message = views.queued(replace(UPLOAD, state=state))
        assert message.text.startswith("*nov-stops.csv* waits: other lists are being worked on.")
        assert message.text.endswith(f"It is {what} as soon as it is its turn.")
        assert actions(message) == button


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
    refused = replace(
        UPLOAD, state=UploadState.REFUSED, problem="No column called `phone`.", summary={"likely": "Mobile"}
    )
    message = views.refused(refused)
    assert message.text == "*Nothing was changed.* No column called `phone`."
    assert "Use Mobile" in words(message)
    assert actions(message) == ["upload.column"]
    assert actions(views.refused(replace(refused, summary={}))) == []
    assert actions(views.refused(replace(refused, summary={"likely": "x" * 3_000}))) == []


def test_failed_says_how_far_it_came() -> None:
    """What was opted out by then stays so, and is counted."""
    failed = replace(UPLOAD, state=UploadState.FAILED, problem="The disk is full.")
    assert (
        "4,812 phones have been opted out and stay so. 133 were out before. Drop the file again for the rest: the rows "
        "that were not understood are attached then, and phones that are out already are counted as such."
    ) in views.failed(failed, TERMS).text
    assert "understood" not in views.failed(replace(failed, unreadable=0), TERMS).text
    undo = views.failed(replace(failed, undo_entry_id=4, opted_in=3), TERMS).text
    assert undo.endswith("The disk is full. Its undo had opted 3 phones in by then; it can go on.")
    untouched = replace(failed, newly_opted_out=0, already_opted_out=0)
    assert views.failed(untouched, TERMS).text.endswith("The disk is full. Nothing was changed.")


def test_elsewhere_says_why() -> None:
    """The same picture, with its buttons, and why it is not where it belongs."""
    message = views.for_direct_message(UPLOAD, views.preview(UPLOAD, TERMS), "not_in_channel")
    assert message.text == views.preview(UPLOAD, TERMS).text
    assert "<#C1>" in words(message)
    assert "`not_in_channel`" in words(message)
    assert "upload.confirm" in actions(message)


def test_preview_with_doubts() -> None:
    """Each is said, with what the yes takes; the button is the same, and the modal asks for its number."""
    doubtful = replace(UPLOAD, summary={"contact_signs": ["names", "e-mails"]})
    said = words(views.preview(doubtful, TERMS))
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
        views.preview(replace(UPLOAD, sha256="0123456789abcdef" * 4), replace(TERMS, expire=timedelta(days=3)))
    )
    assert "Waits <!date^" in said
    assert "|until 26 Nov 2026 at 14:05 UTC>" in said
    assert "file 0123456789ab" in said
    assert "0123456789abc" not in said


def test_applying_can_be_stopped() -> None:
    """The message of a list at work has the button; one that is undone has none."""
    assert actions(views.applying(UPLOAD, 100)) == ["upload.stop"]
    assert actions(views.undoing(UPLOAD, 100)) == []
    assert views.undoing(UPLOAD, 2_472).text.startswith("Undoing *nov-stops.csv* ▓▓▓▓░░░░░░ 49% · 2,472 of 4,945")


def test_stopped() -> None:
    """What was applied and what is left, with the ways on; with nothing applied there is nothing to undo."""
    message = views.stopped(replace(UPLOAD, state=UploadState.STOPPED, newly_opted_out=100, already_opted_out=1), TERMS)
    assert message.text == (
        "*nov-stops.csv was stopped after 101 of 4,945 phones.* 100 phones have been opted out and stay so. "
        "1 was out before. 4,844 phones left. 35 rows were not understood: attached once the list is continued to its end."
    )
    one = views.stopped(replace(UPLOAD, newly_opted_out=1, already_opted_out=0, unreadable=1), TERMS).text
    assert "1 phone has been opted out and stays so." in one
    assert "1 row was not understood" in one
    assert actions(message) == ["upload.continue", "upload.undo"]
    nothing = replace(UPLOAD, state=UploadState.STOPPED, newly_opted_out=0, already_opted_out=0)
    assert actions(views.stopped(nothing, TERMS)) == ["upload.continue"]


def test_undo_is_offered_while_it_can_be_done() -> None:
    """The report names the day; after it there is no button, and none for an upload that opted nobody out."""
    week = replace(TERMS, undo=timedelta(days=7))
    fresh = replace(UPLOAD, state=UploadState.DONE, finished_at=datetime.now(UTC))
    assert actions(views.report(fresh, week)) == ["upload.undo"]
    assert "Can be undone <!date^" in words(views.report(fresh, week))
    assert actions(views.report(replace(fresh, finished_at=AT - timedelta(days=3650)), week)) == []
    assert actions(views.report(replace(fresh, newly_opted_out=0, already_opted_out=0), week)) == []


def test_undone() -> None:
    """Who is opted in, who stays out and why, what re-opened, and what was no longer there to undo."""
    undone = replace(UPLOAD, state=UploadState.UNDONE, opted_in=4_700, kept_out=200, reopened=1, undo_entry_id=4)
    entry = Entry(4, "undo", Actor("U0ANN", "ann"), AT, None, None, None, None, None, 7, "nov-stops.csv", None)
    message = views.undone(replace(undone, undone_at=AT + timedelta(seconds=3)), entry)
    assert message.text == "*nov-stops.csv was undone: 4,700 phones can be texted again* in 3 s · by ann"
    said = words(message)
    assert "200 phones stay out: something else opted them out too" in said
    assert "1 conversation in an active campaign re-opened" in said
    assert "45 phones had been allowed texts again by hand before" in said
    assert actions(message) == []


def test_the_question_before_an_undo() -> None:
    """Every count that matters, and nothing about what there is none of."""
    view = views.undo_question(UPLOAD, UndoPreview(4_700, 245, 3), "{}").to_dict()
    assert view_problems(view) == []
    assert "*4,700 phones can be texted again.*" in str(view)
    assert "245 phones stay out for other reasons." in str(view)
    assert "3 conversations in active campaigns re-open." in str(view)
    few = str(views.undo_question(UPLOAD, UndoPreview(1, 0, 0), "{}").to_dict())
    assert "1 phone can be texted again" in few
    assert "stay" not in few
    assert "re-open" not in few
    none = str(views.undo_question(UPLOAD, UndoPreview(0, 300, 0), "{}").to_dict())
    assert "*No texts will be allowed again.*" in none
    assert "can be texted" not in none


# A scrubbed list has a picture of its own: see test_scrubs.
STATES = tuple(state for state in UploadState if state is not UploadState.SCRUBBED)


@pytest.mark.parametrize("state", STATES)
def test_slack_takes_every_state(state: UploadState) -> None:
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
            "contact_signs": [NASTY] * 30,
        },
    )
    for view in (
        views.ask_for_number(upload, (escape(NASTY),) * 20, "{}"),
        views.counting_undo(upload),
        views.undo_question(upload, UndoPreview(1, 1, 1), "{}"),
        refusal(Message.of(escape(NASTY * 20))),
    ):
        assert view_problems(view.to_dict()) == []
        assert "<!channel" not in str(view.to_dict())
    for message in (
        views.of_state(upload, TERMS),
        list_of_uploads([replace(upload, id=number) for number in range(30)], Reader(may_undo=True, undo=TERMS.undo)),
        views.reminder(upload, TERMS, [upload.actor]),
    ):
        assert problems_of(list(message.blocks), "message") == []
        assert message.text
        assert len(message.text) <= 3_000
        assert "<!channel" not in words(message)
        assert "<@U1|" not in words(message)
