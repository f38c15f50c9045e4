"""What the desk and its children say to each other: whatever is written is read the same, and nothing else is."""

import json
from datetime import UTC, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.work.job import (
    ChildAnswer,
    Done,
    Exported,
    ExportJob,
    Failed,
    Job,
    ListJob,
    Lost,
    MalformedLineError,
    Refused,
    SlackFile,
    Step,
    Working,
    line_of,
    read_answer,
    read_job,
)
from store import ExportFilter, Lease, Scrubbed, UnreadableReason, UploadState

TEXT = st.text(max_size=20)
NUMBERS = st.integers(0, 2**60)
SECONDS = st.floats(0, 1e6)
PATHS = TEXT.map(Path)
MOMENTS = st.datetimes(timezones=st.sampled_from([UTC, timezone.max]))
FILES = st.builds(SlackFile, url=TEXT, token=TEXT, api_origin=TEXT, max_bytes=NUMBERS)
JOBS = st.one_of(
    st.builds(
        ListJob,
        step=st.sampled_from(Step),
        database_url=TEXT,
        account=NUMBERS,
        upload=NUMBERS,
        lease=st.builds(Lease, TEXT, NUMBERS),
        lease_seconds=SECONDS,
        stall_seconds=SECONDS,
        file=st.none() | FILES,
        scratch=PATHS,
        label=TEXT,
        folder=PATHS,
        batch=NUMBERS,
    ),
    st.builds(
        ExportJob,
        TEXT,
        NUMBERS,
        st.builds(ExportFilter, TEXT, st.none() | MOMENTS, st.none() | TEXT, st.none() | TEXT, st.none() | NUMBERS),
        PATHS,
        st.none() | FILES,
    ),
)
REASONS = st.from_type(UnreadableReason)
SCRUBBED = st.builds(
    Scrubbed,
    rows=NUMBERS,
    removed=NUMBERS,
    unreadable=NUMBERS,
    kept=NUMBERS,
    unreadable_kept=st.booleans(),
    reasons=st.lists(REASONS, max_size=3).map(tuple),
    assumed=NUMBERS,
    country=st.none() | TEXT,
    phone_column=TEXT,
    remarks=st.lists(TEXT, max_size=3).map(tuple),
)
ANSWERS = st.one_of(
    st.builds(Working, NUMBERS, SECONDS),
    st.builds(Done, st.sampled_from(UploadState), st.none() | SCRUBBED, st.none() | PATHS),
    st.builds(Exported, NUMBERS),
    st.builds(Refused, TEXT),
    st.builds(Failed, TEXT, TEXT),
    st.builds(Lost, TEXT),
)


@given(JOBS)
def test_a_job_is_read_as_it_was_written(job: Job) -> None:
    """Of every kind, with every field, in one line of ASCII."""
    line = line_of(job)
    assert read_job(line) == read_job(line.encode()) == job
    assert "\n" not in line
    assert line.isascii()


@given(ANSWERS)
def test_an_answer_is_read_as_it_was_written(answer: ChildAnswer) -> None:
    """Of every kind, down to the reasons of a scrubbed list's unreadable rows."""
    line = line_of(answer)
    assert read_answer(line) == answer
    assert "\n" not in line


@given(JOBS, st.data())
def test_a_job_with_another_field_is_refused(job: Job, data: st.DataObject) -> None:
    """One field less, one more, or one of another kind: the two ends are one program, so none of these can be right."""
    said = json.loads(line_of(job))
    name = data.draw(st.sampled_from(sorted(said)))
    less = {key: value for key, value in said.items() if key != name}
    for other in (less, said | {"colour": "red"}, said | {name: [[]]}, said | {name: {"x": 1}}):
        with pytest.raises(MalformedLineError):
            read_job(json.dumps(other))


@pytest.mark.wide
@given(
    st.recursive(st.none() | st.booleans() | st.floats() | TEXT, lambda one: st.lists(one) | st.dictionaries(TEXT, one))
)
def test_any_other_json_is_refused(said: object) -> None:
    """Whatever it is, it is refused in words and nothing else escapes."""
    for read in (read_job, read_answer):
        with pytest.raises(MalformedLineError, match=r"it is no|there is no"):
            read(json.dumps(said))


@pytest.mark.parametrize(
    "line",
    [
        *("", "\x00", "nonsense", "null", "[]", "{}", "[" * 100_000),
        *('{"is": "list"}', '{"is": ["list"]}', '{"is": "dance"}', '{"is": "working", "rows": true, "fraction": 0}'),
        *('{"is": "done", "state": "eaten", "scrubbed": null, "file": null}', '{"is": "lost", "detail": null}'),
        (
            '{"is": "export", "database_url": "", "account": 1, "path": "x", '
            '"export_filter": {"format": "desk", "since": "soon", "function": null}}'
        ),
        b"\xff\xfe",
    ],
)
def test_malformed_lines_are_refused_in_words(line: str | bytes) -> None:
    """A line that is no JSON, none of the kinds, or has a value of another kind."""
    for read in (read_job, read_answer):
        with pytest.raises(MalformedLineError, match=r"\w+ is no|has other fields"):
            read(line)


def test_what_is_secret_is_not_shown() -> None:
    """Neither the token nor the database's password is in what a log or a traceback shows of a job."""
    file = SlackFile("https://files.slack.com/x", "xoxb-secret", "https://slack.com", 1)
    job = ListJob(
        Step.STAGE, "postgresql://desk:secret@db/desk", 1, 1, Lease("me", 1), 1.0, 60, file, Path(), "", Path()
    )
    assert "secret" not in repr(job)
    assert "secret" not in repr(ExportJob("postgresql://desk:secret@db/desk", 1, ExportFilter(), Path()))
