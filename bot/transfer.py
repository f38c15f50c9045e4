"""
Import, export, scrub and comparison of lists from the command line, and the move of an account to another id, without Slack.

An import is an upload like any other, with a preview, an entry and a checkpoint. It belongs to no channel. One that was
killed while it was applied is finished by running the same command again.
"""

import asyncio
import getpass
import hashlib
import itertools
import os
import re
import secrets
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

from bot.config import Settings
from bot.stores import require_erase_key
from handlers.work.scratch import ScratchDirectory
from store import (
    NOTHING_CHOSEN,
    Account,
    AccountSettings,
    Actor,
    Choices,
    Compared,
    CountryUnknown,
    ExportFilter,
    Function,
    LeaseLost,
    ListRefused,
    Move,
    NoPhoneColumn,
    Origin,
    PlainWriter,
    Question,
    Scratch,
    Scrubbed,
    Store,
    StoreError,
    StoreUnavailable,
    Undecided,
    Upload,
    UploadState,
    UploadWork,
    apply_upload,
    compare,
    country_name,
    doubts,
    find_country,
    identity_of,
    move_account,
    names_in_list,
    preview_move,
    restage,
    scrub,
    stage_upload,
    write_unreadable,
)

Say = Callable[[str], object]

# Uploads without a channel of Slack are not for the runner of a desk at work, which could not fetch their file.
NO_CHANNEL = ""
# An id of a workspace or an organisation: https://docs.slack.dev/reference/objects/team-object
_SLACK_ID: Final = re.compile(r"[TE][A-Z0-9]{2,}", re.ASCII)
_WHERE_THE_ID_IS: Final = (
    "Slack in a browser shows it in the address bar, behind /client/, and `python -m bot doctor` names it."
)
# Accounts that a refusal names.
_MOST_NAMED: Final = 5


_COLUMN_OPTION = " Or name the column with --column."


class TransferError(StoreError):
    """An import or export that was not done, with nothing changed; its text is one sentence for the operator."""


def import_list(
    store: Store,
    settings: Settings,
    path: Path,
    slack_id: str,
    country: str,
    *,
    apply: bool,
    say: Say,
    sure: int | None = None,
    choices: Choices = NOTHING_CHOSEN,
    new_account: bool = False,
) -> None:
    """
    Print the preview of the list at *path* and, with *apply*, opt out its phones and print the report.

    *choices*: how it is to be read; a list that leaves that open is refused, with the options that decide it.

    An account of *slack_id* that is not there is only made where *new_account* says so, or as the first of all: a list may
    come in before the app is installed, but one that goes to a misspelt account opts nobody out for anybody. What could not
    be read is then written beside the list as `NAME.unreadable.csv`. *sure*: the number of phones, which a list that looks
    wrong needs besides. Raises `TransferError` when the list or the account is refused.
    """
    region = _region(country)
    account = store.accounts.find(slack_id)
    if account is None:
        account = _new_account(store, slack_id, settings.default_country, say, asked=new_account)
    work = _claim_import(store, account, path, region, choices, settings.lease_seconds)
    # As a desk's process, so that a desk clears away what is left of an import that was killed.
    with (
        ScratchDirectory(settings.scratch_dir, store.database.dialect.identity).opened() as own,
        own.folder() as folder,
    ):
        resumed = work.upload.state is UploadState.APPLYING
        scratch = _stage(store, work, path, folder / "list.db", settings.lease_seconds)
        work = work.renew(lease_seconds=settings.lease_seconds)
        upload = work.upload
        for line in _preview(upload):
            say(line)
        by = Origin(Function.UPLOAD, upload.actor)
        wrong = () if resumed else doubts(upload, PlainWriter(), before=store.uploads.applied_before(upload))
        for sentence in wrong:
            say(sentence)
        none_counts = bool(choices.only) and not upload.rows
        if resumed:
            say("This import was interrupted while it was applied; it goes on where it stopped.")
        elif apply and not upload.undecided and not none_counts and not (wrong and sure != upload.asked):
            store.uploads.confirm(account.id, upload.id, by)
            work = work.renew(lease_seconds=settings.lease_seconds)
        else:
            scratch.delete()
            store.uploads.cancel(account.id, upload.id, by)
            work.release(settled=UploadState.CANCELLED)
            if upload.undecided:
                raise TransferError(_undecided(upload))
            if none_counts:
                raise TransferError("Nothing was changed: no row says what --only asks for.")
            if apply:
                raise TransferError(
                    f"Nothing was changed, since {path.name} may be the wrong list. To go on all the same, add the number "
                    f"of phones: --sure {upload.asked}"
                )
            say("Nothing has changed. Add --yes to opt them out.")
            return
        try:
            work = apply_upload(work, scratch, _no_progress, settings.lease_seconds)
        finally:
            scratch.delete()
    upload = work.release(settled=UploadState.DONE)
    say("")
    for line in _report(store, upload):
        say(line)
    if upload.unreadable:
        beside = path.with_name(f"{path.stem}.unreadable.csv")
        # With a mark, since Excel takes what has none for the machine's old code page.
        rows = store.uploads.list_unreadable(account.id, upload.id)
        try:
            beside = _new_file(beside)
            write_unreadable(beside, upload.columns, rows, encoding="utf-8-sig")
        except OSError as error:
            say(f"{beside} could not be written ({error.strerror}); the reasons are above.")
        else:
            say(f"They are in {beside} with their reasons: fix them there and import that file.")


