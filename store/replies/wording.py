"""
Words that opt out, opt in or ask for help, with the courtesies that may stand around them: English, Spanish and French.

Only a reply that is nothing but these is decided without a person. "stop", "quit", "end", "revoke", "opt out", "cancel" and
"unsubscribe" are those that 47 CFR 64.1200(a)(10) names; no account can take them away, and each can add its own. All are
compared as `store.replies.reading` writes words.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from store.errors import StoreError
from store.replies.notation import pattern_of
from store.replies.reading import plain_letters, spoken_words

# 47 CFR 64.1200(a)(10), in force since 11 April 2025.
LAWS_WORDS: Final = ("stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe")


class Wording(StrEnum):
    """What a wording does: it opts out, opts in, asks for help, or is only polite."""

    OUT = "out"
    IN = "in"
    HELP = "help"
    COURTESY = "courtesy"


_NAMES: Final = {
    "TEXTS": "text/texts/message/messages/text_message/text_messages/sms/texting/communication/communications",
    "TEXTING": "texting/messaging/contacting/spamming/harassing/bothering/pestering",
    "TEXT": "text/message/contact",
    "ME": "me/us/my_phone/my_number/my_cell/my_cell_phone/my_phone_number/this_number/this_phone/this_phone_number",
    "MINE": "me/us/my_name/my_number/my_phone/my_phone_number/my_cell/my_cell_number/my_name_and_number/this_number/the_number",
    "SOME": "-/any/all/more/further/these/those/your/the/this/of/future/additional/political/campaign",
    "AGAIN": "-/again/anymore/any_more/any_longer/ever/ever_again/no_more/in_the_future",
    "ASKED": "-/can_you/could_you/will_you/would_you/you_need_to/you_must/i_want_you_to/i_need_you_to/i_am_asking_you_to",
    "NOW": "-/now/right_now",
    "LIST": "list/lists/text_list/texting_list/contact_list/calling_list/call_list/phone_list/mailing_list/database/system",
    "YOUR": "-/your/the/this/these/all/any/all_of_your/all_your",
    "MENSAJES": "mensaje/mensajes/mensajes_de_texto/mensajitos/texto/textos/sms",
    "SU": "la/su/sus/esta/tu",
    "ME_ES": "me/nos",
    "MESSAGES": "message/messages/messages_textes/texto/textos/texte/textes/sms",
    "VOTRE": "votre/vos/la/cette/toutes_vos",
    "MOI": "m/me/nous",
}
_OUT: Final = """
    stop/quit/end/revoke/opt_out/optout/cancel/unsubscribe/unsub/unscribe/remove/stopall/stop_all
    s_t_o_p/q_u_i_t/e_n_d
    stpo/sotp/tsop/stopp/sstop/st_0_p/stip/stpp/stopo/stope
    can_you/could_you/will_you/would_you stop/quit
    ASKED stop/quit/cease/discontinue TEXTING -/with ME AGAIN NOW
    ASKED stop/quit/cease/discontinue TEXTING AGAIN NOW
    ASKED stop/quit/cease sending -/me/us SOME SOME SOME TEXTS AGAIN NOW
    stop/quit/cease sending SOME SOME SOME TEXTS to ME AGAIN NOW
    stop/quit sending me/us NOW
    stop/quit/cease/discontinue/end/cancel SOME SOME SOME TEXTS NOW
    stop now/right_now/already/everything
    stop to/2 end/quit/cancel/stop/unsubscribe/opt_out/optout
    unsubscribe/opt_out -/MINE NOW
    unsubscribe/opt_out -/MINE from/of/off YOUR LIST NOW
    unsubscribe/opt_out -/MINE from/of/off SOME SOME SOME TEXTS -/list/lists NOW
    ASKED remove/delete/unsubscribe/erase MINE NOW
    ASKED remove/delete/erase/take/get MINE from/off/off_of YOUR LIST NOW
    ASKED remove/take/get MINE from/off/off_of this/here/everything NOW
    remove/delete MINE from SOME SOME SOME TEXTS -/list/lists NOW
    ASKED take/get MINE off NOW
    opt MINE out NOW
    opt MINE out of/from SOME SOME SOME TEXTS -/list/lists
    -/i -/am/im/want_to/wish_to/would_like_to/id_like_to/need_to opting_out/opt_out/unsubscribe
    -/i want_to/wish_to/would_like_to/id_like_to/need_to be removed/taken_off/unsubscribed/opted_out
    -/i want_to/wish_to/would_like_to/id_like_to/need_to be removed/taken_off/unsubscribed/opted_out -/from/of YOUR LIST
    no more/further SOME SOME TEXTS
    do_not/dont/never -/ever TEXT/call -/ME AGAIN
    do_not/dont/never -/ever TEXT/call or TEXT/call -/ME AGAIN
    do_not/dont send -/me/us SOME SOME SOME TEXTS AGAIN
    do_not/dont send SOME SOME SOME TEXTS to ME AGAIN
    i do_not/dont/no_longer want/wish -/to_receive/to_get/receiving SOME SOME SOME TEXTS -/from_you AGAIN
    i do_not/dont/no_longer want/wish to_be texted/contacted/messaged AGAIN
    lose my/this number
    ASKED cancel/end/stop -/my/the/this subscription
    remove/delete/erase -/this/the phone_number/number/cell_number -/from_list/from_the_list/from_your_list NOW
    take/get ME of YOUR LIST NOW
    remove from/off -/the/your/this LIST NOW
    -/i revoke/withdraw/rescind -/my consent -/to_receive/to_be_sent/for SOME SOME TEXTS
    -/i want_to/wish_to/would_like_to/id_like_to/need_to stop receiving/getting SOME SOME SOME TEXTS
    -/i want/need you to stop -/texting_me/contacting_me/messaging_me NOW
    you/u/yall/you_all/you_guys/you_people need_to/must/have_to stop TEXTING -/ME AGAIN
    do_not/dont send -/me/us anything/any_more/anymore -/else/more AGAIN
    leave me/us alone

    alto/parar/paren/pare/baja/cancelar/detener/detenga/detenganse
    dar/dame/deme/denme/darme/denos/quiero_darme de_baja
    desuscribir/desuscribeme/desuscribirme/desuscribame/desuscribanme
    desuscribir/desuscribeme/desuscribirme/desuscribame/desuscribanme de SU lista
    cancelar/cancele/cancelen -/mi/la suscripcion
    no mas MENSAJES
    no -/ME_ES escriban/escriba/manden/mande/envien/envie mas
    -/ya no ME_ES moleste/molesten/molestes -/mas
    -/le_pido_que/les_pido_que/que -/ya no ME_ES mande/manden/mandes/envie/envien/envies -/mas/nada/nada_mas -/MENSAJES
    -/le_pido_que/les_pido_que/que -/ya no ME_ES escriba/escriban/escribas/textee/texteen/textees/contacte/contacten/contactes -/mas/nunca_mas
    deja/deje/dejen/para/pare/paren de mandarme/enviarme/mandar/enviar/mandarnos/enviarnos -/mas -/estos/sus/los MENSAJES
    deja/deje/dejen/para/pare/paren de escribirme/textearme/contactarme/mandarme/enviarme
    quiteme/quitenme/quitame/saqueme/saquenme/sacame/borreme/borrenme/borrame/elimineme/eliminenme/eliminame
    quiteme/quitenme/quitame/saqueme/saquenme/sacame/borreme/borrenme/borrame/elimineme/eliminenme/eliminame de SU lista/listas
    quite/quiten/saque/saquen/borre/borren/elimine/eliminen mi/este numero/nombre/telefono
    quite/quiten/saque/saquen/borre/borren/elimine/eliminen mi/este numero/nombre/telefono de SU lista/listas
    -/ya no quiero/deseo -/recibir -/mas -/sus/estos MENSAJES

    arret/arrete/arretez/arreter/stoppez/desabonner/desabonne/desabonnez/desabonnement/desinscrire/desinscription
    arrete/arretez/arreter/cesse/cessez/stop de/d m/me/nous envoyer/ecrire -/des/vos/les/ces/de -/MESSAGES
    arrete/arretez/arreter/cesse/cessez/stop de/d m/me/nous texter/contacter/harceler
    arrete/arretez/cessez/stop les/ces/vos/aux/tous_les MESSAGES
    -/ne MOI envoyez/envoie plus -/rien/jamais
    -/ne MOI envoyez/envoie plus -/de/d/ces/vos/aucun MESSAGES
    -/ne MOI ecrivez/ecris/contactez/contacte/textez/texte plus -/jamais
    retire/retirez/enleve/enlevez/supprime/supprimez/efface/effacez/desabonne/desabonnez/desinscrivez moi
    retire/retirez/enleve/enlevez/supprime/supprimez/efface/effacez/desabonne/desabonnez/desinscrivez moi de VOTRE liste/listes
    retirez/enlevez/supprimez/effacez/otez/rayez mon/ce numero/nom -/de_telephone
    retirez/enlevez/supprimez/effacez/otez/rayez mon/ce numero/nom de VOTRE liste/listes
    otez/rayez moi -/de -/VOTRE -/liste/listes
    me desabonner/desinscrire/retirer/enlever/supprimer
    me desabonner/desinscrire/retirer/enlever/supprimer de VOTRE liste/listes
    je ne veux/souhaite/desire plus -/recevoir -/de/vos/ces/aucun MESSAGES -/de_votre_part
    plus de MESSAGES
    n envoyez/envoie plus -/rien
    n envoyez/envoie plus -/de/d/ces/vos/aucun MESSAGES
    ne plus m/me/nous envoyer/ecrire/contacter/texter -/de -/MESSAGES
    je veux/voudrais/souhaite me desabonner/desinscrire
