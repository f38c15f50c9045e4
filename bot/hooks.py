"""Hooks for Twilio and Telnyx from the command line."""

from collections.abc import Iterator
from typing import TextIO

from bot.config import Settings, SettingsError
from bot.transfer import Say, existing_account, local_setting, moment_words
from handlers.hooks.receiving import hook_address
from store import Store


def make_twilio(
    store: Store,
    settings: Settings,
    slack_id: str,
    name: str,
    account_sid: str,
    auth_token: TextIO,
    shared_key: TextIO | None,
    *,
    say: Say,
) -> None:
    """
    Make a hook of the account of Slack's id *slack_id*, with the secrets in those files, and print its address.

    Raises `SettingsError` where the settings name no address, and `StoreError` when it cannot be made.
    """
    public_url = _public_url(settings)
    token, key = auth_token.read().strip(), None if shared_key is None else shared_key.read().strip()
    account = existing_account(store, slack_id)
    made = store.hooks.make_twilio(account.id, name, account_sid, token, local_setting(), shared_key=key)
    say(hook_address(made, public_url))


def make_telnyx(
    store: Store,
    settings: Settings,
    slack_id: str,
    name: str,
    public_key: str,
    api_key: TextIO | None,
    *,
    say: Say,
) -> None:
    """As `make_twilio`, for Telnyx."""
    public_url = _public_url(settings)
    key = None if api_key is None else api_key.read().strip()
    account = existing_account(store, slack_id)
    made = store.hooks.make_telnyx(account.id, name, public_key, local_setting(), api_key=key)
    say(hook_address(made, public_url))


def remove(store: Store, slack_id: str, hook_id: str, *, say: Say) -> None:
    """Remove the hook of that id. Raises `StoreError` when the account has none."""
    removed = store.hooks.remove(existing_account(store, slack_id).id, hook_id, local_setting())
    say(f"{removed.name!r} is removed: what {removed.kind.title()} still sends there is refused.")


def list_hooks(store: Store, settings: Settings, slack_id: str) -> Iterator[str]:
    """The hooks of an account, a line each, the latest first."""
    hooks = store.hooks.list_of(existing_account(store, slack_id).id)
    if not hooks:
        yield f"{slack_id} has no hooks."
    for hook in hooks:
        read = f"; messages read up to {moment_words(hook.caught_up_to)}" if hook.caught_up_to else ""
        trouble = f"; {hook.trouble}" if hook.trouble else ""
        address = hook_address(hook, settings.public_url or "(OPTOUT_PUBLIC_URL is not set)")
        yield f"{hook.id}  {hook.name!r}: {address}{read}{trouble}"


def _public_url(settings: Settings) -> str:
    if settings.public_url is None:
        raise SettingsError(
            "OPTOUT_PUBLIC_URL is not set: name the address under which the provider reaches the desk, "
            "like https://desk.example.org, and make the hook then. Twilio signs it."
        )
    return settings.public_url
