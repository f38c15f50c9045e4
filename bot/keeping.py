"""Backup, restore and the move to PostgreSQL from the command line: what keeps a list when a machine is lost."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bot.config import Settings, SettingsError, load_settings
from bot.transfer import Say, TransferError, count_words
from store import SHORTEST_SECRET, Store, back_up, relocate, restore, settle_restored

# Bytes. What is longer is no key, but the wrong file.
_LONGEST_SECRET: Final = 4_096
_TO_DO: Final = (
    "Start the desk. Whoever follows the changes, as API readers and destinations do, reads the whole list again by itself.",
    "What happened since the backup is not in it: see docs/operate.md for what to do again.",
)


def chosen_database(settings: Settings, slack_id: str | None) -> str:
    """The URL of the database of *slack_id*, that of `DATABASE_URL` for None. Raises `TransferError` where it has none of its own."""
    if slack_id is None:
        return settings.database_url
    if slack_id not in settings.databases:
        raise TransferError(
            f"{slack_id} has no database of its own by OPTOUT_DATABASES. Without --account it is that of DATABASE_URL."
        )
    return settings.databases[slack_id]


def not_kept(settings: Settings, slack_id: str | None) -> Iterator[str]:
    """What a backup of the database of *slack_id* is not of, in a sentence where there are others."""
    if settings.databases and slack_id is None:
        named = ", ".join(sorted(settings.databases))
        yield f"The databases of OPTOUT_DATABASES are not in it ({named}): keep each with --account."
    elif settings.databases:
        yield "The other databases are not in it: keep each by itself."


def back_up_to(store: Store, file: Path, key: Path | None, *, say: Say) -> None:
    """Write a copy of the list to *file*, encrypted with what stands in the file *key*, and say what is in it. Raises `StoreError`."""
    kept = back_up(store.database, file, _secret(key))
    say(f"Kept {_phones(kept.opted_out, kept.accounts)} in {file}.")
    if key is None:
        say("It is not encrypted: whoever has it reads the phones in it, and the secrets of hooks and destinations.")
    else:
        say(f"It is encrypted: nobody reads it without {key}. Keep that elsewhere too.")


def restore_from(store: Store, file: Path, key: Path | None, *, replace: bool, say: Say) -> None:
    """Put the copy *file* in the place of the database, and say what is in it. Raises `StoreError`."""
    restored = restore(store.database, file, _secret(key), replace=replace)
    say(f"Restored {_phones(restored.kept.opted_out, restored.kept.accounts)} to {store.database.dialect.file}.")
    if restored.before is not None:
        say(f"What was there is in {restored.before} now.")
    for line in _TO_DO:
        say(line)


def settle(store: Store, *, say: Say) -> None:
    """Have the database, which was put back by other means, known for another one. Raises `StoreError`."""
    settle_restored(store.database)
    say(f"{store.database.dialect.where[:1].upper()}{store.database.dialect.where[1:]} is known for a restored one.")
    for line in _TO_DO:
        say(line)


def move_to(source: str, target: str, *, say: Say) -> None:
    """Copy the list at the URL *source* to that at *target*, and say the rows of each table. Raises `StoreError` or `SettingsError`."""
    from_, to = Store.open(_url(source, "--from")), Store.open(_url(target, "--to"))
    try:
        moved = relocate(from_.database, to.database)
    finally:
        from_.close()
        to.close()
    for table, rows in moved.rows.items():
        say(f"  {table}: {rows:,}")
    say(f"Moved {_phones(moved.opted_out, moved.accounts)}, and as many rows of each table as there were.")
    say(
        "Name the new database by DATABASE_URL and start the desk. The file stays as it is: take it away once you are sure."
    )


def _url(text: str, option: str) -> str:
    try:
        return load_settings({"DATABASE_URL": text}, env_file=None).database_url
    except SettingsError as error:
        raise SettingsError(str(error).replace("DATABASE_URL", option, 1)) from error


def _secret(key: Path | None) -> bytes | None:
    """What stands in the file *key*, without the end of its line. Raises `TransferError` for what is no key."""
    if key is None:
        return None
    try:
        with key.open("rb") as file:
            secret = file.read(_LONGEST_SECRET + 1)
    except OSError as error:
        raise TransferError(f"The key {key} cannot be read: {error.strerror}.") from error
    if len(secret) > _LONGEST_SECRET:
        raise TransferError(f"{key} is no key: it has more than {_LONGEST_SECRET:,} bytes.")
    secret = secret.strip(b"\r\n")
    if len(secret) < SHORTEST_SECRET:
        raise TransferError(
            f"The key in {key} has {len(secret)} bytes, and could be found by trying: it needs {SHORTEST_SECRET} at least. "
            "`openssl rand -base64 32` prints a good one."
        )
    return secret


def _phones(opted_out: int, accounts: int) -> str:
    return f"{count_words(opted_out, 'opted-out phone')} of {count_words(accounts, 'account')}"
