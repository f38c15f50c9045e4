"""Campaigns and conversations."""

import pytest

from store import Account, Origin, Store

ONE = "+12125550100"
TWO = "+12125550101"


@pytest.fixture
def campaign(store: Store, account: Account) -> str:
    """An active campaign's id."""
    store.campaigns.put(account.id, "gotv", "GOTV October", active=True)
    return "gotv"


def test_a_conversation_with_a_free_phone_is_open(store: Store, account: Account, campaign: str) -> None:
    """A conversation starts open and carries its campaign's name."""
    made = store.campaigns.put_conversation(account.id, campaign, "contact", ONE)
    assert (made.campaign, made.active, made.contact, made.phone, made.opted_out) == (
        "GOTV October",
        True,
        "contact",
        ONE,
        False,
    )
    assert store.optouts.find(account.id, ONE).conversations == (made,)
    assert store.optouts.find(account.id, ONE).conversations == (made,)


def test_a_conversation_with_a_phone_that_is_out_is_opted_out(
    store: Store, account: Account, campaign: str, by_admin: Origin
) -> None:
    """The platform may start a conversation after the opt-out: it is marked at once."""
    store.optouts.add(account.id, [ONE], by_admin)
    assert store.campaigns.put_conversation(account.id, campaign, "contact", ONE).opted_out


def test_a_contacts_new_phone_decides_anew(store: Store, account: Account, campaign: str, by_admin: Origin) -> None:
    """Changing a conversation's phone opens or closes it as the new phone demands."""
    store.optouts.add(account.id, [ONE], by_admin)
    store.campaigns.put_conversation(account.id, campaign, "contact", ONE)
    assert not store.campaigns.put_conversation(account.id, campaign, "contact", TWO).opted_out
    assert store.campaigns.put_conversation(account.id, campaign, "contact", ONE).opted_out
    assert store.optouts.find(account.id, TWO).conversations == ()


def test_putting_again_does_not_reopen(store: Store, account: Account, by_admin: Origin) -> None:
    """A finished campaign's conversation stays opted out after a delete, also when the platform writes it again."""
    store.campaigns.put(account.id, "old", "Phonebank 2025", active=False)
    store.campaigns.put_conversation(account.id, "old", "contact", ONE)
    store.optouts.add(account.id, [ONE], by_admin)
    store.optouts.delete(account.id, ONE, by_admin)
    assert store.campaigns.put_conversation(account.id, "old", "contact", ONE).opted_out


def test_a_campaign_can_finish(store: Store, account: Account, campaign: str) -> None:
    """Putting a campaign again changes its name and whether it is active."""
    store.campaigns.put_conversation(account.id, campaign, "contact", ONE)
    store.campaigns.put(account.id, campaign, "GOTV", active=False)
    (conversation,) = store.optouts.find(account.id, ONE).conversations
    assert (conversation.campaign, conversation.active) == ("GOTV", False)
