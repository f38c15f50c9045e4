"""What it takes to allow texts again, by the reasons of the opt-outs."""

from datetime import UTC, datetime
from typing import Any

import pytest

from store import Account, Actor, AllowRule, Cause, Function, Origin, Store
from store.allowing import _phrases, is_of_contact, rule_of, says_why
from store.records import Entry, OptOut

ONE = "+12125550100"
AT = datetime(2026, 11, 3, 14, 5, tzinfo=UTC)
CONFIRM, REASON, TWO_ADMINS = AllowRule.CONFIRM, AllowRule.REASON, AllowRule.TWO_ADMINS


def opt_out(
    function: str = Function.COMMAND, *, note: str | None = None, asked: datetime | None = None, **more: Any
) -> OptOut:
    """An opt-out of an entry of that function, with *more* of its fields."""
    values: dict[str, Any] = dict.fromkeys(
        (
            *("channel_id", "channel_name", "message_ts", "permalink", "reason", "upload_id", "file_name"),
            *("requested_at", "cause"),
        )
    )
    entry = Entry(**(values | {"id": 1, "function": function, "actor": Actor("U1", "admin"), "at": AT} | more))
    return OptOut(ONE, entry, None, note, asked, None)


@pytest.mark.parametrize(
    ("function", "rule"),
    [
        (Function.KEYWORD, REASON),
        (Function.TEXTER, REASON),
        (Function.API, REASON),
        (Function.COMMAND, CONFIRM),
        (Function.BUTTON, CONFIRM),
        (Function.FORM, CONFIRM),
        (Function.MENTION, CONFIRM),
        (Function.SHORTCUT, CONFIRM),
        (Function.UPLOAD, CONFIRM),
    ],
)
def test_by_function(function: Function, rule: AllowRule) -> None:
    """A word like STOP, a texter and the platform speak for the contact; staff and lists do where they say so."""
    assert rule_of([opt_out(function)]) is rule


@pytest.mark.parametrize(
    ("cause", "rule"),
    [
        (Cause.ASKED, REASON),
        (Cause.HOSTILE, REASON),
        (Cause.DECEASED, REASON),
        (Cause.LEGAL, TWO_ADMINS),
        (Cause.WRONG_NUMBER, CONFIRM),
        (Cause.TEST, CONFIRM),
        (Cause.OTHER, CONFIRM),
    ],
)
def test_by_cause(cause: Cause, rule: AllowRule) -> None:
    """What a form offers as a reason decides, whoever chose it; a word like STOP stays one whatever was chosen."""
    assert rule_of([opt_out(Function.FORM, cause=cause)]) is rule
    assert rule_of([opt_out(Function.KEYWORD, cause=cause)]) is max(rule, REASON)


@pytest.mark.parametrize("function", [Function.TEXTER, Function.API])
@pytest.mark.parametrize("cause", [Cause.WRONG_NUMBER, Cause.TEST])
def test_the_wrong_contact(function: Function, cause: Cause) -> None:
    """Who texts or the platform may say that it was nobody's wish but a mistake."""
    assert rule_of([opt_out(function, cause=cause)]) is CONFIRM
    assert rule_of([opt_out(function, cause=cause, reason="wrong number, told us to stop")]) is REASON


SAY_THEY_ASKED = (
    *("she asked", "asked twice by phone", "told us to stop", "Asked by e-mail", "ASKED TO BE REMOVED", "said STOP"),
    *("replied stop", "wants off the list", "wants no texts", "does not want texts", "doesn't want any more texts"),
    *("Please take me off your list", "unsubscribe", "opted out at the door", "per her request", "requested by letter"),
    *("don’t text me again", "leave me alone", "very angry on the phone", "cursed at our volunteer", "complained"),
    *("not interested", "no longer interested", "never asked for these texts", "fed up", "refused", "no more messages"),
    *(
        "lo pidió dos veces",
        "pidió que no le escriban",
        "ya no quiere mensajes",
        "no desea recibir textos",
        "solicitó la baja",
    ),
    *("dijo que no", "no me escriban más", "se quejó por correo", "muy enojada", "dejen de escribir", "basta"),
    *(
        "a demandé par courriel",
        "elle l'a demandé",
        "l’a demandé deux fois",
        "à sa demande",
        "ne veut plus de messages",
    ),
    *("a dit stop", "arrêtez de m'écrire", "souhaite ne plus recevoir de textos", "veut se désinscrire", "très fâchée"),
    *("please remove", "never text again", "prefers not to get texts", "no thanks", "didn't sign up", "no le interesa"),
    *("ne plus la contacter", "pas intéressée", "préfère ne pas", "prefiere no recibir", "quitar de la lista"),
    *(
        "wants to be left alone",
        "please don't",
        "remove from list",
        "off list please",
        "texted END",
        "unsubbed",
        "cussed us out",
    ),
    *(
        "dejar en paz",
        "déjenme en paz",
        "no molesten",
        "nunca más",
        "ne pas déranger",
        "veut être retirée",
        "plus jamais",
    ),
    *("wrong number, asked to stop", "E-mail of 3 Nov:\nplease\nstop\ntexting", "opt_out_type: keyword"),
)
SAY_NOTHING_OF_IT = (
    *(
        "wrong number",
        "wrong person",
        "test",
        "staff number",
        "our mistake",
        "typo",
        "moved away",
        "landline",
        "called us",
    ),
    *("número equivocado", "numéro erroné", "faux numéro", "prueba", "essai", "duplicate", "old list", "", "  ", "?!"),
    *(
        "wrong number, nobody asked",
        "she did not ask, my mistake",
        "nadie lo pidió: equivocado",
        "erreur, personne n'a demandé",
    ),
    *("basket weaver", "Nonstop Pizza", "Basquiat", "bypassed", "Susan", "talked to Sue"),
)
SAY_THEY_THREATEN = (
    *("threatened to sue", "will sue us", "her lawyer called", "attorney letter", "cease and desist", "TCPA complaint"),
    *("lawsuit", "suing the campaign", "legal action", "small claims court", "legal threat by e-mail"),
    *(
        "va a llamar a su abogado",
        "dice que nos va a demandar",
        "demanda judicial",
        "va porter plainte",
        "son avocat a écrit",
    ),
    *("says she'll sue", "legal", "complaint with the FCC", "amenaza legal", "acciones legales", "menaces légales"),
    *("cease & desist", "FTC complaint", "plainte à la CNIL", "a demand letter came"),
    *("mise en demeure", "menace d'aller en justice"),
)