def _new_file(path: Path) -> Path:
    """
    Make *path*, empty and its owner's alone; beside one that is there already, `NAME-2` and so on.

    What is there may be half mended by hand. Raises OSError.
    """
    for number in itertools.count(2):
        try:
            new = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            before = path.stem if number == 2 else path.stem.rpartition("-")[0]
            path = path.with_stem(f"{before}-{number}")
        else:
            os.fchmod(new, 0o600)
            os.close(new)
            return path
    raise AssertionError  # the count has no end


def export_list(store: Store, slack_id: str, out: TextIO, export_filter: ExportFilter = ExportFilter()) -> None:  # noqa: B008  it is frozen
    """
    Write the opted-out phones that *export_filter* lets through as CSV, in order, as `/optout export` does: see `Exports.write`.

    Raises `TransferError` where *out* does not take all of it.
    """
    try:
        store.exports.write(existing_account(store, slack_id).id, out, export_filter)
        out.flush()
    except BrokenPipeError:
        raise  # whoever reads has enough, which is no fault
    except OSError as error:
        raise TransferError(
            f"The export is not whole: {error.strerror}. Throw away what was written of it, make room, and try again."
        ) from error


def open_to_read(settings: Settings, slack_id: str = "") -> Store:
    """
    Open the store that has the account *slack_id* for what only reads: nothing is made or migrated, and a database that may not be written will do.

    Raises `TransferError` where there is no database, `StoreBehind` where its tables are not this program's, and
    `StoreUnavailable` where it does not answer.
    """
    store = Store.open(settings.database_of(slack_id), erase_key=settings.erase_secret)
    # To connect would make the file.
    if not store.database.dialect.exists():
        store.close()
        variable = "OPTOUT_DATABASES" if slack_id in settings.databases else "DATABASE_URL"
        raise TransferError(f"There is no database at {store.database.url.database}: {variable} says where it is.")
    try:
        store.database.require_head()
        require_erase_key(store)
    except BaseException:
        store.close()
        raise
    return store


def scrub_list(
    store: Store,
    path: Path,
    slack_id: str,
    *,
    country: str | None,
    choices: Choices = NOTHING_CHOSEN,
    keep_unreadable: bool,
    output: Path | None,
    say: Say,
) -> None:
    """
    Write the list at *path* without the rows whose phone is opted out to *output*, and print the counts.

    Without *output* it is `NAME.scrubbed.csv` beside the list, which must not be there yet: it may be in use. Without
    *country* the account's own is in force. Raises `TransferError` when the list is refused or cannot be written.
    """
    account = existing_account(store, slack_id)
    region = account.country if country is None else _region(country)
    out = _output(path, output, "scrubbed")
    try:
        scrubbed = scrub(
            store,
            account.id,
            path,
            out,
            country=region,
            choices=choices,
            keep_unreadable=keep_unreadable,
            progress=_no_progress,
        )
    except ListRefused as error:
        raise TransferError(f"Nothing was written. {error}{_cure(error)}") from error
    except OSError as error:
        raise TransferError(f"{out} could not be written ({error.strerror}).") from error
    for line in _scrub_report(scrubbed, path.name):
        say(line)
    say(f"Written to {out}.")


