"""Keys of the texting platform's API from the command line, without Slack."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from bot.transfer import Say, existing_account, local_setting, moment_words
from store import Key, KeyState, Scope, Store


def make(
    store: Store, slack_id: str, name: str, scopes: tuple[str, ...], *, days: int | None, until: date | None, say: Say
) -> None:
    """
    Make a key of the account of Slack's id *slack_id*, and print its text, once and alone, so that a script can read it.

    It expires after *days*, or at the end of the day *until*, UTC; with neither it does not. Raises `StoreError` when it
    cannot be made.
    """
    account = existing_account(store, slack_id)
    expires_at = None if days is None else store.now() + timedelta(days=days)
    if until is not None:
        expires_at = datetime.combine(until, time.max, UTC)
    made = store.keys.make(account.id, name, [Scope(scope) for scope in scopes], expires_at, local_setting())
    say(made.text)


def revoke(store: Store, slack_id: str, key_id: str, *, say: Say) -> None:
    """Revoke the key of that id; one that ended before stays as it is. Raises `StoreError` when the account has no such key."""
    key, newly = store.keys.revoke(existing_account(store, slack_id).id, key_id, local_setting())
    say(f"{key.name!r} is revoked." if newly else f"Nothing was changed: {key.name!r} {_state(key)}.")


def listing(store: Store, slack_id: str) -> Iterator[str]:
    """The keys of an account, a line each, the latest first."""
    keys = store.keys.list_of(existing_account(store, slack_id).id)
    if not keys:
        yield f"{slack_id} has no keys."
    for key in keys:
        used = f"last used {moment_words(key.used_at)}" if key.used_at else "never used"
        yield f"{key.id}  {key.name!r}: {', '.join(key.scopes)}; {_state(key)}; {used}"


def _state(key: Key) -> str:
    if key.revoked_by is not None and key.revoked_at is not None:
        return f"was revoked by {key.revoked_by.name!r} at {moment_words(key.revoked_at)}"
    if key.expires_at is None:
        return "never expires"
    return f"{'expires' if key.state is KeyState.LIVE else 'expired'} at {moment_words(key.expires_at)}"
