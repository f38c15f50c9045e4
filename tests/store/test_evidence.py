"""The evidence of one number: each entry that touched it, with its moments, words, list and decisions; and its file."""

import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
import sqlalchemy as sa

from store import Account, Actor, Cause, ExportFilter, Function, HandoverState, Origin, Store, UploadWork
from store import evidence as module
from store.errors import NoAccount, NotE164
from store.evidence import Reopened, SecondAdmin
from store.evidence_file import DATA, PAGE, evidence_as_json, evidence_page, write_evidence
from store.handovers import Errand
from store.models import entries
from store.records import Batch, ImportedNote
from tests.store.test_undo import undone
from tests.store.test_uploads import DROPPER, claimed, counts, received

ONE, TWO = "+12125550100", "+12125550101"
ASKED_AT = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
AVERY = Actor("U0AVERY", "avery")
HOSTILE = "</dd><script>alert(1)</script>\u202e=HYPERLINK(\"x\") & 'quoted'"


def with_a_list(store: Store, account: Account, by: Origin) -> UploadWork:
    """ONE and TWO stand in a list that was applied, ONE with what the list says of it."""
    work = claimed(store, received(store, account))
    work.staged(counts(phones=2))
    store.uploads.confirm(account.id, work.upload.id, by)
    batch = Batch({ONE: 88, TWO: 89}, {ONE: ImportedNote(ASKED_AT, "moved away")})
    return work.renew(lease_seconds=60).apply_batch(batch, [], lease_seconds=60).finish()


def test_a_list_is_named_with_file_hash_line_and_who_decided(store: Store, account: Account, by_admin: Origin) -> None:
    """When the contact asked, when the list was dropped, when it was in effect; the words of the list; dropper and decider."""
    upload = with_a_list(store, account, by_admin).upload
    found = store.evidence.get(account.id, ONE)
    [event] = found.events
    assert (found.phone, found.opted_out, found.since, found.left_out) == (ONE, True, found.since, 0)
    assert (event.function, event.opts_out, event.by) == ("upload", True, by_admin.actor)
    assert (event.requested_at, event.heard_at, event.effect_at) == (ASKED_AT, upload.received_at, upload.finished_at)
    source = event.from_list
    assert source is not None
    assert (source.upload, source.file, source.file_id) == (upload.id, "stops.csv", "F1")
    assert (source.sha256, source.line, source.said) == ("ab" * 32, 88, "moved away")
    assert (source.dropped_by, source.decided_by) == (DROPPER, by_admin.actor)


def test_allowing_again_names_what_it_took_back_and_re_opened(store: Store, account: Account, by_admin: Origin) -> None:
    """Both entries say of each other, and the conversations in active campaigns stay named."""
    store.campaigns.put(account.id, "c1", "GOTV", active=True)
    store.campaigns.put(account.id, "c2", "Over", active=False)
    for campaign in ("c1", "c2"):
        store.campaigns.put_conversation(account.id, campaign, "contact", ONE)
    store.optouts.add(account.id, [ONE, TWO], replace(by_admin, reason="asked twice", cause=Cause.TEST))
    store.optouts.delete(account.id, ONE, replace(by_admin, reason="a test of ours"))
    store.campaigns.put(account.id, "c1", "Renamed", active=True)
    store.history.remark(account.id, ONE, "hers", by_admin)
    found = store.evidence.get(account.id, ONE)
    out, again, remark = found.events
    assert (found.opted_out, found.since, found.was_out) == (False, None, True)
    assert (out.taken_back_by, out.reason, out.cause, out.reopened) == (again.entry, "asked twice", Cause.TEST, None)
    assert (again.takes_back, again.reason, again.opts_out) == ((out.entry,), "a test of ours", False)
    assert again.reopened == (Reopened("c1", "GOTV", "contact"),)
    assert (out.effect_at, out.heard_at, remark.effect_at) == (out.heard_at, out.heard_at, None)
    assert (remark.function, remark.reason) == ("remark", "hers")
    assert [one.taken_back_by for one in store.evidence.get(account.id, TWO).events] == [None]


def test_the_undo_of_a_list_is_an_event_of_each_of_its_phones(store: Store, account: Account, by_admin: Origin) -> None:
    """It names the list and what it took back; which conversations it re-opened is not kept."""
    upload = undone(store, with_a_list(store, account, by_admin), by_admin)
    out, undo = store.evidence.get(account.id, ONE).events
    assert (undo.function, undo.takes_back, undo.effect_at) == ("undo", (out.entry,), upload.undone_at)
    assert undo.reopened is None
    assert undo.from_list is not None
    assert (undo.from_list.upload, undo.from_list.line) == (upload.id, None)


