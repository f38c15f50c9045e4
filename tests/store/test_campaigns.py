"""Campaigns and conversations."""

import pytest

from store import Account, Origin, Store, StoreError
from store.campaigns import ConversationsPut
from store.errors import NotE164

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


def test_putting_a_campaign_says_what_changed(store: Store, account: Account) -> None:
    """New, the same, or with what it was before; a name is kept as it can be."""
    first = store.campaigns.put(account.id, "gotv", "GOTV", active=True)
    again = store.campaigns.put(account.id, "gotv", "GOTV", active=True)
    other = store.campaigns.put(account.id, "gotv", "GOTV \0 October", active=True)
    assert (first.before, first.changed, again.changed, other.changed) == (None, True, False, True)
    assert (other.before, other.campaign.name) == (first.campaign, "GOTV \ufffd October")
    assert store.campaigns.get(account.id, "gotv") == other.campaign


def test_a_campaign_is_finished_once(store: Store, account: Account, campaign: str, by_admin: Origin) -> None:
    """Its conversations stay as they are, and an opt-out that is lifted later re-opens none of them."""
    store.campaigns.put_conversation(account.id, campaign, "contact", ONE)
    store.optouts.add(account.id, [ONE], by_admin)
    assert store.campaigns.finish(account.id, campaign).changed
    assert not store.campaigns.finish(account.id, campaign).changed
    assert store.optouts.delete(account.id, ONE, by_admin).reopened == ()
    with pytest.raises(StoreError, match="no campaign 'nothing'"):
        store.campaigns.finish(account.id, "nothing")


def test_campaigns_are_listed_a_page_at_a_time(store: Store, account: Account) -> None:
    """By id, each once, and none of another account's."""
    other = store.accounts.get_or_create("T0OTHER", "Other")
    store.campaigns.put(other.id, "c9", "Theirs", active=True)
    for number in range(5):
        store.campaigns.put(account.id, f"c{number}", f"Campaign {number}", active=number % 2 == 0)
    first = store.campaigns.list(account.id, limit=3)
    rest = store.campaigns.list(account.id, after=first[-1].id)
    assert [one.id for one in (*first, *rest)] == ["c0", "c1", "c2", "c3", "c4"]
    assert [one.active for one in first] == [True, False, True]


def test_conversations_are_put_by_the_set(store: Store, account: Account, campaign: str, by_admin: Origin) -> None:
    """What is new, otherwise and the same is counted; the same call again is no change."""
    store.optouts.add(account.id, [TWO], by_admin)
    talks = [("1", ONE), ("2", TWO), ("3", "+12125550102")]
    assert store.campaigns.put_conversations(account.id, campaign, talks) == ConversationsPut(3, 0, 0, 1)
    assert store.campaigns.put_conversations(account.id, campaign, talks) == ConversationsPut(0, 0, 3, 1)
    moved = [("1", TWO), ("2", ONE), ("3", "+12125550102"), ("4", ONE)]
    assert store.campaigns.put_conversations(account.id, campaign, moved) == ConversationsPut(1, 2, 1, 1)
    states = {c.contact: c.opted_out for c in store.optouts.find(account.id, ONE).conversations}
    assert states == {"2": False, "4": False}
    assert store.campaigns.put_conversations(account.id, campaign, []) == ConversationsPut(0, 0, 0, 0)


def test_a_set_is_put_as_its_conversations_one_by_one_are(store: Store, account: Account, by_admin: Origin) -> None:
    """In a campaign that is finished one whose phone is free again stays opted out; of a contact twice the last counts."""
    for name in ("one by one", "set"):
        store.campaigns.put(account.id, name, name, active=False)
    first = [("1", ONE), ("2", TWO), ("1", TWO), ("a\0b", ONE), ("a\ufffdb", TWO), ("\u202e", ONE), ("x" * 5_000, ONE)]

    def put(talks: list[tuple[str, str]]) -> None:
        for talk in talks:
            store.campaigns.put_conversation(account.id, "one by one", *talk)
        store.campaigns.put_conversations(account.id, "set", talks)

    put(first)
    store.optouts.add(account.id, [TWO], by_admin)
    store.optouts.delete(account.id, TWO, by_admin)
    put(first[1:4])
    found = [c for phone in (ONE, TWO) for c in store.optouts.find(account.id, phone).conversations]
    single = {(c.contact, c.phone, c.opted_out) for c in found if c.campaign == "one by one"}
    assert {(c.contact, c.phone, c.opted_out) for c in found if c.campaign == "set"} == single
    assert ("1", TWO, True) in single


def test_a_set_is_put_whole_or_not_at_all(store: Store, account: Account, campaign: str) -> None:
    """One phone that is none, a campaign that nobody told of, one too many: nothing is made, and the sentence says why."""
    with pytest.raises(NotE164):
        store.campaigns.put_conversations(account.id, campaign, [("1", ONE), ("2", "+1 212 555 0101")])
    with pytest.raises(StoreError, match=r"no campaign 'other' here.* Put the campaign first"):
        store.campaigns.put_conversations(account.id, "other", [("1", ONE)])
    with pytest.raises(StoreError, match=r"10,001 conversations are more than the 10,000"):
        store.campaigns.put_conversations(account.id, campaign, [(str(n), ONE) for n in range(10_001)])
    assert store.uploads.known(account.id) == 0


def test_a_set_of_ten_thousand_is_one_call(store: Store, account: Account, campaign: str) -> None:
    """As many as a call takes are made, changed and left alone."""
    talks = [(f"contact {n}", f"+1212{n:07}") for n in range(10_000)]
    assert store.campaigns.put_conversations(account.id, campaign, talks) == ConversationsPut(10_000, 0, 0, 0)
    assert store.campaigns.put_conversations(account.id, campaign, talks) == ConversationsPut(0, 0, 10_000, 0)
    turned = list(zip([who for who, _ in talks], [phone for _, phone in reversed(talks)], strict=True))
    assert store.campaigns.put_conversations(account.id, campaign, turned) == ConversationsPut(0, 10_000, 0, 0)