def compare_list(
    store: Store,
    settings: Settings,
    path: Path,
    slack_id: str,
    *,
    country: str | None,
    choices: Choices = NOTHING_CHOSEN,
    output: Path | None,
    say: Say,
) -> None:
    """
    Print what the list at *path* and the account's have apart and in common, and write what is only the account's to *output*.

    Without *output* that is `NAME.missing.csv` beside the list, which must not be there yet. Neither list changes. Without
    *country* the account's own is in force. Raises `TransferError` when the list is refused or the file cannot be written.
    """
    account = existing_account(store, slack_id)
    region = account.country if country is None else _region(country)
    out = _output(path, output, "missing")
    if out.exists() and out.samefile(path):
        raise TransferError(f"{out} is the list itself, which stays as it is: name another file with --output.")
    part = out.with_name(f"{out.name}.{secrets.token_hex(4)}.part")
    try:
        with (
            ScratchDirectory(settings.scratch_dir, store.database.dialect.identity).opened() as own,
            own.folder() as folder,
            _new_file(part).open("w", encoding="utf-8", newline="") as file,
        ):
            outcome = compare(
                store,
                account.id,
                path,
                folder / "list.db",
                file,
                country=region,
                choices=choices,
                name=path.name,
                progress=_no_progress,
            )
        part.replace(out)
    except ListRefused as error:
        raise TransferError(f"Nothing was written. {error}{_cure(error)}") from error
    except OSError as error:
        raise TransferError(f"{out} could not be written ({error.strerror}).") from error
    finally:
        part.unlink(missing_ok=True)
    for line in _comparison_report(outcome, path.name):
        say(line)
    say(f"What is only here is in {out}, to be loaded where the list is from.")


def compare_telnyx(
    store: Store, settings: Settings, hook: str, slack_id: str, *, output: Path | None, say: Say
) -> None:
    """
    `compare_list` of Telnyx's list of who opted out there, which is read by the API key of its *hook* of that name, or the only one.

    Without *output* what is only the account's is written to `telnyx.missing.csv` where the command is given.
    """
    from handlers.work.telnyx_list import hook_to_read  # its HTTP client takes long to load, and an import needs none

    account = existing_account(store, slack_id)
    key = hook_to_read(store.hooks.list_of(account.id), hook).api_key or ""
    out = _output(Path("telnyx.csv"), output, "missing")
    with (
        ScratchDirectory(settings.scratch_dir, store.database.dialect.identity).opened() as own,
        own.folder() as folder,
    ):
        path = folder / "telnyx.csv"
        asyncio.run(_read_telnyx(settings, key, path))
        compare_list(store, settings, path, slack_id, country=None, output=out, say=say)


async def _read_telnyx(settings: Settings, api_key: str, path: Path) -> None:
    from handlers.work.telnyx_list import TelnyxList

    with path.open("wb") as file:
        async for piece in TelnyxList(settings.telnyx_api_url).read(api_key):
            file.write(piece)


def _output(path: Path, output: Path | None, kind: str) -> Path:
    """*output*, or else the file of that *kind* beside the list at *path*, which must not be there yet; raises `TransferError`."""
    out = output or path.with_name(f"{path.stem}.{kind}.csv")
    if output is None and out.exists():
        raise TransferError(f"{out} is there already. Remove it, or name it with --output to replace it.")
    if out.exists() and not out.is_file():
        raise TransferError(f"{out} is no file that could be written.")
    return out


def _cure(error: ListRefused) -> str:
    """The options with which a list that was refused would be read; empty where none would help."""
    if isinstance(error, Undecided):
        return f" {_asked(error.question, said=str(error))}"
    return _COLUMN_OPTION if isinstance(error, NoPhoneColumn) else ""


