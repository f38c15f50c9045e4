"""The grammar of requests: what words ask for, held against sentences that people write."""

import pytest

from handlers.grammar import Wish, wish_of

WISHES = {
    Wish.OPT_OUT: """
        opt these out
        please opt out everyone on this list
        Opt-out everyone in the attached file, they asked by mail
        new opt outs
        opt-outs from the phonebank
        Hi team, here are the opt outs from Saturday
        new opt outs, please apply
        stop requests
        opt–out list
        do not text list
        unsubscribe these
        stop texting these people
        do not text these
        remove these from our texting list
        take them all off our texting list please
        dar de baja a todos
        por favor, den de baja a estas personas
        désinscrire tous ces numéros
        désabonnez toutes ces personnes svp
    """,
    Wish.SCRUB: """
        scrub
        scrub this please
        Scrub, but do not keep unreadable rows
        scrub against the opt-out list
        clean this list
        remove the opted out
        take out those who opted out
        remove everyone who opted out
        delete the opted out rows
        nettoyez cette liste
        limpia esta lista
    """,
    Wish.LOOK_UP: """
        which of these are opted out?
        are any of these opted out?
        look these up
        how many of them are opted out
        is anyone on here opted out?
        check these against the opt-out list
        ¿cuáles de estos están de baja?
        lesquels sont désinscrits ?
    """,
    Wish.OPT_IN: """
        opt them back in
        put these back on the texting list
        remove these from the opt-out list
        start texting these again
        réinscrire ces numéros
        dar de alta a todos
    """,
    Wish.UNCLEAR: """
        please don't scrub, opt out
        possible opt outs
        opt outs, not verified yet
        do not opt these out
        don’t opt out anyone on this list yet
        dont opt these out
        remove these
        no dar de baja
        ne pas désinscrire
        do not opt them back in
        list for tonight
        can you opt these out?
        should we opt these out
        here is the list
        our texting list
        these have opted out
        for tomorrow: opt out
        opt out if they are in Texas
        opt out everyone except the volunteers
        opt in or opt out
        she said opt these out
        "opt these out"
        ~opt these out~
    """,
    Wish.NOTHING: """
        :wave: thanks!
        Hello there
        👍
        gracias
    """,
}


@pytest.mark.parametrize(
    ("words", "wish"),
    [(line.strip(), wish) for wish, lines in WISHES.items() for line in lines.splitlines() if line.strip()],
)
def test_the_words_with_a_list(words: str, wish: Wish) -> None:
    """Only what plainly asks to opt out does; what is unclear is unclear, and no word at all is nothing."""
    assert wish_of(words) is wish


def test_no_words() -> None:
    """A list without words wishes nothing."""
    assert wish_of("") is wish_of(" \n") is Wish.NOTHING