@pytest.mark.parametrize(
    ("texts", "rule"), [(SAY_THEY_ASKED, REASON), (SAY_NOTHING_OF_IT, CONFIRM), (SAY_THEY_THREATEN, TWO_ADMINS)]
)
@pytest.mark.parametrize("function", [Function.COMMAND, Function.UPLOAD])
def test_by_words(texts: tuple[str, ...], rule: AllowRule, function: Function) -> None:
    """What was typed as a reason, or stands in a list's own note, in three languages, accents and capitals or not."""
    for text in texts:
        assert rule_of([opt_out(function, reason=text)]) is rule, text
        assert rule_of([opt_out(function, note=text.upper())]) is rule, text


def test_the_strictest_decides() -> None:
    """Of several reasons one that is strict is enough, in whatever order they came."""
    ours, theirs = opt_out(Function.UPLOAD), opt_out(Function.KEYWORD)
    threat = opt_out(Function.FORM, cause=Cause.LEGAL)
    assert rule_of([]) is CONFIRM
    assert rule_of([ours, theirs]) is rule_of([theirs, ours]) is REASON
    assert rule_of([theirs, threat, ours]) is TWO_ADMINS
    assert [is_of_contact(one) for one in (ours, theirs, threat)] == [False, True, True]


def test_a_list_that_says_when_they_asked() -> None:
    """A list with the time of each request has been asked by each; one that also names a mistake has not."""
    assert rule_of([opt_out(Function.UPLOAD, asked=AT)]) is REASON
    assert rule_of([opt_out(Function.UPLOAD, requested_at=AT)]) is REASON
    assert rule_of([opt_out(Function.UPLOAD, asked=AT, cause=Cause.TEST)]) is CONFIRM


def test_what_counts_as_words() -> None:
    """Signs, digits and blanks are no reason; words of any script are."""
    assert not any(map(says_why, (None, "", " \n", "-", "...", "12125550100", "ok", "👍👍👍")))
    assert all(map(says_why, ("she called", "llamó", "她说可以", "позвонила")))


def test_phrases_can_be_read() -> None:
    """They are folded as what people write is; a text too long to be looked at counts as the contact's."""
    assert _phrases("a/b c, d'e") == (" a c ", " b c ", " d e ")
    assert rule_of([opt_out(note="x " * 2_000)]) is CONFIRM
    assert rule_of([opt_out(note="x " * 4_000)]) is REASON


def by(admin: str, reason: str | None = None) -> Origin:
    return Origin(Function.DELETE, Actor(f"U{admin}", admin), "C1", "admins", reason=reason)


@pytest.mark.parametrize("reason", [None, "", " ", "?", "12"])
def test_the_store_refuses_by_itself(store: Store, account: Account, reason: str | None) -> None:
    """No surface can allow texts that a contact asked to end without a reason, nor after a threat alone with the best."""
    store.optouts.add(account.id, [ONE], Origin(Function.KEYWORD, Actor("system", "STOP")))
    refused = store.optouts.delete(account.id, ONE, by("robin", reason))
    assert (refused.missing, refused.lifted) == (REASON, ())
    assert store.optouts.find(account.id, ONE).opted_out
    assert store.optouts.count(account.id) == 1
    store.optouts.add(account.id, [ONE], Origin(Function.FORM, Actor("U1", "a"), cause=Cause.LEGAL))
    refused = store.optouts.delete(account.id, ONE, by("robin", "she called and wants them"))
    assert (refused.missing, refused.lifted) == (TWO_ADMINS, ())
    assert store.optouts.find(account.id, ONE).opted_out


def test_a_reason_is_enough_for_what_was_asked(store: Store, account: Account) -> None:
    """With what the contact said since, all of its opt-outs are lifted, and the entry has the words."""
    store.optouts.add(account.id, [ONE], Origin(Function.TEXTER, Actor("t1", "Kit")))
    store.optouts.add(account.id, [ONE], Origin(Function.COMMAND, Actor("U1", "a"), reason="asked to stop"))
    done = store.optouts.delete(account.id, ONE, by("robin", "texted START yesterday"))
    assert len(done.lifted) == 2
    assert done.lifted[0].lifted is not None
    assert done.lifted[0].lifted.reason == "texted START yesterday"
    assert not store.optouts.find(account.id, ONE).opted_out
