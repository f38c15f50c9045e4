"""What was posted is kept once, whichever way it is learned of."""

from concurrent.futures import ThreadPoolExecutor

from store import Account, Post, Store

FIRST, SECOND = Post("C1", "1.000001"), Post("C1", "1.000002")


def test_the_first_counts(store: Store, account: Account) -> None:
    """A second message of a key does not take the place of the first; other keys and accounts are their own."""
    other = store.accounts.get_or_create("T2", "Other")
    assert store.posts.find(account.id, "a") is None
    assert store.posts.keep(account.id, "a", FIRST) == FIRST
    assert store.posts.keep(account.id, "a", SECOND) == FIRST
    assert store.posts.keep(account.id, "b", SECOND) == SECOND
    assert store.posts.keep(other.id, "a", SECOND) == SECOND
    assert store.posts.find(account.id, "a") == FIRST


def test_many_at_once(store: Store, account: Account) -> None:
    """Of several that keep a message of the same key at once all are told the same one."""
    posts = [Post("C1", f"1.{number:06}") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        kept = {*pool.map(lambda post: store.posts.keep(account.id, "a", post), posts)}
    assert kept == {store.posts.find(account.id, "a")}
