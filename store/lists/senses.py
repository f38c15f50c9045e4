"""
Senses of values: what the words in a list's column say of a row's consent, channel, kind of phone or direction.

Pure. In English, Spanish, French and German, and by the commonest words of some other languages; a word that is not known
says nothing, and is never taken for consent.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Final

LONGEST: Final = 100  # characters of a name or cell that are looked at


class ColumnKind(StrEnum):
    """What the values of a column say of its rows."""

    STATUS = "status"
    CHANNEL = "channel"
    TYPE = "type"
    DIRECTION = "direction"
    BODY = "body"
    LIST = "list"


class Sense(StrEnum):
    """What one value says: texts are unwanted, or wanted; yes or no to who knows what; nothing; anything else."""

    OUT = "out"
    IN = "in"
    YES = "yes"
    NO = "no"
    BLANK = "blank"
    OTHER = "other"


def bare(text: str) -> str:
    """*text* as small words without accents and punctuation: "Opted-Out" is "opted out", "Désabonné" "desabonne"."""
    apart = unicodedata.normalize("NFKD", text[:LONGEST].casefold())
    plain = "".join(sign for sign in apart if not unicodedata.combining(sign))
    return " ".join(re.sub(r"[\W_]+", " ", unicodedata.normalize("NFC", plain)).split())


_YES: Final = frozenset(
    {
        "yes",
        "y",
        "true",
        "t",
        "1",
        "x",
        "on",
        "checked",
        "si",
        "s",
        "oui",
        "ja",
        "j",
        "wahr",
        "vrai",
        "verdadero",
        "sim",
        "cierto",
        "vero",
        "tak",
        "да",
        "是",
        "예",
    }
)
_NO: Final = frozenset(
    {
        "no",
        "n",
        "false",
        "f",
        "0",
        "off",
        "unchecked",
        "non",
        "nein",
        "falsch",
        "faux",
        "falso",
        "nao",
        "nee",
        "nie",
        "нет",
        "否",
        "아니요",
    }
)
NOTHING: Final = frozenset({"", "n a", "na", "null", "none", "nan"})
_NOT_ALLOWED: Final = r"(?:not|no|nao|non|nicht) (?:allowed|permitted|permitid[oa]|autorizad[oa]|autorisee?|consentit[oa]|erlaubt|gestattet)"
_TEXTS_OK: Final = r"(?:texts?|texting|sms) (?:is |are )?(?:ok|okay|fine|allowed)"
_OUT: Final = re.compile(
    r"(?:still |already |currently |now )?(?:opt(?:ed|ing|s)? ?outs?|optedout|unsub\w*|stop\w*|quit|cancel(?:l?ed)?|revoked?|withdrawn|suppress\w*|"
    r"block(?:ed|listed)?|black ?listed|remov(?:ed?|al)\b|delet(?:ed?|ion)\b|take off|(?:do not|dont|no) (?:text|contact|message|sms|send|disturb|call)\w*|dn[tcd]|"
    r"no (?:mas|more) (?:sms|texts|mensajes)|(?:not|no longer) subscribed|no consent|"
    r"(?:asked|wants|requested) (?:us )?(?:to stop|to be removed|no (?:more )?(?:texts|messages))|"
    r"(?:does not|doesn t|no longer) wants? (?:any |more )*(?:texts|messages|sms)|"
    rf"{_NOT_ALLOWED}|"
    # Spanish and Portuguese
    r"(?:dad[oa] de )?baja|desuscri\w*|cancelad[oa]|no suscrit[oa]|no (?:contactar|enviar|molestar|quiere)\w*|exclui?d[oa]|"
    r"descadastrad[oa]|desinscrit[oa]|bloquead[oa]|removid[oa]|nao (?:enviar|contatar|perturbar|quer)\w*|"
    # Italian
    r"disiscritt[oa]|cancellat[oa]|revocat[oa]|bloccat[oa]|non (?:iscritt[oa]|contattare|inviare|vuole)|"
    # French
    r"desabonnee?s?|desinscrite?s?|non (?:abonne|inscrit)e?|ne (?:pas|plus) (?:contacter|envoyer)|arret\w*|"
    # German
    r"abgemeldet|abbestellt|ausgetragen|widerrufen|gesperrt|keine (?:sms|nachrichten)|nicht (?:kontaktieren|anschreiben|abonniert)|"
    # Dutch and Polish
    r"afgemeld|uitgeschreven|geblokkeerd|geen (?:sms|berichten)|niet (?:contacteren|benaderen)|"
    r"wypisan[yae]|zrezygnowa\w*|rezygnacja|zablokowan[yae]|"
    # Russian, Chinese, Korean and Vietnamese; and what Twilio says of a text that it did not send
    r"отписан\w*|отписал\w*|已?退订|已?退訂|수신 ?거부|huy đang ky|attempt to send to unsubscribed recipient|21610)\b"
)
_IN: Final = re.compile(
    r"(?:still |already |currently )?(?:opt(?:ed)? (?:back )?ins?|opt(?:ed)?ins?|(?:re)?subscribe[dr]?|active|ok|okay|allowed|enabled|consented|granted|start|unstop|"
    r"(?:not|never) (?:opted ?out|unsubscribed|blocked|stopped)|(?:do not|dont) (?:opt out|remove|delete|unsubscribe|block)|"
    rf"{_TEXTS_OK}|"
    r"(?:ok|can|may) (?:to )?text|textable|keep(?: (?:texting|on|in)\b.*)?|wants? (?:to get |to receive |our |the )*(?:texts|messages|sms)|"
    r"(?:re)?suscrit[oa]|activ[oa]|dad[oa] de alta|alta|permitid[oa]|abonnee?s?|inscrite?s?|actif|autorisee?|"
    r"angemeldet|abonniert|aktiv|erlaubt|eingewilligt|"
    r"ativ[oa]|cadastrad[oa]|inscrit[oa]|autorizad[oa]|iscritt[oa]|attiv[oa]|autorizzat[oa]|"
    r"aangemeld|ingeschreven|actief|toegestaan|aktywn[yae]|zapisan[yae]|"
    r"подписан\w*|已?订阅|已?訂閱|수신 ?동의|đa đang ky)\b"
)
# Of these alone a column without a name of its own is known: "active" and "ok" are said of many things.
STATUS_ALONE: Final = re.compile(
    r"(?:still |already |currently )?(?:opt(?:ed)? ?outs?|optedout|opt(?:ed)? (?:back )?ins?|opt(?:ed)?ins?|unsubscribed|(?:re)?subscribed|"
    rf"{_NOT_ALLOWED}|{_TEXTS_OK}|no (?:texts?|sms)|"
    r"(?:do not|dont) (?:text|contact|opt out|remove|unsubscribe)|not opted ?out|keep texting|wants? (?:our |the )?(?:texts|messages|sms)|"
    r"desuscrit[oa]|suscrit[oa]|dad[oa] de baja|desabonnee?|abonnee?|desinscrite?|abgemeldet|angemeldet|abonniert|abbestellt|"
    r"descadastrad[oa]|cadastrad[oa]|disiscritt[oa]|iscritt[oa]|uitgeschreven|ingeschreven|afgemeld|aangemeld|wypisan[yae]|zapisan[yae]|"
    r"отписан\w*|подписан\w*|已?退订|已?退訂|已?订阅|已?訂閱|수신 ?거부|수신 ?동의|huy đang ky)"
)
# Said of somebody among others who are to be opted out, in whatever column: one such note is enough.
KEPT: Final = re.compile(
    r"(?:please )?(?:do not|dont|don t|never) (?:opt ?(?:\w+ )?out|remove|unsubscribe|delete|block|suppress)\b"
)
# What stands of those of whom it is not known yet; beside it somebody who asked is told apart.
PENDING: Final = re.compile(
    r"pending|unconfirmed|not confirmed|unknown|no (?:answer|response|reply)|not asked|neutral|undecided|imported|new|none|"
    r"pendiente|desconocid[oa]|sin respuesta|en attente|inconnue?|sans reponse|offen|ausstehend|unbekannt|keine antwort"
)
# Said of a request, or of consent, that there is none.
_NOT_SO: Final = re.compile(r"(?:not|never)(?: yet| requested| asked| received| given| needed| applicable)?")
_REFUSED: Final = re.compile(
    r"(?:denied|declined|refused|rejected|withdrew|rechazad\w*|negad\w*|refuse|abgelehnt|verweigert|rifiutat\w*)\b"
)
_DATE: Final = re.compile(
    r"\d{4}-\d\d?-\d\d?|\d\d?[./-]\d\d?[./-]\d{2,4}|\d{4}/\d\d?/\d\d?|\d{10}(?:\d{3})?$|\d{5}\.\d+$"
)
# What programs write for a day that never came.
_NO_DATE: Final = re.compile(
    r"0000-00-00|0001-01-01|19(?:00-01-0[01]|70-01-01)|0?[01]/0?[01]/(?:0000|0001|1900)|0?1/1/1970"
)
STOP_WORD: Final = re.compile(
    r"(?:please )?(?:stop(?: ?all| texting| texting me| please)?|quit|end|cancel|unsubscribe(?: me)?|opt ?out|revoke|remove(?: me)?|"
    r"arret|baja|alto|stopp|no more texts)(?: please)?"
)
# The same in a sentence.
_STOP_SENTENCE: Final = re.compile(
    r"(?:(?:please|pls|just|hey|hi|no) )*(?:stop (?:it|this|now|please|pls|texting|messaging|sending|contacting|bothering|sms)|stop$|"
    r"remove (?:me|my|this)|take (?:me|my|this) (?:number )?off|(?:do not|dont|don t) (?:text|contact|message|send)|"
    r"unsubscribe|no more (?:texts|messages)|leave me alone|lose my number|quitar|quiteme|no me (?:envien|manden|escriban|escribas))\b"
)
_START_WORD: Final = re.compile(r"(?:start|join|unstop|yes|subscribe|opt ?in)")
_BY_TEXT: Final = re.compile(
    r"sms|texts?|text messag\w+|mms|texting|p2p|all|any|both|everything|todos?|tous|alle|beides?|mensajes? de texto|mensajes|nachrichten"
)
_BY_OTHER: Final = re.compile(
    r"e ?mails?|mails?|post|letter|calls?|calling|phone(?: calls?)?|voice|dialer|canvass\w*|doors?|push|newsletters?|"
    r"whats ?app|messenger|telegram|signal|viber|facebook|robo ?calls?|"
    r"correo(?: electronico)?|llamadas?|courriels?|appels?|anrufe?|telefon|telefono|briefe?"
)
_MOBILE: Final = re.compile(
    r"mobiles?|cells?|cell ?phone|wireless|smart ?phone|movil|celular|cellulare|portable|handy|mobil(?:e|funk|telefon)?|mobiel|telemovel|gsm"
)
_LANDLINE: Final = re.compile(
    r"land ?lines?|wire ?line|(?:telefone )?fixo|fisso|residencial|vast|fixed(?: ?line)?|home(?: ?fax)?|work(?: ?fax)?|office|business|main|fax|pots|fijo|casa|trabajo|fixe|"
    r"domicile|bureau|travail|festnetz|privat|geschaftlich"
)
_INBOUND: Final = re.compile(r"in|inbound\w*|incoming|received|mo|entrante|recibido|entrant|recue?|eingehend|empfangen")
_OUTBOUND: Final = re.compile(
    r"out|outbound\w*(?: \w+)?|outgoing|sent|mt|saliente|enviado|sortant|envoyee?|ausgehend|gesendet"
)


_NO_SIGNS: Final = "☐□⬜❌✗✘✖🚫"
# Between tags, of which a cell may have several.
_BETWEEN_TAGS: Final = re.compile(r"[;,|]")


def sense_of_status(polarity: Sense | None, cell: str) -> Sense:
    words = bare(cell)
    if not words:
        # A mark like ✓ is no word and yet says yes; a dash is what people write for nothing.
        signs = re.search(r"[^\s\-–—.,_/*\[\](){}]", cell[:LONGEST])
        sense = Sense.BLANK if signs is None else Sense.NO if signs[0] in _NO_SIGNS else Sense.YES
    elif words in _YES or words in {"1 0", "✓"}:
        sense = Sense.YES
    elif words in _NO or words == "0 0":
        sense = Sense.NO
    elif polarity is not None and words in {"i", "o"}:  # in or out
        return Sense.IN if words == "i" else Sense.OUT
    elif words in NOTHING:
        sense = Sense.BLANK
    elif polarity is not None and _NOT_SO.fullmatch(words):
        sense = Sense.NO
    elif polarity is Sense.IN and _REFUSED.match(words):
        return Sense.OUT
    elif len(parts := [part for part in _BETWEEN_TAGS.split(cell[:LONGEST]) if part.strip()]) > 1:
        return _sense_of_tags(polarity, parts, words)
    else:
        return _sense_of_words(polarity, words, cell)
    if polarity is Sense.OUT:
        return {Sense.YES: Sense.OUT, Sense.NO: Sense.IN}.get(sense, sense)
    if polarity is Sense.IN:
        return {Sense.YES: Sense.IN, Sense.NO: Sense.OUT}.get(sense, sense)
    return sense


def _sense_of_tags(polarity: Sense | None, parts: Sequence[str], words: str) -> Sense:
    """What several tags in one cell say: who asked to be out in one of them is out, whatever else is said of them."""
    whole = _sense_of_words(polarity, words, "")
    if whole is not Sense.OTHER:
        return whole
    senses = {_sense_of_words(polarity, bare(part), part) for part in parts}
    return next((sense for sense in (Sense.OUT, Sense.IN) if sense in senses), Sense.OTHER)


def _sense_of_words(polarity: Sense | None, words: str, cell: str) -> Sense:
    """What *words* say that are neither yes nor no; *cell* has them with their signs."""
    if _IN.fullmatch(words) or KEPT.match(words):
        return Sense.IN
    if _OUT.match(words):
        return Sense.OUT
    if _IN.match(words):
        return Sense.IN
    if polarity is not None and _NO_DATE.match(cell[:LONGEST].strip()):
        return Sense.IN if polarity is Sense.OUT else Sense.OUT
    if polarity is not None and _DATE.match(cell[:LONGEST].strip()):
        return polarity
    return Sense.OTHER


def _sense_of(wanted: re.Pattern[str], unwanted: re.Pattern[str], cell: str) -> Sense:
    words = bare(cell)
    if not words:
        return Sense.BLANK
    if wanted.fullmatch(words):
        return Sense.OUT
    return Sense.IN if unwanted.fullmatch(words) else Sense.OTHER


def _sense_of_words_sent(cell: str) -> Sense:
    """What somebody wrote: texts are unwanted, or wanted, or it is about something else."""
    return Sense.OUT if _STOP_SENTENCE.match(bare(cell)) else _sense_of(STOP_WORD, _START_WORD, cell)


# Between channels, of which a cell may have several.
_BETWEEN_CHANNELS: Final = re.compile(r"[;,|/&+]|\b(?:and|y|e|et|und|en)\b")


def sense_of_channels(cell: str) -> Sense:
    """What the channels of *cell* say; one of several that is texting counts."""
    parts = [part for part in _BETWEEN_CHANNELS.split(cell[:LONGEST].casefold()) if part.strip()]
    senses = [_sense_of(_BY_TEXT, _BY_OTHER, part) for part in parts]
    if Sense.OUT in senses:
        return Sense.OUT
    return _sense_of(_BY_TEXT, _BY_OTHER, cell) if len(set(senses)) != 1 else senses[0]


SENSES: Final[dict[ColumnKind, Callable[[str], Sense]]] = {
    ColumnKind.CHANNEL: sense_of_channels,
    ColumnKind.TYPE: partial(_sense_of, _MOBILE, _LANDLINE),
    ColumnKind.DIRECTION: partial(_sense_of, _INBOUND, _OUTBOUND),
    ColumnKind.BODY: _sense_of_words_sent,
    ColumnKind.LIST: lambda cell: Sense.OTHER if cell.strip() else Sense.BLANK,
}