def require_one_database(settings: Settings, source: str, to: str) -> None:
    """Raise `TransferError` where the accounts *source* and *to* are in two databases."""
    if identity_of(settings.database_of(source)) != identity_of(settings.database_of(to)):
        raise TransferError(
            f"Nothing was moved: by OPTOUT_DATABASES {source} and {to} are in two databases. Give {to} that of {source} first."
        )


def move(store: Store, source: str, to: str, *, apply: bool, say: Say) -> None:
    """
    Print what moves with the account of Slack's id *source* to the id *to* and, with *apply*, move it.

    Raises `StoreError` when it cannot be moved; nothing is changed then.
    """
    if apply:
        moved = move_account(store.database, source, to, local_setting())
    else:
        moved = preview_move(store.database, source, to)
    for line in _moved(moved):
        say(line)
    if apply:
        say(f"Moved. Start the desk with the token of {to}.")
    else:
        say("Nothing has moved. Stop the sends and every desk with the token of before, then add --yes.")


def _moved(plan: Move) -> Iterator[str]:
    account = plan.account
    named = "" if account.name == account.slack_id else f" ({account.name})"
    yield f"{account.slack_id}{named} to {plan.to}:"
    yield f"  {count_words(account.opted_out, 'opted-out phone')}"
    yield f"  {count_words(plan.uploads, 'upload')}"
    yield f"  {plan.entries:,} {'entry' if plan.entries == 1 else 'entries'} of history"
    country = country_name(account.country) if account.country else "none"
    defaults = AccountSettings()
    changed = [
        field for field in fields(defaults) if getattr(account.settings, field.name) != getattr(defaults, field.name)
    ]
    if plan.keys:
        yield f"  {count_words(plan.keys, 'API key')}, by which the texting platform goes on"
    yield f"  {count_words(len(changed), 'setting')} other than the desk's own; default country: {country}"
    if plan.replaces is not None:
        yield f"{plan.to} has an account already, in which nobody did anything: it is replaced."
    yield (
        f"The texting platform's SQL finds nobody under {account.slack_id} once this has moved: have the view opted_out "
        f"asked for {plan.to} before anything is sent."
    )


def existing_account(store: Store, slack_id: str) -> Account:
    """The account of Slack's id *slack_id*. Raises `TransferError` when there is none."""
    account = store.accounts.find(slack_id)
    if account is None:
        raise TransferError(f"There is no account {slack_id} in this database.")
    return account


def _region(country: str) -> str:
    region = find_country(country)
    if isinstance(region, CountryUnknown):
        near = ", ".join(f"{code} ({name})" for code, name in region.suggestions)
        raise TransferError(f'No country is called "{country}".' + (f" Is it {near}?" if near else ""))
    return region


def _new_account(store: Store, slack_id: str, default_country: str | None, say: Say, *, asked: bool) -> Account:
    """The account of an id that this database does not know, made where that was *asked* for or where there is none at all."""
    known = store.accounts.list(_MOST_NAMED + 1)
    is_one = _SLACK_ID.fullmatch(slack_id) is not None
    if not asked and (known or not is_one):
        why = (
            "is not known to this database"
            if is_one
            else "is no id of a workspace (T…) or an organisation (E…) of Slack's"
        )
        raise TransferError(
            f"Nothing was changed: {slack_id} {why}.{_named(known)} {_WHERE_THE_ID_IS} To make it an account all the same, "
            "add --new-account."
        )
    first = "" if known else ", the first one of all"
    say(
        f"{slack_id} is a new account in this database{first}. Only the desk of {slack_id} and what asks for {slack_id} sees its list."
    )
    if not is_one:
        say("No id of Slack's looks like that: no desk will ever be this account's.")
    elif not asked:
        say(f"See that the id is right. {_WHERE_THE_ID_IS}")
    return store.accounts.get_or_create(slack_id, slack_id, country=default_country)


def _named(known: Sequence[Account]) -> str:
    """What accounts there are, as a sentence with a blank before it; nothing where there are none."""
    if not known:
        return ""
    named = [
        one.slack_id if one.name == one.slack_id else f"{one.slack_id} ({one.name})" for one in known[:_MOST_NAMED]
    ]
    more = ", and others" if len(known) > _MOST_NAMED else ""
    return f" It has {', '.join(named)}{more}."