"""
_IN: Final = """
    start/unstop/optin/subscribe/resubscribe/re_subscribe
    opt -/me -/back in
    comenzar/empezar/iniciar/suscribir/suscribirme
    commencer/reabonner/reabonnez_moi/abonnez_moi
"""
_HELP: Final = "help/info/ayuda/aide"
_COURTESIES: Final = """
    please/kindly/please_and_thank_you
    can/could/will/would you please/kindly
    -/many/no thanks/thank_you/thankyou/thx/thnx/tx/ty/tysm -/so/very -/much/kindly/in_advance/again/all/dear
    hi/hello/hey/hiya/dear -/there/friend/friends/folks/guys/all/sir/madam/everyone
    good morning/afternoon/evening/day/night
    sir/sir_or_madam/madam/maam/mam/folks/greetings
    -/im/i_am sorry
    excuse_me/pardon/pardon_me/ok/okay/just/immediately/effective_immediately/asap/at_once/right_away
    respectfully/sincerely/sincerely_yours/regards/best_regards/kind_regards/warm_regards/cheers/bye/goodbye
    god_bless/god_bless_you/god_bless_you_all/god_bless_america/bless_you
    appreciated/much_appreciated/appreciate_it/i_appreciate_it
    omg/for_the_love_of_god/for_gods_sake/last_warning/final_warning/final_notice
    seriously/for_the_last_time/once_and_for_all/i_mean_it/i_said/dammit/damn_it/fucking/freaking
    you idiot/idiots/moron/morons/asshole/assholes/jerk/jerks/creep/creeps/people
    have a nice/good/great/blessed/wonderful/lovely day/evening/night/one/week/weekend

    por_favor/porfavor/porfa/favor/favor_de/hola/adios/saludos/ya/inmediatamente/de_inmediato
    -/muchas/mil gracias
    buenos_dias/buen_dia/buenas_tardes/buenas_noches/senor/senora/senores
    disculpe/disculpen/perdon/perdone/perdonen/lo_siento
    dios le/los/te/les bendiga
    que_tenga/que_tengan -/un buen_dia

    s_il_vous_plait/s_il_te_plait/svp/stp/veuillez/bonjour/bonsoir/salut/bonne_journee/bonne_soiree
    merci -/beaucoup/bien/d_avance/de/a_vous
    desole/desolee/monsieur/madame/cordialement/immediatement/tout_de_suite/au_revoir