def test_who_asked_and_which_second_admin_decided(store: Store, account: Account, by_admin: Origin) -> None:
    """What was handed over was heard when it was asked, and a request after a threat names whoever said yes."""
    asker = replace(by_admin, actor=AVERY, channel_id="C1", reason=None)
    handover, _ = store.handovers.hand_over(account.id, Errand("optout.add", "{}"), asker)
    entry = store.optouts.add(account.id, [ONE], replace(by_admin, cause=Cause.LEGAL))[0].entry.id
    store.handovers.decide(account.id, handover.id, HandoverState.DONE, by_admin.actor, entry=entry)
    request = store.allow_requests.ask(account.id, ONE, replace(by_admin, reason="she signed a paper")).request
    assert request is not None
    second = replace(by_admin, actor=AVERY)
    decided = store.allow_requests.decide(account.id, request.id, second, allow=True).request
    out, asked, again = store.evidence.get(account.id, ONE).events
    assert (out.asked_by, out.heard_at, out.requested_at) == (AVERY, handover.asked_at, None)
    assert asked.second_admin == SecondAdmin("allowed", AVERY, decided.decided_at)
    assert (again.by, again.takes_back) == (AVERY, (out.entry,))


def test_a_phone_that_was_never_opted_out(store: Store, account: Account, by_admin: Origin) -> None:
    """Its page says so; what another account knows of it is not told."""
    other = store.accounts.get_or_create("T0OTHER", "Other")
    store.optouts.add(other.id, [ONE], by_admin)
    found = store.evidence.get(account.id, ONE)
    assert (found.opted_out, found.events, found.was_out) == (False, (), False)
    assert "was never opted out on this list" in evidence_page(found)
    store.exports.ask(account.id, by_admin, ExportFilter.of_evidence(ONE))
    found = store.evidence.get(account.id, ONE)
    assert ([event.function for event in found.events], found.was_out) == (["export"], False)
    with pytest.raises(NoAccount):
        store.evidence.get(999, ONE)
    with pytest.raises(NotE164):
        store.evidence.get(account.id, "2125550100")


def test_the_newest_entries_when_there_are_many(
    store: Store, account: Account, by_admin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest is counted, and since when it is out is told all the same."""
    monkeypatch.setattr(module, "MOST_EVENTS", 3)
    made = [store.optouts.add(account.id, [ONE], by_admin)[0].entry for _ in range(5)]
    found = store.evidence.get(account.id, ONE)
    assert [event.entry for event in found.events] == [entry.id for entry in made[2:]]
    assert (found.left_out, found.since) == (2, made[0].at)
    assert "of which the 2 oldest are left out" in evidence_page(found)


def test_the_file_holds_a_page_and_the_same_as_json(store: Store, account: Account, tmp_path: Path) -> None:
    """Whatever people wrote is text on the page, which loads nothing; the JSON has every event."""
    by = Origin(Function.COMMAND, Actor("U1", HOSTILE), "C1", HOSTILE, permalink="javascript:alert(1)", reason=HOSTILE)
    store.optouts.add(account.id, [ONE], by)
    found = store.evidence.get(account.id, ONE)
    write_evidence(found, tmp_path / "evidence.zip")
    with zipfile.ZipFile(tmp_path / "evidence.zip") as archive:
        assert archive.namelist() == [PAGE, DATA]
        page, data = archive.read(PAGE).decode(), json.loads(archive.read(DATA))
    assert page == evidence_page(found)
    assert data == json.loads(evidence_as_json(found))
    assert (data["phone"], data["events"][0]["reason"]) == (ONE, HOSTILE)
    assert datetime.fromisoformat(data["events"][0]["heard_at"]) == found.events[0].heard_at
    tags, text = _Read.of(page)
    assert tags.isdisjoint({"script", "a", "img", "link", "iframe"})
    assert text.count(HOSTILE) >= 3
    assert "default-src 'none'" in page


class _Read(HTMLParser):
    """What stands on a page: its tags, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    @classmethod
    def of(cls, page: str) -> tuple[set[str], str]:
        reader = cls()
        reader.feed(page)
        return reader.tags, reader.text

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002  the interface's
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_an_entry_of_a_release_before_has_neither_new_column(store: Store, account: Account, by_admin: Origin) -> None:
    """It was heard when it was made, and what it re-opened is not kept."""
    store.optouts.add(account.id, [ONE], by_admin)
    store.optouts.delete(account.id, ONE, by_admin)
    with store.database.write() as connection:
        connection.execute(sa.update(entries).values(heard_at=None, reopened=sa.null()))
    again = store.evidence.get(account.id, ONE).events[-1]
    assert (again.reopened, again.heard_at) == (None, again.effect_at)
    assert "which conversations is not kept" in evidence_page(store.evidence.get(account.id, ONE))
