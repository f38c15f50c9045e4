"""
Columns that change what a list means: which of its rows ask for an opt-out, where each is from, and which cells are phones.

Pure. A column is known by its name and its values together: a name alone decides nothing, and neither do values that
any column may have. What its values mean is told by their words (`senses`); where that leaves more than one reading, people
are asked (`questions`).
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from store.lists.columns import HUMP, MOST_COLUMNS, filled_cells, is_phone_name, likely_phones
from store.lists.senses import (
    KEPT,
    LONGEST,
    NOTHING,
    SENSES,
    STATUS_ALONE,
    STOP_WORD,
    ColumnKind,
    Sense,
    bare,
    sense_of_channels,
    sense_of_status,
)
from store.phones.countries import exact_country

_MOST_ALONE: Final = 30  # values by which alone a column is known; one of more has words of many kinds
_OWN_ROWS: Final = 3  # fewer have one number in each by chance, like a couple's


def words_of(name: str) -> str:
    """A column's name as small words, of its first characters: "OptedOut" is "opted out"."""
    return bare(HUMP.sub(" ", name[:LONGEST]))


# --- names ----------------------------------------------------------------------------------------------------------

_OUT_NAME: Final = re.compile(
    r"\b(?:opt(?:ed|ing|s)? ?outs?|optedout|unsub\w*|(?:do not|dont|no) (?:text|contact|sms|message|call|mail|disturb)s?|dn[tcd]|"
    r"stop(?:ped|s)?|refus|suppress\w*|block(?:ed|list\w*)?|black ?list\w*|revoked|remove[ds]?|deleted?|excluded?|refused|"
    r"(?:de )?baja|desuscri\w*|no (?:contactar|enviar|molestar|quiere|desea)|descadastr\w*|nao (?:enviar|contatar|quer|perturbe)|"
    r"disiscri\w*|cancellat[oa]|non (?:contattare|inviare|vuole)|afgemeld|afmeld\w*|uitgeschreven|geen sms|wypisan\w*|rezygnacja|"
    r"ne (?:veut|souhaite)|"
    r"desabonn\w*|desinscri\w*|ne pas (?:contacter|envoyer)|"
    r"abgemeldet|abmeld\w*|abbestell\w*|widerruf\w*|gesperrt|keine sms|nicht kontaktieren)\b"
)
_IN_NAME: Final = re.compile(
    r"\b(?:opt(?:ed)? ?in|optedin|subscribed|subscriber|consent\w*|permission|(?:can|may|ok to|allow\w*) (?:be )?(?:text|texts|texted|sms|contact)|"
    r"(?:sms|text|texts) (?:ok|allowed|enabled|permission)|textable|active|"
    r"(?:wants?|receives?|accepts?|gets?|likes) (?:texts?|sms|messages?|marketing|sms marketing)|keep|(?:sms|text) marketing|"
    r"(?:quiere|desea|recibe|veut|souhaite|recoit|mochte|will|vuole|riceve|quer|deseja|recebe|wil|ontvangt)"
    r" (?:recibir |recevoir |ricevere |receber |des )?(?:sms|textos?|mensajes|messages|nachrichten|messaggi|mensagens|berichten)|"
    r"consens\w*|iscritt[oa]|attiv[oa]|cadastrad[oa]|ativ[oa]|toestemming|aangemeld|ingeschreven|zgoda|accepte|acepta|autoriza\w*|erlaubt|darf|puede recibir|peut recevoir|"
    r"suscrit[oa]|suscripto|consent\w*|activ[oa]|abonne|inscrit|actif|angemeldet|einwillig\w*|zustimm\w*|aktiv)\b"
)
_BACK_NAME: Final = re.compile(
    r"\b(?:re ?subscribed?|re ?opted in|opted back in|back in|unstop\w*|resuscrit[oa]|reinscrite?|reabonnee?|wieder angemeldet)\b"
)
_ANY_NAME: Final = re.compile(
    r"(?:\w+ )*(?:status|statut|estado|estatus|stato|situacao|situazione|disposition|dispo|outcome|results?|action|tags?|labels|groups?|category|errors?|"
    r"статус|状态|狀態|상태|subscription|subscriptions|suscripcion|abonnement|contactable|reachable)(?: \w+)?|"
    r"(?:text|texts|sms|texting)(?: messages)?"
)
# What stands beside the answer rather than being one.
_ABOUT_NAME: Final = re.compile(
    r"\b(?:reason|notes?|comments?|type|method|source|by|keyword|message|count|campaign|id|grund|motivo|raison|motif)\b"
)
# How somebody asked, rather than for what.
_HOW_NAME: Final = re.compile(r"\b(?:sources?|via|by|through|how|method|where|origin|type)\b")
_WHEN_NAME: Final = re.compile(r"\b(?:at|on|date|time|timestamp|when|fecha|datum|quand)\b")
_KIND_NAMES: Final = (
    (ColumnKind.CHANNEL, re.compile(r"\b(?:channels?|medium|media|canal|kanal|via|method|communication)\b")),
    (ColumnKind.TYPE, re.compile(r"\b(?:type|line type|tipo|typ|kind|label)\b")),
    (ColumnKind.DIRECTION, re.compile(r"\b(?:direction|direccion|richtung|sens)\b")),
    (
        ColumnKind.LIST,
        re.compile(r"(?:mailing |subscription |contact )?(?:lists?|lista|liste|segment|audience)(?: name)?"),
    ),
)
# What somebody wrote, in a list that is no log: it tells those who asked from others where one of them wrote just a word to stop.
_REPLY_NAME: Final = re.compile(
    r"(?:(?:last|latest|their|voter|contact|incoming|inbound|received|sms|text|message) )*"
    r"(?:response|reply|replies|answer|message|msg|body|content|texts?|sms|keyword|respuesta|mensaje|reponse|antwort|nachricht|risposta|resposta)(?: (?:text|body|received))?"
)
_ANSWER_NAME: Final = re.compile(r"\b(?:response|reply|replies|answer|respuesta|reponse|antwort|risposta|resposta)\b")
_BODY_NAME: Final = re.compile(
    r"(?:message |sms |text )?(?:body|message|text|content|mensaje|nachricht)(?: body| text)?"
)
_SENDER: Final = re.compile(
    r"(?:from|sender|source|originator|de|von|remitente|expediteur|absender)(?: (?:phone|number|msisdn))*"
)
_RECEIVER: Final = re.compile(
    r"(?:to|recipient|receiver|destination|dest|para|an|destinatario|destinataire|empfanger)(?: (?:phone|number|msisdn))*"
)