def _claim_import(
    store: Store, account: Account, path: Path, country: str, choices: Choices, lease_seconds: float
) -> UploadWork:
    """The work on this import's upload: a new one, or the same file's that was interrupted half-way."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    actor = local_actor()
    for attempt in itertools.count(1):
        upload, _ = store.uploads.receive(
            account.id,
            file_id=f"{digest}.{attempt}",
            file_name=path.name,
            channel_id=NO_CHANNEL,
            channel_name=None,
            thread_ts=None,
            permalink=None,
            actor=actor,
            country=country,
            choices=choices,
        )
        if not upload.pending:
            continue
        work = store.uploads.claim(
            f"import-{secrets.token_hex(4)}", lease_seconds=lease_seconds, upload=(account.id, upload.id)
        )
        if work is None:
            raise TransferError(
                f"{path.name} is being imported at this moment. If that was interrupted, "
                f"try again in {lease_seconds:.0f} seconds."
            )
        state, before = work.upload.state, (work.upload.country, work.upload.choices)
        if state is UploadState.APPLYING or (state is UploadState.RECEIVED and before == (country, choices)):
            return work
        if state.may_become(UploadState.CANCELLED):
            # A preview that was interrupted: this time it may be read otherwise.
            state = store.uploads.cancel(account.id, work.upload.id, Origin(Function.UPLOAD, actor)).state
        work.release(settled=state)
    raise AssertionError  # the count has no end


def _stage(store: Store, work: UploadWork, path: Path, scratch: Path, lease_seconds: float) -> Scratch:
    """Read the list; a new one waits for a yes then, an interrupted one is read the way its preview was."""
    if work.upload.state is UploadState.APPLYING:
        try:
            return restage(work, path, scratch, _no_progress, lease_seconds)
        except (LeaseLost, StoreUnavailable):
            raise
        except StoreError as error:
            work.fail(str(error)).release(settled=UploadState.FAILED)
            raise TransferError(f"The interrupted import cannot go on. {error} Run it once more.") from error
    try:
        upload = stage_upload(store, work, path, scratch, _no_progress, lease_seconds).upload
    except sqlite3.OperationalError as error:
        # Of the scratch file: those of the list's database are the store's own by here.
        work.fail("There was no room to read it.").release(settled=UploadState.FAILED)
        raise TransferError(
            f"{path.name} was not read, and nothing was changed: the disk of {scratch.parents[3].absolute()} is full, or fails "
            f"({error.sqlite_errorname}). Make room, or name another directory by OPTOUT_SCRATCH_DIR."
        ) from error
    if upload.state is UploadState.REFUSED:
        work.release(settled=UploadState.REFUSED)
        raise TransferError(f"Nothing was changed. {upload.problem}{_options(upload)}")
    staged = Scratch.open(scratch)
    assert staged is not None  # noqa: S101  it was finished above
    return staged


def local_actor() -> Actor:
    """Whoever runs the command, by their name on this machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "operator"  # a container's user needs no name
    return Actor(f"local:{user}", user)


def local_setting() -> Origin:
    """The origin of what they change of an account's settings."""
    return Origin(Function.SETTING, local_actor())


