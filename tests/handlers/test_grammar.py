"""The grammar of requests: what words ask for, held against sentences that people write."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.grammar import Certainty, Verb, Wish, items_of, understand, wish_of
from handlers.mentions import Intent, intent_of
from handlers.permissions import Action
from store import PHONE

SENTENCES = Path(__file__).with_name("sentences.txt")
# Three numbers by the country they are read in, as they are written there.
NUMBERS = {
    "US": ("212-555-0100", "(202) 555-0101", "+1 404.555.0102"),
    "GB": ("07400 123401", "020 7946 0018", "+44 7400 123403"),
    "FR": ("06 12 34 56 78", "06.12.34.56.79", "+33 6 12 34 56 80"),
    "MX": ("55 1234 5678", "(33) 1234 5679", "+52 81 1234 5680"),
    None: ("+49 1512 0127101", "+34 612 345 678", "+12125550100"),
}


def sentences() -> Iterator[tuple[str, str, str | None]]:
    """Each sentence of the corpus: its outcome, its words with # for each number, and the reason that is kept."""
    outcome = ""
    for line in SENTENCES.read_text(encoding="utf-8").splitlines()[1:]:
        if line.startswith("["):
            outcome = line[1 : line.index("]")]
        elif line:
            words, _, reason = line.partition(" => ")
            yield outcome, words.replace("\\n", "\n"), reason or None


def outcome_of(intent: Intent) -> str:
    """What comes of *intent*, in the corpus's words."""
    if intent.action is not Action.SEARCH:
        return "done" if intent.action is Action.ADD else "in"
    if intent.verb is None:
        return "plain look-up"
    if intent.certainty is Certainty.DENIED:
        return "refrained"
    return "asked" if intent.verb is Verb.OPT_OUT and intent.certainty <= Certainty.DOUBTFUL else "looked up"


@pytest.mark.parametrize(("outcome", "words", "reason"), [*sentences()])
def test_what_comes_of_a_sentence(outcome: str, words: str, reason: str | None) -> None:
    """Whatever the country: what is plainly asked is done, what nearly is is asked about, and nothing else ever is."""
    for country, numbers in NUMBERS.items():
        left = iter(numbers)
        first, *more = words.split("#")
        text = first + "".join(f"{next(left)}{words_behind}" for words_behind in more)
        intent = intent_of(f"<@U0BOT> {text}", "U0BOT", country)
        assert outcome_of(intent) == outcome, country
        assert len(intent.all_phones) == len(more), country
        if outcome in {"done", "in"}:
            assert len(intent.phones) == len(more), country
            assert intent.reason == reason, country
        elif reason is not None and PHONE not in (understand(words.replace("#", PHONE)).reason or ""):
            assert intent.reason == reason, country


# What makes no request of any: denials, conditions, plans, quotes, reports, questions and second thoughts.
SPOILERS = (
    *(
        "don't {}",
        "please do not {}",
        "never {}",
        "no {}",
        "not {}",
        "without asking {}",
        "everyone except {}",
        "stop {}",
    ),
    *(
        "if she asks, {}",
        "when she calls, {}",
        "{} if she agrees",
        "{} unless she objects",
        "{} until Monday",
        "{} only if asked",
    ),
    *(
        "we will {}",
        "I might {}",
        "maybe {}",
        "{} maybe",
        "{} tomorrow",
        "{} next week",
        "should we {}",
        "did you {}",
        "{}?",
        "{} ?",
    ),
    *(
        "she said {}",
        "Bob said: {}",
        "tell Bob to {}",
        '"{}"',
        "“{}”",
        "«{}»",
        "'{}'",
        "~{}~",
        "> {}",
        "the form says {}",
    ),
    *("{}, just kidding", "{}, never mind", "{} - not!", "{} or not", "{} (don't)", "{} ... wait no", "{}\nno wait"),
    *(
        "{}. Actually don't.",
        "{}. Never mind.",
        "{}. Not yet.",
        "{}\nDon't do this yet",
        "example: {}",
        "we already {}",
    ),
    *("{} from the email list", "why did we {}", "I forgot to {}", "instead of texting, {}", "test {}"),
    *("si llama, {}", "dijo {}", "nunca {}", "mañana {}", "{} mañana", "{}, es broma", "sin permiso {}"),
    *("ne pas {}", "elle a dit {}", "demain {}", "{} demain", "{}, je plaisante", "quand elle appelle, {}"),
)