# A country by its name or a code. The second: so called for other things too, so most of its values have to be countries.
_COUNTRY_NAME: Final = re.compile(
    r"\b(?:country|countries|ctry|nation|pais|pays|paese|(?:calling|dial|dialing|dialling) code|indicatif|indicativo|"
    r"lander(?:code|vorwahl|kurzel|kennung)|landesvorwahl)\b"
)
_MAYBE_COUNTRY_NAME: Final = re.compile(
    r"(?:phone )?(?:cc|iso ?[23]?|land|prefix|prefijo|vorwahl|code|prefixe|phone code)"
)
_CALLING_NAME: Final = re.compile(
    r"\b(?:calling|dial\w*|phone|code|indicatif|indicativo|vorwahl|landesvorwahl|prefi\w*|cc)\b"
)
# What stands before a number, in a column of its own, and is a part of it.
_AREA_NAME: Final = re.compile(
    r"(?:(?:phone|tel|telephone|mobile|cell|local) )?(?:area|npa|std|city code|vorwahl|ortsvorwahl|onkz|prefix|prefijo|lada|ddd|"
    r"indicatif|indicativo|prefisso|prefixe|prefixo|kengetal|netnummer|codigo de area)(?: (?:code|no|nr|number))?"
)
_AREA_CELL: Final = re.compile(r"[\s'\"=(]*0?(\d{2,5})(?:\.0+)?[\s\"')/-]*")
_REST_DIGITS: Final = range(4, 9)  # of a number without its area code, in a country where short ones are numbers too
# A flag is two letters of its own.
_FLAG_A: Final = 0x1F1E6
_FLAG: Final = re.compile("[\U0001f1e6-\U0001f1ff]{2}")
_CALLING_CELL: Final = re.compile(r"\s*\+\d{1,3}\s*")


