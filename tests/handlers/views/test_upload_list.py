"""Lists of uploads: number, state in plain words, and the buttons that their reader may press."""

from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.views.upload_list import MOST_LISTED, Reader, list_of_uploads, stands
from store import Asked, Choices, UploadState
from tests.handlers.views.test_uploads import UPLOAD, actions, words

READER, ADMIN = Reader(may_undo=False, undo=timedelta(days=36_500)), Reader(may_undo=True, undo=timedelta(days=36_500))


def test_listing() -> None:
    """Newest first, each with its link, number, state and who dropped it where; and a word when there are none."""
    said = words(list_of_uploads([UPLOAD, replace(UPLOAD, id=6, state=UploadState.DONE, permalink=None)], READER))
    assert "The latest 2 uploads" in said
    assert "*<https://example.org/F1|nov-stops.csv>* · upload 7 · waits for a yes: 4,812 phones to opt out" in said
    assert "*nov-stops.csv* · upload 6 · 4,812 phones opted out, 133 were out already" in said
    assert "Dropped by admin in " in said
    assert "No list has been uploaded yet." in words(list_of_uploads([], READER))
    assert words(list_of_uploads([UPLOAD] * 30, READER)).count("upload 7") == MOST_LISTED


def test_buttons_are_those_the_reader_may_press() -> None:
    """*Open* where there is a message; *Undo* for who may, while it can be undone."""
    done = replace(UPLOAD, state=UploadState.DONE)
    assert actions(list_of_uploads([done], READER)) == ["upload.open"]
    assert actions(list_of_uploads([done], ADMIN)) == ["upload.open", "upload.undo"]
    assert actions(list_of_uploads([replace(done, permalink=None)], ADMIN)) == ["upload.undo"]
    for not_any_more in (UPLOAD, replace(UPLOAD, state=UploadState.UNDONE)):
        assert actions(list_of_uploads([not_any_more], ADMIN)) == ["upload.open"]
    assert actions(list_of_uploads([done], Reader(may_undo=True, undo=timedelta(0)))) == ["upload.open"]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (UploadState.RECEIVED, "being read, nothing has changed yet"),
        (UploadState.APPLYING, "being opted out, 4,945 of 4,945 phones so far"),
        (UploadState.STOPPED, "stopped after 4,945 of 4,945 phones: 4,812 phones opted out"),
        (UploadState.UNDOING, "being undone, 2 phones can be texted again so far"),
        (UploadState.UNDONE, "undone: 2 phones can be texted again, 1 stays out for other reasons"),
        (UploadState.FAILED, "failed after 4,945 of 4,945 phones: 4,812 phones opted out"),
        (UploadState.CANCELLED, "cancelled, nothing was changed"),
        (UploadState.EXPIRED, "expired since nobody said yes, nothing was changed"),
        (UploadState.REFUSED, "could not be read, nothing was changed"),
        (UploadState.SCRUBBED, "scrubbed: 3 rows taken out of it, nobody was opted out"),
    ],
)
def test_states_in_plain_words(state: UploadState, said: str) -> None:
    """What was done, to how many; nothing is said to be done that was not."""
    upload = replace(UPLOAD, opted_in=2, kept_out=1, summary=UPLOAD.summary | {"removed": 3})
    assert stands(replace(upload, state=state)) == said


def test_what_waits_says_what_for() -> None:
    """A list that nobody could be opted out by says so."""
    assert stands(replace(UPLOAD, already=UPLOAD.phones)) == "waits for a yes: every phone in it is opted out already"
    assert stands(replace(UPLOAD, phones=0, already=0)) == "waits for a yes: no row of it was understood"
    looked_up = replace(UPLOAD, choices=Choices(asked=Asked.LOOK_UP))
    assert stands(looked_up) == "looked up: 133 of its 4,945 phones are opted out"
    failed = replace(UPLOAD, state=UploadState.FAILED, newly_opted_out=0, already_opted_out=0)
    assert stands(failed) == "failed, nothing was changed"