@pytest.mark.wide_but_first
@pytest.mark.parametrize("spoiler", SPOILERS)
def test_what_spoils_a_request(spoiler: str) -> None:
    """Whatever is asked for plainly is so no more beside words that deny, suppose, put off, quote or take back."""
    for outcome, words, _ in sentences():
        if outcome == "done":
            understood = understand(spoiler.format(words).replace("#", PHONE))
            assert understood.certainty is not Certainty.PLAIN, words


def test_the_corpus_is_as_large_as_it_says() -> None:
    """Three languages, and of the sentences a third that must never be done."""
    outcomes = [outcome for outcome, _, _ in sentences()]
    never = [outcome for outcome in outcomes if outcome in {"looked up", "refrained", "plain look-up"}]
    assert len(outcomes) > 450
    assert len(never) > len(outcomes) / 3


@pytest.mark.parametrize(
    ("words", "items", "left"),
    [
        ("#, abc, #", [0, "abc", 1], "#,,#"),
        ("#; @admin\n:wave:, #", [0, "@admin", ":wave:", 1], None),
        ("#, 12345, 12", [0, "12345", "12"], None),
        ("#, she asked, Maria did", [0], "#, she asked, Maria did"),
        ("# because she asked, abc", [0], "# because she asked, abc"),
        ("#, not, #", [0, 1], "#, not, #"),
        (" ,; ,", [], None),
    ],
)
def test_what_stands_where_a_number_could(words: str, items: list[int | str], left: str | None) -> None:
    """Names and scraps between the commas of a list are named; words that say something of it stay with it."""
    found, rest = items_of(words.replace("#", PHONE))
    assert found == items
    assert left is None or rest.replace(" ", "") == left.replace("#", PHONE).replace(" ", "")


@given(st.text(st.sampled_from("opt out\ufffc,.!?'\"()-:;~>\n because not don't stop no 12\u202e\u0301\u00df")))
def test_no_words_are_too_odd(words: str) -> None:
    """Whatever is written is understood as something, of numbers that stand in it."""
    understood = understand(words)
    assert set(understood.phones) <= set(range(words.count(PHONE)))
    assert wish_of(words) in Wish
    items_of(words)


@pytest.mark.parametrize(
    ("words", "certainty"),
    [
        ("#", Certainty.PLAIN),
        ("# to the opt-out list", Certainty.PLAIN),
        ("# to the texting list", Certainty.DENIED),
        ("#, she asked", Certainty.PLAIN),
        ("Maria #", Certainty.DOUBTFUL),
        ("not #", Certainty.DENIED),
        ("# tomorrow", Certainty.MENTIONED),
    ],
)
def test_words_behind_a_command(words: str, certainty: Certainty) -> None:
    """What the command's name asks for already is judged by the words beside the numbers."""
    understood = understand(words.replace("#", PHONE), Verb.OPT_OUT)
    assert (understood.verb, understood.certainty) == (Verb.OPT_OUT, certainty)


def test_what_is_shown_turned_round_is_asked_about() -> None:
    """Marks that turn text round show people other words than they send."""
    assert understand(f"opt out {PHONE} \u202e").certainty is Certainty.DOUBTFUL
    assert understand(f"o\u200bpt out {PHONE}").certainty is Certainty.PLAIN


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
    Wish.COMPARE: """
        compare
        please compare this
        Compare these with the opt-out list
        compare against our opt outs
        this is Spoke's list, please compare it
        reconcile these
        comparar esta lista
        comparez cette liste svp
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
        do not compare these
        compare these and opt out
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
