"""
Uploads: one list file each, from the drop to the report; what people decide about them, and `claim`.

`upload_states.py` has their life as a table. Whoever works on one holds its lease, which `claim` gives as an
`UploadWork`: all that a worker writes is a method of that, so that nothing is written without a lease.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from store import leases
from store.choices import NOTHING_CHOSEN, Asked, Choices
from store.database import Database
from store.dialects import from_now
from store.e164 import require_e164
from store.erased import erased_among
from store.errors import WrongState
from store.idempotency import is_known, is_repeated, result_of, set_result
from store.inbox import InboxEvent, finish
from store.leases import Lease
from store.models import accounts, conversations, entries, opt_outs, unreadable_rows, uploads
from store.moments import ListMoment, moment_of, moment_of_preview
from store.notes import Function
from store.optouts import count_phones, count_standing
from store.phones.numbers import Reason
from store.records import Actor, Deadlines, Entry, Origin, Recount, UndoPreview, UnreadableRow, Upload
from store.rows import entries_of, entry_of, new_entry, now
from store.undoing import next_range, preview_range
from store.upload_rows import change_upload, entering, get, is_shown, one, require, upload_of
from store.upload_states import AT_WORK, STANDING, UNDECIDED, Purpose, UploadState
from store.upload_work import UNDO_BATCH, UploadWork

PAGE = 1_000
# So often a list is counted anew when somebody is opted in while it is counted.
MOST_RECOUNTS = 5
# A list that nobody has begun with for so long waits for its turn.
_SOON = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Crowded:
    """
    Whose lists a process takes no more of, since it works on enough of theirs: the rest of its lanes is for others.

    *accounts* by id, *people* by account and Slack id. Of *large* people none of more than *small_bytes*.
    """

    accounts: frozenset[int]
    people: frozenset[tuple[int, str]]
    large: frozenset[tuple[int, str]]
    small_bytes: int


class Uploads:
    """The verbs of people on uploads, and `claim` for whoever works on one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # From Slack

    def receive(
        self,
        account: int,
        *,
        file_id: str,
        file_name: str,
        channel_id: str,
        channel_name: str | None,
        thread_ts: str | None,
        permalink: str | None,
        actor: Actor,
        country: str | None,
        size: int = 0,
        purpose: Purpose = Purpose.OPT_OUT,
        choices: Choices = NOTHING_CHOSEN,
        phone_column: str | None = None,
        reason: str | None = None,
        event: InboxEvent | None = None,
        idempotency_key: str | None = None,
        asked: str | None = None,
    ) -> tuple[Upload, bool]:
        """
        Note that a file was dropped; False with the upload there is when this file is known in this channel.

        A known one that is wanted for scrubbing after all, by a word with that same message, and was not confirmed yet,
        becomes that and counts as new: the word may come after the file. So does one of which words then ask for something
        more careful than to opt out, or that nobody had asked for anything. Wishes only grow, never the other way. *size*:
        of the file in bytes, 0 when nobody knows. *choices*: how it is to be read, and what was asked, where that was said
        with it; *phone_column* the same of where its phones are. *event*: that told of it, done with this.

        *idempotency_key*: names the request where it may come twice; the second time it is the upload of the first, and
        False. *asked*: a digest of the whole request. Raises `KeyReused` when the key was used for another.
        """
        with self._database.write() as connection:
            if event is not None:
                finish(connection, event)
            self._database.lock_account(connection, account)
            if is_repeated(self._database, connection, account, idempotency_key, "receive", asked):
                return get(connection, account, result_of(connection, account, idempotency_key)["upload"]), False
            query = (
                sa.select(uploads)
                .where(uploads.c.account_id == account)
                .where(uploads.c.file_id == file_id, uploads.c.channel_id == channel_id)
            )
            row = connection.execute(query).mappings().one_or_none()
            if row is not None:
                current = upload_of(row)
                values: dict[str, Any] = {}
                if purpose.outgrows(current.purpose):
                    values = {"purpose": purpose}
                elif not current.is_scrub and choices.outgrow(current.choices):
                    heard = replace(current.choices, asked=choices.asked, alone=choices.alone)
                    values = {"choices": heard.to_json() or None}
                if not values or current.state not in UNDECIDED or thread_ts not in (None, current.thread_ts):
                    return current, False
                return _start_over(connection, get(connection, account, current.id, lock=True), **values), True
            number = connection.execute(
                sa.update(accounts)
                .where(accounts.c.id == account)
                .values(last_upload=accounts.c.last_upload + 1)
                .returning(accounts.c.last_upload)
            ).scalar_one()
            connection.execute(
                sa.insert(uploads).values(
                    account_id=account,
                    id=number,
                    file_id=file_id,
                    file_name=file_name,
                    channel_id=channel_id,
                    channel_name=channel_name,
                    thread_ts=thread_ts,
                    permalink=permalink,
                    size=size,
                    purpose=purpose,
                    actor_id=actor.id,
                    actor_name=actor.name,
                    received_at=now(),
                    country=country,
                    phone_column=phone_column,
                    choices=choices.to_json() or None,
                    reason=reason,
                    state=UploadState.RECEIVED,
                    pending=True,
                    lease_until=leases.FREE,
                )
            )
            set_result(connection, account, idempotency_key, {"upload": number})
            return get(connection, account, number), True

    def get(self, account: int, upload: int) -> Upload:
        """One upload; `StoreError` when there is none."""
        with self._database.read() as connection:
            return get(connection, account, upload)

    def find(self, account: int, file_id: str, channel_id: str) -> Upload | None:
        """The upload of that file in that channel; None when it was never received."""
        query = sa.select(uploads).where(uploads.c.account_id == account)
        with self._database.read() as connection:
            row = connection.execute(
                query.where(uploads.c.file_id == file_id, uploads.c.channel_id == channel_id)
            ).mappings()
            found = row.one_or_none()
            return None if found is None else upload_of(found)

    def find_sent(self, account: int, upload: int) -> Upload | None:
        """The upload of that number, if a program sent it; None for any other, which is people's business in Slack."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(uploads).where(one(account, upload))).mappings().one_or_none()
        found = None if row is None else upload_of(row)
        return found if found is not None and found.is_sent else None

    def list(self, account: int, limit: int) -> tuple[Upload, ...]:
        """The last *limit* uploads that others than their droppers know of, newest first."""
        query = (
            sa.select(uploads)
            .where(uploads.c.account_id == account, is_shown())
            .order_by(uploads.c.id.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            return tuple(upload_of(row) for row in connection.execute(query).mappings())

    def confirm(
        self,
        account: int,
        upload: int,
        by: Origin,
        *,
        fingerprint: str | None = None,
        recount: Callable[[Upload, ListMoment], Recount | None] | None = None,
        unasked: Sequence[str] | None = None,
        idempotency_key: str | None = None,
    ) -> Upload:
        """
        Confirm an upload: waiting -> applying, by an entry of the person who said it.

        *unasked*: nobody was asked, as the account's settings say; the doubts about the list, in words.

        *fingerprint*: the `Upload.fingerprint` of the preview they decided on. `WrongState`, with how the upload stands in words, when
        it does not wait (a second click) or was read again with another outcome.

        *recount*: for a yes to a preview, which a list without a phone does not ask for. Says what became of the list's
        phones until a moment, None where the list is not at hand. Called when anybody was opted in since the preview was
        made: where this would opt out a phone that was not among those to opt out in it, since a delete or an undo came
        between, the preview is made anew, and `WrongState` says so. What was only opted out meanwhile is no obstacle: it
        leaves less to do.

        *idempotency_key*, here and of all that people decide: names the request where it may come twice; once it was done,
        nothing is done by it again, and the upload is returned as it is.
        """
        for _ in range(MOST_RECOUNTS):
            with self._database.read() as connection:
                current, moment = get(connection, account, upload), moment_of(connection, account)
                waits = current.state is UploadState.WAITING
                if not waits and is_known(connection, account, idempotency_key):
                    return current
            # Whoever comes second waits for no lock to hear so.
            require(current, UploadState.WAITING)
            summary = current.summary
            found: Recount | None = Recount(current.already, 0)
            compared = recount is not None and fingerprint in (None, current.fingerprint)
            if recount is not None and compared and _may_have_opted_in(current, moment):
                found = recount(current, moment)
            with self._database.write() as connection:
                self._database.lock_account(connection, account)
                current = get(connection, account, upload, lock=True)
                if is_known(connection, account, idempotency_key):
                    return current
                require(current, UploadState.WAITING)
                if fingerprint not in (None, current.fingerprint):
                    raise WrongState(
                        f"{current.file_name} was read again since, with other counts: see its preview as it is now."
                    )
                if current.is_only_told:
                    done = "compared" if current.is_comparison else "looked up"
                    raise WrongState(
                        f"{current.file_name} was only {done}, as its words asked: nobody is opted out by it. To opt its "
                        "phones out, drop it once more with the words `opt out`."
                    )
                if current.undecided:
                    raise WrongState(
                        f"{current.file_name} can be read in more than one way: choose in its preview how, then confirm."
                    )
                if recount is not None and not current.phones:
                    raise WrongState(
                        f"{current.file_name} has no phone to opt out: see its preview for why, or cancel it."
                    )
                if compared and not (current.summary == summary and moment.holds(moment_of(connection, account))):
                    continue  # it was read again, or somebody opted in, while it was counted
                if found is not None and not found.opted_in:
                    is_repeated(self._database, connection, account, idempotency_key, "confirm", upload)
                    why = "; ".join(one for one in (current.reason, by.reason) if one) or None
                    origin = replace(by, function=Function.UPLOAD, reason=why)
                    entry = new_entry(connection, account, origin, upload_id=upload)
                    values: dict[str, Any] = {"entry_id": entry.id, "confirmed_at": now()}
                    if unasked is not None:
                        values["summary"] = current.summary | {"unasked": list(unasked)}
                    return _decided(connection, current, by, UploadState.APPLYING, **values)
                if moment.being_undone:
                    break
                if found is None:
                    _start_over(connection, current)
                else:
                    summary = summary | {"moment": moment.to_json()}
                    change_upload(connection, current, already=found.already, summary=summary, pending=True)
            now_asked = "" if found is None else f" It has {current.phones - found.already:,} phones to opt out now."
            raise WrongState(
                f"{current.file_name} was not opted out: texts to some of its phones may have been allowed again "
                f"since its preview was made.{now_asked} See its preview as it is in a moment, and confirm that."
            )
        raise WrongState(
            "Another list is being undone, so that the preview cannot be trusted. Nothing was changed: confirm it when that "
            "one is done."
        )

    def cancel(self, account: int, upload: int, by: Origin, *, idempotency_key: str | None = None) -> Upload:
        """Cancel an upload before anything was changed: waiting or received -> cancelled. `WrongState` otherwise."""
        with self._database.write() as connection:
            current = get(connection, account, upload, lock=True)
            if is_repeated(self._database, connection, account, idempotency_key, "cancel", upload):
                return current
            return _decided(connection, current, by, UploadState.CANCELLED, finished_at=now())

    def take_up_again(self, account: int, upload: int, *, idempotency_key: str | None = None) -> Upload:
        """Read an expired list anew, which then waits for a yes as if it was just dropped. `WrongState` otherwise."""
        with self._database.write() as connection:
            current = get(connection, account, upload, lock=True)
            if is_repeated(self._database, connection, account, idempotency_key, "take up again", upload):
                return current
            require(current, UploadState.EXPIRED)
            return _start_over(connection, current, received_at=now())

    def stop(self, account: int, upload: int, by: Origin, *, idempotency_key: str | None = None) -> Upload:
        """
        Stop an upload: applying -> stopped, between two batches. `WrongState` otherwise.

        What was stored stays, and is counted. Its worker learns of it with the next batch, which is refused.
        """
        with self._database.write() as connection:
            current = get(connection, account, upload, lock=True)
            if is_repeated(self._database, connection, account, idempotency_key, "stop", upload):
                return current
            return _decided(connection, current, by, UploadState.STOPPED, finished_at=now())

    def go_on(self, account: int, upload: int, by: Origin, *, idempotency_key: str | None = None) -> Upload:
        """Continue an upload: stopped -> applying, by the same entry, from the checkpoint. `WrongState` otherwise."""
        with self._database.write() as connection:
            current = get(connection, account, upload, lock=True)
            if is_repeated(self._database, connection, account, idempotency_key, "go_on", upload):
                return current
            require(current, UploadState.STOPPED)
            return _decided(connection, current, by, UploadState.APPLYING, finished_at=None)

    def undo(
        self, account: int, upload: int, by: Origin, *, within: timedelta, idempotency_key: str | None = None
    ) -> Upload:
        """
        Undo an applied upload: done, stopped, or failed after something was stored -> undoing, by an entry of its own.

        *within*: how long after it was applied that can be begun. An undo that failed goes on from its checkpoint, by the
        entry it has. `WrongState`, in words, when it is over or there is nothing to undo.
        """
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            current = get(connection, account, upload, lock=True)
            if is_repeated(self._database, connection, account, idempotency_key, "undo", upload):
                return current
            require_undoable(current, within)
            number = current.undo_entry_id
            if number is None:
                by = replace(by, function=Function.UNDO)
                number = new_entry(connection, account, by, upload_id=upload).id
            values = entering(current, UploadState.UNDOING)
            return change_upload(connection, current, **values, problem=None, undo_entry_id=number)

    def preview_undo(self, account: int, upload: int) -> UndoPreview:
        """
        The effect that undoing the upload would have now. Reads the account's list as far as the upload's reaches, in steps.

        Others may opt out or delete meanwhile: what the undo does is counted again while it does it.
        """
        current = self.get(account, upload)
        total, after = UndoPreview(0, 0, 0), current.undo_phone
        while after < current.last_phone:
            with self._database.read() as connection:
                span = next_range(connection, current, after, UNDO_BATCH)
                total += preview_range(connection, current, span)
            after = span.end
        return total

    def applied_before(self, upload: Upload) -> Entry | None:
        """The newest entry by which the same file (by SHA-256) was applied as another upload of the account, and stands."""
        others = uploads.alias()
        of_others = (
            sa.select(others.c.entry_id)
            .where(others.c.account_id == upload.account_id, others.c.sha256 == upload.sha256, others.c.id != upload.id)
            .where(others.c.state.in_(STANDING))
        )
        query = entries_of(upload.account_id).where(entries.c.id.in_(of_others)).order_by(entries.c.id.desc()).limit(1)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else entry_of(row)

    def undone_by(self, upload: Upload) -> Entry | None:
        """The entry of the upload's undo; None when nobody asked for one."""
        query = entries_of(upload.account_id).where(entries.c.id == upload.undo_entry_id)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else entry_of(row)

    def set_country(self, account: int, upload: int, country: str, *, idempotency_key: str | None = None) -> Upload:
        """Read the list again, with *country* for phones that name none; waiting or refused, else `WrongState`."""
        return self._again(account, upload, idempotency_key, country=country)

    def set_column(self, account: int, upload: int, column: str, *, idempotency_key: str | None = None) -> Upload:
        """Read the list again, with the phones from *column*; waiting or refused, else `WrongState`."""
        return self._again(account, upload, idempotency_key, phone_column=column)

    def choose(
        self, account: int, upload: int, choices: Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> Upload:
        """
        Read the list again by *choices*, those of an offer that one of its questions makes.

        Waiting or refused, else `WrongState`; so it is where they were not offered, as when the list was read again since.
        """
        return self._again(account, upload, idempotency_key, choices=dict(choices))

    def scrub_instead(self, account: int, upload: int, *, idempotency_key: str | None = None) -> Upload:
        """Have the list scrubbed, which opts nobody out; waiting or refused, else `WrongState`."""
        return self._again(account, upload, idempotency_key, purpose=Purpose.SCRUB)

    def ask(self, account: int, upload: int, asked: Asked | None, *, idempotency_key: str | None = None) -> Upload:
        """Read the list again for what is *asked* now by somebody, for all to see; waiting or refused, else `WrongState`."""
        return self._again(account, upload, idempotency_key, asked=asked)

    def take_compared(self, account: int, upload: int, *, idempotency_key: str | None = None) -> Upload:
        """
        Read a list that was compared again, as one to opt out, which then has a preview as any other.

        It waits for a yes whatever the account's settings say. Waiting and compared, else `WrongState`.
        """
        return self._again(account, upload, idempotency_key, compared=True, asked=None)

    def _again(
        self, account: int, upload: int, idempotency_key: str | None, *, compared: bool = False, **values: Any
    ) -> Upload:
        """Read the list again with *values*; *compared*: one that was compared alone."""
        with self._database.write() as connection:
            current = get(connection, account, upload, lock=True)
            if is_repeated(self._database, connection, account, idempotency_key, "read again", upload, values):
                return current
            require(current, UploadState.WAITING, UploadState.REFUSED)
            if (chosen := values.get("choices")) is not None:
                offers = (offer for question in current.questions for offer in question.offers)
                if not any(dict(offer.choices) == chosen for offer in offers):
                    raise WrongState(
                        f"{current.file_name} was not offered to be read like that: choose in its preview."
                    )
                values["choices"] = current.choices.with_json(chosen).to_json() or None
            if compared and not current.is_comparison:
                raise WrongState(
                    f"{current.file_name} is not being compared any more. Its message shows how it stands."
                )
            if "asked" in values:
                values["choices"] = current.choices.pressed(values.pop("asked")).to_json() or None
            return _start_over(connection, current, **values)

    # Whose work it is

    def claim(
        self,
        owner: str,
        *,
        lease_seconds: float,
        upload: tuple[int, int] | None = None,
        crowded: Crowded | None = None,
        deadlines: Deadlines | None = None,
    ) -> UploadWork | None:
        """
        Take the next upload that has something left to do, or (account, id) *upload*, for *lease_seconds*.

        Accounts with the fewest lists at work come first, then such people, then who has waited longest. *crowded*: whose
        lists are left alone, unless they only have to be shown. *deadlines*: take the previews too that waited longer than
        these say. None when there is nothing to do. Two who claim at once never get the same one.
        """
        due: sa.ColumnElement[bool] = uploads.c.pending
        if deadlines is not None:
            due = sa.or_(due, _overdue(deadlines))
        query = sa.select(uploads).where(due)
        if upload is None:
            query = query.where(_FROM_SLACK)
        else:
            query = query.where(uploads.c.account_id == upload[0], uploads.c.id == upload[1])
        if crowded is not None:
            person = sa.tuple_(uploads.c.account_id, uploads.c.actor_id)
            free = uploads.c.account_id.not_in(crowded.accounts) & person.not_in(crowded.people)
            free &= sa.or_(uploads.c.size <= crowded.small_bytes, person.not_in(crowded.large))
            query = query.where(sa.or_(uploads.c.state.not_in(AT_WORK), free))
        others = uploads.alias()
        at_work = (
            sa.select(sa.func.count())
            .where(others.c.pending, others.c.owner.is_not(None), others.c.state.in_(AT_WORK))
            .where(others.c.account_id == uploads.c.account_id)
        )
        query = query.order_by(
            at_work.scalar_subquery(),
            at_work.where(others.c.actor_id == uploads.c.actor_id).scalar_subquery(),
            uploads.c.received_at,
            uploads.c.account_id,
            uploads.c.id,
        )
        return self._claimed(query, owner, lease_seconds, queued=False)

    def claim_to_show(self, owner: str, *, lease_seconds: float, deadlines: Deadlines) -> UploadWork | None:
        """
        Take an upload that only has to be shown, for *lease_seconds*; None when there is none.

        To show is how one ended, a preview beyond one of *deadlines*, and that one waits for its turn, for which it is
        marked as `queued`.
        """
        since = sa.func.coalesce(uploads.c.confirmed_at, uploads.c.received_at)
        # What a dead process left is taken up by the next lane.
        untold = uploads.c.queued.is_(False) & uploads.c.owner.is_(None) & (since <= from_now(-_SOON.total_seconds()))
        waits = sa.and_(uploads.c.pending, uploads.c.state.in_(AT_WORK), untold)
        ended = sa.and_(uploads.c.pending, uploads.c.state.not_in(AT_WORK))
        query = sa.select(uploads).where(sa.or_(ended, waits, _overdue(deadlines)), _FROM_SLACK)
        return self._claimed(query.order_by(uploads.c.received_at), owner, lease_seconds, queued=True)

    def show_again(self, account: int, upload: int) -> bool:
        """
        Have an upload shown once more; False while somebody is about to show how it ended, when it is too early to ask.

        One that is at work is shown by whoever ends that.
        """
        with self._database.write() as connection:
            row = connection.execute(sa.select(uploads).where(one(account, upload)).with_for_update()).mappings().one()
            if row["state"] in AT_WORK:
                return True
            if row["owner"] is not None:
                return False
            connection.execute(sa.update(uploads).where(one(account, upload)).values(pending=True))
            return True

    def _claimed(self, query: sa.Select[Any], owner: str, lease_seconds: float, *, queued: bool) -> UploadWork | None:
        row = leases.claim(self._database, uploads, query, owner, lease_seconds=lease_seconds, queued=queued)
        return None if row is None else UploadWork(self._database, upload_of(row), leases.lease_of(row))

    def unfinished(self, account: int, upload: int) -> bool:
        """Whether what was read of that upload may still be needed: it is being read or applied, or waits for a yes."""
        wanted = uploads.c.state.in_((UploadState.RECEIVED, UploadState.WAITING, UploadState.APPLYING))
        with self._database.read() as connection:
            return connection.execute(sa.select(uploads.c.id).where(one(account, upload), wanted)).first() is not None

    def resume(self, account: int, upload: int, lease: Lease) -> UploadWork:
        """The work that another process of the same holder claimed; `LeaseLost` when *lease* is no longer in force."""
        with self._database.read() as connection:
            row = leases.find(connection, uploads, (one(account, upload),), lease)
        return UploadWork(self._database, upload_of(row), lease)

    # What staging asks of the account's list

    def list_moment(self, account: int) -> ListMoment:
        """The moment of the account's list that is now."""
        with self._database.read() as connection:
            return moment_of(connection, account)

    def already_out(self, account: int, phones: Sequence[str], moment: ListMoment) -> int:
        """The number of *phones*, which are sorted and distinct, that were opted out at *moment*."""
        require_e164(phones)
        with self._database.read() as connection:
            return count_standing(self._database, connection, account, phones, moment.standing()).number

    def erased(self, account: int, phones: Sequence[str]) -> int:
        """The number of *phones* that were erased, and are opted out besides those of `already_out`."""
        require_e164(phones)
        with self._database.read() as connection:
            return len(erased_among(connection, account, phones))

    def opted_in_since(self, account: int, phones: Sequence[str], since: ListMoment, moment: ListMoment) -> int:
        """
        The number of *phones*, which are sorted and distinct, that were opted out at *since* and were not at *moment*.

        Those count too that were about to be opted in by an undo under way.
        """
        require_e164(phones)
        others = opt_outs.alias()
        stands = (
            sa.exists()
            .where(others.c.account_id == account, others.c.phone == opt_outs.c.phone)
            .where(moment.standing_for_good(others))
        )
        with self._database.read() as connection:
            return count_standing(self._database, connection, account, phones, since.standing() & ~stands).number

    def known(self, account: int) -> int:
        """The number of distinct phones that the account has conversations with."""
        query = sa.select(sa.func.count(conversations.c.phone.distinct())).where(conversations.c.account_id == account)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()

    def out_at(self, account: int, moment: ListMoment) -> int:
        """The number of phones that were opted out in the account at *moment*; reads all of its opt-outs."""
        query = sa.select(sa.func.count(opt_outs.c.phone.distinct()))
        with self._database.read() as connection:
            return connection.execute(query.where(opt_outs.c.account_id == account, moment.standing())).scalar_one()

    def texted(self, account: int, phones: Sequence[str]) -> int:
        """The number of *phones*, which are sorted and distinct, that the account has an open conversation with."""
        require_e164(phones)
        where = conversations.c.account_id == account, conversations.c.state == "open"
        with self._database.read() as connection:
            return count_phones(self._database, connection, conversations.c.phone, phones, *where).number

    def list_unreadable(self, account: int, upload: int) -> Iterator[UnreadableRow]:
        """The unreadable rows of an applied upload, in line order, a page at a time."""
        after = 0
        while True:
            query = (
                sa.select(unreadable_rows)
                .where(unreadable_rows.c.account_id == account, unreadable_rows.c.upload_id == upload)
                .where(unreadable_rows.c.line > after)
                .order_by(unreadable_rows.c.line)
                .limit(PAGE)
            )
            with self._database.read() as connection:
                rows = connection.execute(query).mappings().all()
            for row in rows:
                yield UnreadableRow(row["line"], row["cell"], Reason(row["code"]), row["reason"], tuple(row["cells"]))
            if len(rows) < PAGE:
                return
            after = rows[-1]["line"]


# A list imported from the command line has no channel: only its command can read the file.
_FROM_SLACK: Final = uploads.c.channel_id != ""


def _overdue(deadlines: Deadlines) -> sa.ColumnElement[bool]:
    """A preview that waits for longer than one of *deadlines*."""
    remind, expire = (from_now(-one.total_seconds()) for one in (deadlines.remind, deadlines.expire))
    reminded = sa.and_(uploads.c.reminded_at.is_(None), uploads.c.waiting_since <= remind)
    over = sa.or_(reminded, uploads.c.waiting_since <= expire)
    return sa.and_(uploads.c.state == UploadState.WAITING, over)


def _may_have_opted_in(upload: Upload, moment: ListMoment) -> bool:
    """Whether a phone that was opted out in the preview of *upload* may not be any more at *moment*, or soon after."""
    since = moment_of_preview(upload)
    return since is None or bool(moment.being_undone) or since.lifts != moment.lifts


def _start_over(connection: sa.Connection, upload: Upload, **values: Any) -> Upload:
    """Have *upload* read again, with other *values*."""
    if upload.state is not UploadState.RECEIVED:
        values |= entering(upload, UploadState.RECEIVED)
    return change_upload(connection, upload, problem=None, sha256=None, finished_at=None, **values)


def _decided(connection: sa.Connection, upload: Upload, by: Origin, state: UploadState, **values: Any) -> Upload:
    """As `change_upload`, to another state on the word of a person, whose name is kept with it."""
    who = {"decider_id": by.actor.id, "decider_name": by.actor.name}
    return change_upload(connection, upload, **entering(upload, state), **who, **values)


def require_undoable(upload: Upload, within: timedelta) -> None:
    """Raise `WrongState` unless something of *upload* is stored and may still be taken back as a whole."""
    if upload.state is UploadState.APPLYING:
        raise WrongState(f"{upload.file_name} is still being opted out. Stop it first, then undo what was applied.")
    require(upload, UploadState.DONE, UploadState.STOPPED, UploadState.FAILED)
    if not upload.applied:
        raise WrongState(
            f"Nothing of {upload.file_name} was opted out, so there is nothing to undo. Send `/optout history upload {upload.id}` for what was done by it."
        )
    if (
        upload.undo_entry_id is None
        and upload.finished_at is not None
        and upload.finished_at + within < datetime.now(UTC)
    ):
        raise WrongState(
            f"{upload.file_name} can no longer be undone: that is possible for {_days(within)} after it was applied. "
            "An admin can still allow texts again, a phone at a time, with `/optout delete`."
        )


def _days(span: timedelta) -> str:
    days = round(span / timedelta(days=1), 2)
    return f"{days:g} day{'' if days == 1 else 's'}"