"""
_WORDING: Final = re.compile(
    f"(?P<out>{pattern_of(_OUT, _NAMES)})|(?P<in>{pattern_of(_IN, _NAMES)})|(?P<help>{pattern_of(_HELP, _NAMES)})"
    f"|(?P<courtesy>{pattern_of(_COURTESIES, _NAMES)})"
)

# Written wrong by a letter too few, two too close or two that changed places, these are still themselves.
_OFTEN_MISSPELT: Final = (
    *(
        "unsubscribe",
        "remove",
        "cancel",
        "texting",
        "messages",
        "message",
        "messaging",
        "contact",
        "contacting",
        "sending",
    ),
    *("please", "number", "immediately", "revoke", "removed"),
    *("cancelar", "mensajes", "desabonner", "desabonnez", "desinscrire", "arretez", "arreter"),
)


def _misspelt(word: str) -> Iterator[str]:
    for place in range(1, len(word)):
        yield word[:place] + word[place + 1 :]
        yield word[:place] + word[place] + word[place:]
        if place + 1 < len(word):
            yield word[:place] + word[place + 1] + word[place] + word[place + 2 :]


_ABBREVIATED: Final = {
    **dict.fromkeys(("pls", "plz", "plse"), "please"),
    **dict.fromkeys(("dnt", "donot"), "dont"),
    **dict.fromkeys(("ur", "yr"), "your"),
    **dict.fromkeys(("u", "yall"), "you"),
    "txt": "text",
    "txts": "texts",
    "txting": "texting",
    "msg": "message",
    "msgs": "messages",
    "agian": "again",
    "stahp": "stop",
    **dict.fromkeys(("txtng", "textin", "texing"), "texting"),
    **dict.fromkeys(("romove", "remve", "rmove"), "remove"),
}
_SPELT: Final[Mapping[str, str]] = {
    **{wrong: word for word in _OFTEN_MISSPELT for wrong in _misspelt(word)},
    **{word: word for word in _OFTEN_MISSPELT},
    **_ABBREVIATED,
}


def spelt(words: Iterable[str]) -> list[str]:
    """*words* with common misspellings put right."""
    return [_SPELT.get(word, word) for word in words]


# --- words of an account's own --------------------------------------------------------------------------------------

_LONGEST_ADDED: Final = 40
_MOST_WORDS: Final = 5
MOST_ADDED: Final = 50  # of each kind
# Said to anything: they cannot ask for texts, nor for none.
_SAID_TO_ANYTHING: Final = frozenset(
    (
        "yes",
        "y",
        "yeah",
        "yep",
        "yup",
        "sure",
        "si",
        "oui",
        "no",
        "n",
        "nope",
        "nah",
        "non",
        "ok",
        "okay",
        "k",
        "1",
        "2",
        "maybe",
    )
)


class WordRefused(StoreError):  # noqa: N818  a kind of StoreError, read as a state
    """A word that an account cannot add; its text says which, why and what to do."""


@dataclass(frozen=True, slots=True)
class AddedWords:
    """Words and short sentences that an account's admins added to those that decide; each as `added_word` gives it."""

    out: frozenset[str] = field(default_factory=frozenset)
    opt_in: frozenset[str] = field(default_factory=frozenset)
    help: frozenset[str] = field(default_factory=frozenset)

    def kind_of(self, words: str) -> Wording | None:
        """What *words* were added as, by themselves."""
        if words in self.out:
            return Wording.OUT
        if words in self.opt_in:
            return Wording.IN
        return Wording.HELP if words in self.help else None

    def __bool__(self) -> bool:
        return bool(self.out or self.opt_in or self.help)