@dataclass(frozen=True, slots=True)
class Marker:
    """
    A column whose values may say which rows are meant: its place, name and kind.

    *polarity*: what a yes in it says, None where the name does not tell. *by_name*: it is called so; else only its values look it.
    """

    index: int
    name: str
    kind: ColumnKind
    polarity: Sense | None = None
    by_name: bool = True

    def sense(self, cell: str) -> Sense:
        """What *cell* of it says."""
        return sense_of_status(self.polarity, cell) if self.kind is ColumnKind.STATUS else SENSES[self.kind](cell)


@dataclass(frozen=True, slots=True)
class Meanings:
    """
    What the names and first rows of a list say of its columns.

    *markers* may say which rows are meant, *countries* where each row is from, the likeliest first. *phones*: columns that
    look like phone numbers, or are called so and have nothing in the first rows, in their order. *own*: those of them with
    one number in every row, which is the sender's.
    """

    markers: tuple[Marker, ...] = ()
    countries: tuple[int, ...] = ()
    phones: tuple[int, ...] = ()
    own: frozenset[int] = frozenset()
    is_log: bool = False


def meanings_of(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Meanings:
    """What *columns*, whose names differ, and the first *rows* below them mean; of the first 500 columns."""
    filled = filled_cells(columns, rows)
    names = [words_of(name) for name, _ in filled]
    likely = set(likely_phones(columns, rows))
    phones = tuple(
        place
        for place, (name, cells) in enumerate(filled)
        if name in likely or (not cells and name and is_phone_name(name))
    )
    own = _own_numbers(phones, [cells for _, cells in filled])
    is_log = any(map(_SENDER.fullmatch, names)) and any(map(_RECEIVER.fullmatch, names))
    markers: list[Marker] = []
    countries: list[int] = []
    for place, ((name, cells), words) in enumerate(zip(filled, names, strict=True)):
        if place in phones:
            continue
        if _is_country(words, cells):
            countries.append(place)
        elif (marker := _marker(place, name, words, cells, is_log=is_log)) is not None:
            markers.append(marker)
    countries.sort(key=lambda place: _CALLING_NAME.search(names[place]) is None)
    return Meanings(tuple(markers), tuple(countries), phones, own, is_log)


def area_beside(columns: Sequence[str], rows: Sequence[Sequence[str]], place: int) -> int | None:
    """
    The place of the column with the area codes of the numbers at *place*, which are no whole numbers without; None where there is none.

    It is called so, most of the numbers beside it are short and do not begin with it, and what is in it is no country's code where
    those may be called so as well.
    """
    for area, name in enumerate(columns[:MOST_COLUMNS]):
        words = words_of(name)
        if area == place or not _AREA_NAME.fullmatch(words):
            continue
        pairs = [
            (code[1], row[place])
            for row in rows
            if max(area, place) < len(row)
            and (code := _AREA_CELL.fullmatch(row[area][:LONGEST]))
            and row[place].strip()
        ]
        rests = [code for code, cell in pairs if _is_rest(code, cell)]
        ambiguous = _MAYBE_COUNTRY_NAME.fullmatch(words) or _COUNTRY_NAME.search(words)
        if len(rests) * 2 > len(pairs) and not (ambiguous and all(map(region_of, rests))):
            return area
    return None


def _is_rest(code: str, cell: str) -> bool:
    """Is *cell* a number without the area *code* that belongs to it?"""
    digits = "".join(filter(str.isdigit, cell[:LONGEST].partition(".0")[0]))
    return "+" not in cell and len(digits) in _REST_DIGITS and not digits.lstrip("0").startswith(code)


def _own_numbers(phones: Sequence[int], cells: Sequence[Sequence[str]]) -> frozenset[int]:
    """Those of *phones* with one number in every row, beside another column with several."""
    distinct = {place: len(set(map(str.strip, cells[place]))) for place in phones}
    if max(distinct.values(), default=0) > 1:
        return frozenset(place for place in phones if distinct[place] == 1 and len(cells[place]) >= _OWN_ROWS)
    return frozenset()


def _is_country(words: str, cells: Sequence[str]) -> bool:
    """Is the column called *words* each row's country?"""
    # NA is Namibia.
    cells = [cell for cell in cells if not is_nothing(cell) or region_of(cell) is not None]
    known = sum(region_of(cell) is not None for cell in cells)
    if _COUNTRY_NAME.search(words):
        # Blank so far, it may be filled further down.
        return known > 0 or not cells
    if not cells:
        return False
    if _MAYBE_COUNTRY_NAME.fullmatch(words):
        return known * 2 > len(cells) or _are_mostly_countries(cells)
    several = len(set(map(str.strip, cells))) > 1
    return (
        several
        and all(_CALLING_CELL.fullmatch(cell[:LONGEST]) or len(cell.strip()) > 3 for cell in cells)
        and known == len(cells)
    )


def _are_mostly_countries(cells: Sequence[str]) -> bool:
    """Are most of the values of *cells* countries, however often each stands there?"""
    values = set(map(str.strip, cells))
    return sum(region_of(cell) is not None for cell in values) * 2 > len(values)


def _marker(place: int, name: str, words: str, cells: Sequence[str], *, is_log: bool) -> Marker | None:
    if is_log and _BODY_NAME.fullmatch(words):
        return Marker(place, name, ColumnKind.BODY)
    if (_REPLY_NAME.fullmatch(words) or _ANSWER_NAME.search(words)) and any(map(STOP_WORD.fullmatch, map(bare, cells))):
        return Marker(place, name, ColumnKind.BODY)
    if (
        _OUT_NAME.search(words)
        and not _HOW_NAME.search(words)
        and set(map(sense_of_channels, cells)) >= {Sense.OUT, Sense.IN}
    ):
        # What somebody opted out of.
        return Marker(place, name, ColumnKind.CHANNEL)
    if not _ABOUT_NAME.search(words):
        if _OUT_NAME.search(words):
            return Marker(place, name, ColumnKind.STATUS, Sense.OUT)
        # The day of a consent says nothing of what came later, that of a return does.
        if _BACK_NAME.search(words) or (_IN_NAME.search(words) and not _WHEN_NAME.search(words)):
            return Marker(place, name, ColumnKind.STATUS, Sense.IN)
        if _ANY_NAME.fullmatch(words):
            return Marker(place, name, ColumnKind.STATUS)
    values = {bare(cell): cell for cell in cells}
    if any(map(KEPT.match, values)):
        return Marker(place, name, ColumnKind.STATUS, by_name=False)
    looks_status = len(values) <= _MOST_ALONE and any(map(STATUS_ALONE.fullmatch, values))
    if looks_status and {*map(partial(sense_of_status, None), values.values())} >= {Sense.OUT, Sense.IN}:
        # Whatever it is called, like the type of an event.
        return Marker(place, name, ColumnKind.STATUS, by_name=False)
    by_values = _kind_by_values(values)
    for kind, pattern in _KIND_NAMES:
        if pattern.fullmatch(words) if kind is ColumnKind.LIST else pattern.search(words):
            # A "type" may be that of a subscription, by text or e-mail.
            return Marker(place, name, kind if by_values is None or kind is ColumnKind.LIST else by_values)
    if not values or len(values) > _MOST_ALONE:
        return None
    if looks_status:
        return Marker(place, name, ColumnKind.STATUS, by_name=False)
    return None if by_values is None else Marker(place, name, by_values, by_name=False)


def _kind_by_values(values: Mapping[str, str]) -> ColumnKind | None:
    """The kind of a column with these *values*, by their small words, where they tell two sides of it apart."""
    if len(values) > _MOST_ALONE:
        return None
    for kind in (ColumnKind.CHANNEL, ColumnKind.TYPE, ColumnKind.DIRECTION):
        senses = Counter(map(SENSES[kind], values.values()))
        if senses[Sense.OUT] and senses[Sense.IN] and senses[Sense.OTHER] < senses[Sense.OUT] + senses[Sense.IN]:
            return kind
    return None


def is_nothing(cell: str) -> bool:
    """Is *cell* blank, or what people and programs write for nothing, like a dash or N/A?"""
    return bare(cell) in NOTHING


def region_of(cell: str) -> str | None:
    """The region code of the country that *cell* names, by name, ISO code, calling code or flag; None for what names none."""
    text = cell[:LONGEST].strip().strip("'\"").strip()
    if flag := _FLAG.match(text):
        text = text[flag.end() :].strip() or "".join(chr(ord(sign) - _FLAG_A + ord("A")) for sign in flag[0])
    if code := re.search(r"\(\s*(\+?\d{1,3})\s*\)$", text):
        text = code[1]
    text = re.sub(r"^(?:\+|00\s?)?(\d{1,3})(?:\.0+)?$", r"+\1", text)
    return exact_country(text)