def moment_words(at: datetime) -> str:
    """A moment, to the minute, for whoever runs the desk."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _no_progress(_rows: int, _fraction: float) -> None:
    """Show no progress: standard output is for the preview and the report, which scripts read."""


def _preview(upload: Upload) -> Iterator[str]:
    yield f"{upload.file_name}: {count_words(upload.to_opt_out, 'phone')} to opt out."
    yield (
        f"{count_words(upload.rows, 'row')}, {upload.already:,} already opted out, {upload.repeated:,} repeated, "
        f"{upload.unreadable:,} not understood."
    )
    yield from (f"  {reason}" for reason in upload.unreadable_reasons)
    assumed = upload.summary.get("assumed", 0)
    if assumed and upload.country:
        yield f"{count_words(assumed, 'row')} had no country code: read as {country_name(upload.country)}."
    for line, phone in upload.summary.get("flagged_first", ()):
        yield f"  Check line {line:,}: {phone} is of the right length, but in no range in use today."
    yield from upload.summary.get("remarks", ())
    for question in upload.questions:
        if not question.open:
            yield f"{question.text} The other way: {' or '.join(offer.option for offer in question.offers)}."


def _scrub_report(outcome: Scrubbed, name: str) -> Iterator[str]:
    yield f"{name}: {outcome.removed:,} of {count_words(outcome.rows, 'row')} removed, {outcome.kept:,} kept."
    if outcome.assumed and outcome.country:
        yield f"{count_words(outcome.assumed, 'row')} had no country code: read as {country_name(outcome.country)}."
    if outcome.unreadable:
        became = "kept" if outcome.unreadable_kept else "left out as well"
        yield f"{count_words(outcome.unreadable, 'row')} not understood, {became}:"
    yield from (f"  {reason}" for reason in outcome.reasons)
    yield from outcome.remarks


def _comparison_report(outcome: Compared, name: str) -> Iterator[str]:
    counts = outcome.counts
    yield f"{name}: {count_words(outcome.only_theirs, 'phone')} only there, {outcome.only_ours:,} only here, {outcome.both:,} in both."
    yield f"There {outcome.theirs:,}, here {outcome.ours:,}; {count_words(counts.rows, 'row')}, {counts.unreadable:,} not understood."
    yield from (f"  {reason}" for reason in counts.unreadable_reasons)
    assumed = counts.summary["assumed"]
    if assumed and counts.country:
        yield f"{count_words(assumed, 'row')} had no country code: read as {country_name(counts.country)}."
    yield from counts.summary["remarks"]
    if outcome.only_theirs:
        yield "To opt out here what is only there, import the list: what is here already is counted as such."


def _undecided(upload: Upload) -> str:
    """What has to be decided of a list before it is imported, each with its options."""
    asked = (_asked(question) for question in upload.questions if question.open)
    return f"Nothing was changed. {' '.join(asked)}"


def _asked(question: Question, *, said: str = "") -> str:
    """A question, unless what was *said* has it, with the options that answer it."""
    options = f"Add {' or '.join(offer.option for offer in question.offers)}."
    return options if question.text in said else f"{question.text} {options}"


def _options(upload: Upload) -> str:
    """The options that decide what a list that was refused leaves open; empty where none would help."""
    if upload.questions:
        return " " + " ".join(_asked(question, said=upload.problem or "") for question in upload.questions)
    return _COLUMN_OPTION if upload.columns else ""


def columns_chosen(path: Path, columns: Sequence[str], only: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """
    The values of each column that *only* names, as `COLUMN=VALUE`, with the *columns* of its phones for the list at *path*.

    Where a name may have a `=` in it itself, the list is asked which columns it has. Raises `TransferError`.
    """
    names: tuple[str, ...] = ()
    if any(pair.count("=") > 1 for pair in only):
        try:
            with tempfile.TemporaryDirectory() as folder:
                names = names_in_list(path, Path(folder) / "text", columns)
        except ListRefused as error:
            raise TransferError(f"Nothing was changed. {error}") from error
    wanted: dict[str, tuple[str, ...]] = {}
    for pair in only:
        longest = max((name for name in names if pair.startswith(f"{name}=")), key=len, default=None)
        name = pair.partition("=")[0] if longest is None else longest
        if not name.strip() or not pair.startswith(f"{name}="):
            raise TransferError(f"--only takes COLUMN=VALUE, and {pair!r} is none.")
        wanted[name] = (*wanted.get(name, ()), pair.removeprefix(f"{name}="))
    return wanted


def _report(store: Store, upload: Upload) -> Iterator[str]:
    yield f"{count_words(upload.newly_opted_out, 'phone')} opted out from {upload.file_name}."
    yield f"{upload.already_opted_out:,} were already opted out; not understood: {count_words(upload.unreadable, 'row')}."
    for row in store.uploads.list_unreadable(upload.account_id, upload.id):
        yield f"  line {row.line:,}: {row.cell!r}: {row.reason}"


def count_words(number: int, noun: str) -> str:
    return f"{number:,} {noun if number == 1 else noun + 's'}"
