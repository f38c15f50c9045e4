"""Figures for operators: of all accounts together, by the database's clock."""

from datetime import timedelta

from store import Account, Actor, DestinationKind, NewDestination, Origin, Reply, Store, UploadState
from store.figures import Waiting

SECONDS = timedelta(seconds=600)


def test_the_figures_of_all_accounts(store: Store, account: Account, by_admin: Origin) -> None:
    """
    Phones, lists by state, replies and destinations, with since when the oldest waits; and how often work was taken over from
    a holder that never gave it back, which what was given back is not.
    """
    nothing = store.figures()
    assert (nothing.accounts, nothing.opted_out, nothing.replies_heard) == (1, 0, 0)
    assert nothing.lists == dict.fromkeys(UploadState, Waiting(0, None))
    assert nothing.replies == nothing.destinations == Waiting(0, None)
    assert abs(nothing.at - store.now()) < SECONDS

    other = store.accounts.get_or_create("T0OTHER", "Other")
    wanted = NewDestination(DestinationKind.WEBHOOK, "platform", "C1", "https://platform.example.org/")
    before = store.now()
    for one, phones in ((account, ["+12125550100", "+12125550101"]), (other, ["+12125550100"])):
        store.destinations.make(one.id, wanted, by_admin)
        store.optouts.add(one.id, phones, by_admin)
        store.uploads.receive(
            one.id,
            file_id="F1",
            file_name="stops.csv",
            channel_id="C1",
            channel_name=None,
            thread_ts=None,
            permalink=None,
            actor=Actor("U1", "ann"),
            country=None,
        )
    store.replies.hear(
        account.id, Reply("telnyx", "1", "+12125550102", "12345", "who is this, leave me be", store.now()), by_admin
    )
    store.replies.hear(account.id, Reply("telnyx", "2", "+12125550103", "12345", "STOP", store.now()), by_admin)
    found = store.figures()
    assert (found.accounts, found.opted_out, found.replies_heard) == (2, 4, 2)
    assert found.lists[UploadState.RECEIVED].number == 2
    assert found.replies.number == 1
    assert found.destinations.number == 2
    for waiting in (found.lists[UploadState.RECEIVED], found.replies, found.destinations):
        assert waiting.oldest is not None
        assert before - SECONDS < waiting.oldest <= found.at + SECONDS
    assert found.size > 100_000

    assert store.inbox.keep(account.id, "Ev1", "app_mention", "C1", {}, lease_seconds=0, owner="dead") is not None
    event = store.inbox.claim("alive", lease_seconds=60)
    assert event is not None
    assert store.database.taken_over == {"inbox": 1}
    store.inbox.postpone(event, seconds=0)
    assert store.inbox.claim("another", lease_seconds=60) is not None
    assert store.database.taken_over == {"inbox": 1}
