"""The cache whose entries expire: what it gives, and what it lets go of."""

import weakref

from handlers.ttl_cache import TtlCache


class Clock:
    """A clock that stands still until it is told otherwise."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Thing:
    """Something that is kept."""


def test_what_expired_is_neither_given_nor_kept() -> None:
    """It is let go of when the next is put in: a desk that runs for a year does not keep what it remembers for a minute."""
    clock = Clock()
    cache: TtlCache[Thing] = TtlCache(60, clock=clock)
    kept = []
    for number in range(10):
        thing = Thing()
        cache.put(f"{number}", thing)
        assert cache.get(f"{number}") is thing
        kept.append(weakref.ref(thing))
        del thing
        clock.now += 20
    assert [cache.get(f"{number}") is not None for number in range(10)] == [False] * 8 + [True] * 2
    assert [one() is not None for one in kept] == [False] * 7 + [True] * 3


def test_of_too_many_the_oldest_goes() -> None:
    """Whatever was put in again is the newest."""
    cache: TtlCache[str] = TtlCache(60, most=2, clock=Clock())
    for key in ("a", "b", "a", "c"):
        cache.put(key, key)
    assert [cache.get(key) for key in ("a", "b", "c")] == ["a", None, "c"]
    cache.drop("a")
    assert cache.get("a") is None
