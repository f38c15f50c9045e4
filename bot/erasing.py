"""Erasing of a number from the command line, for who asks to be forgotten."""

from collections.abc import Iterator

from bot.config import Settings
from bot.stores import Stores
from bot.transfer import Say, TransferError, existing_account, local_setting
from store import NotAPhone, Reason, Store, StoreError, mask, parse_phone


def erase(store: Store, slack_id: str, number: str, *, untold: bool, say: Say) -> None:
    """
    Erase *number*, as people write it, in the account of Slack's id *slack_id*, and say what is left to do elsewhere.

    *untold*: as of `Erasures.erase`. Raises `StoreError` where nothing was erased, or not all of it.
    """
    account = existing_account(store, slack_id)
    # As a list's cell, whose cures are no words of Slack's.
    phone = parse_phone(number, account.country, typed=False)
    if isinstance(phone, NotAPhone):
        is_bare = phone.code is Reason.NO_COUNTRY
        why = "no country code: start it with one, as in +44" if is_bare else phone.reason
        raise TransferError(f"Nothing was erased: {number} is not a phone number: {why}.")
    erased = store.erasures.erase(account.id, phone.e164, local_setting(), untold=untold)
    shown = mask(phone.e164)
    if erased.again:
        say(f"{shown} was erased before. What came since, or with a backup, is gone too; it stays opted out.")
    else:
        say(f"{shown} is erased: it stays opted out by a hash, and stands nowhere in the list's database.")
    if erased.links:
        say("In Slack it stands, or stood, in these, which only Slack can delete:")
    for link in erased.links:
        say(f"  {link}")
    for name in erased.waiting:
        say(f"{name}, which a program sent, may have it, and nobody has decided on it: confirm or cancel it.")
    say("Backups, exports and logs of before have it until they go: see docs/privacy.md.")


def left_elsewhere(settings: Settings, slack_id: str) -> Iterator[str]:
    """Which databases of *settings* have what is left of the account *slack_id*, that another has now, a sentence for each."""
    stores = Stores.open(settings)
    try:
        for store in stores.by_name.values():
            if store.database.served.has(slack_id):
                continue
            where = store.database.dialect.where
            how = "by this command with its URL as DATABASE_URL and an empty OPTOUT_DATABASES"
            try:
                if store.database.dialect.exists() and store.accounts.find(slack_id) is not None:
                    yield f"What is left of {slack_id} in {where} may have it too: erase it there as well, {how}."
            except StoreError:
                yield f"Whether {where} has anything of {slack_id} could not be seen. If so, erase it there as well, {how}."
    finally:
        stores.close()