NOTHING_ADDED: Final = AddedWords()


def added_word(text: str, kind: Wording) -> str:
    """
    *text*, which an admin adds as a word of *kind*, as it will be compared.

    Raises `WordRefused` for what is no word or too long, for what people say to anything, and for what means something
    else already: no account can make "STOP" mean less than it does.
    """
    words = [
        word for word in spelt(spoken_words(plain_letters(text[: _LONGEST_ADDED + 1]))) if word not in {".", ",", "?"}
    ]
    joined = " ".join(words)
    shown = text[:_LONGEST_ADDED].strip()
    if not words:
        raise WordRefused("There is no word in that. Type a word or a short sentence, such as: no mas.")
    if len(text) > _LONGEST_ADDED or len(words) > _MOST_WORDS:
        raise WordRefused(
            f"'{shown}' is too long: a word or sentence that decides has {_MOST_WORDS} words and {_LONGEST_ADDED} "
            "characters at most. Type the shortest form of it; longer replies are shown to a person."
        )
    if joined in _SAID_TO_ANYTHING:
        raise WordRefused(
            f"'{shown}' is said to anything, so it cannot decide by itself. Type a word that can mean only this."
        )
    kinds = kinds_in(f" {joined} ")
    if kinds is not None and kinds != {kind}:
        raise WordRefused(f"'{shown}' has a meaning already ({_MEANINGS[min(kinds)]}), which cannot be changed.")
    return joined


def added_words(texts: Iterable[str], kind: Wording) -> tuple[str, ...]:
    """Each of *texts* as `added_word` gives it, once and in order. Raises `WordRefused` as that does, and for more than `MOST_ADDED`."""
    given = [text for text in texts if text.strip()]
    if len(given) > MOST_ADDED:
        raise WordRefused(
            f"These are {len(given):,} words. Add {MOST_ADDED} at most: other replies are shown to a person."
        )
    return tuple(dict.fromkeys(added_word(text, kind) for text in given))


_MEANINGS: Final = {
    Wording.OUT: "it opts out",
    Wording.IN: "it opts in",
    Wording.HELP: "it asks for help",
    Wording.COURTESY: "it is a courtesy",
}


def kinds_in(clause: str, added: AddedWords = NOTHING_ADDED) -> frozenset[Wording] | None:
    """
    The kinds of the wordings that *clause* is made of; None where it has anything else in it.

    *clause*: words with a blank before each, and one behind the last.
    """
    kinds: set[Wording] = set()
    at = 0
    while at < len(clause) - 1:
        if added and (own := _added_at(clause, at, added)) is not None:
            kind, end = own
        elif (wording := _WORDING.match(clause, at)) is not None:
            kind, end = Wording(str(wording.lastgroup)), wording.end()
        else:
            return None
        kinds.add(kind)
        at = end
    return frozenset(kinds)


def _added_at(clause: str, at: int, added: AddedWords) -> tuple[Wording, int] | None:
    """The longest word of the account's own that stands at *at*, and where it ends."""
    ends = [at]
    while len(ends) <= _MOST_WORDS and (end := clause.find(" ", ends[-1] + 1)) >= 0:
        ends.append(end)
    for end in reversed(ends[1:]):
        kind = added.kind_of(clause[at + 1 : end])
        if kind is not None:
            return kind, end
    return None
