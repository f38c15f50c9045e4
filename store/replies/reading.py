"""
Replies as they are compared: the sender's own words, small and without accents, quotes, signatures and what machines add.

A reply may be of any length and in any script. Its first `LONGEST` characters are read; what is longer is no single word,
so it is never decided by what stands at its beginning. Linear, and bounded by `LONGEST`.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum, auto
from itertools import groupby
from typing import Final

LONGEST: Final = 4_000  # characters of a reply that are read; the longest text message has 1,600

# Letters in black circles and squares, which Unicode does not take for letters.
_ENCLOSED: Final = {start + place: chr(ord("a") + place) for start in (0x1F150, 0x1F170) for place in range(26)}
_APOSTROPHES: Final = str.maketrans(dict.fromkeys("\u2019\u2018`\u00b4\u02bc\uff07", "'"))
# Emoji that make fun of the words beside them, or take them back.
_LAUGHING: Final = frozenset(
    "\U0001f602\U0001f923\U0001f606\U0001f605\U0001f604\U0001f601\U0001f600\U0001f639\U0001f61c\U0001f61d\U0001f61b\U0001f609"
    "\U0001f60d\U0001f618\U0001f970\U0001f61a\U0001f92a\U0001f643\U0001f60f\u2764\U0001f495\U0001f389\U0001f973"
)
# Emoji that refuse by themselves.
_REFUSING: Final = frozenset("\U0001f6d1\u26d4\U0001f6ab\U0001f645\u270b\U0001f595\u274c\U0001f92c")
_REACTED: Final = (
    r"(?:liked|loved|disliked|laughed at|emphasi[sz]ed|questioned|reacted[^\"\n]{0,40} to|removed an? [^\"\n]{0,40} from|"
    r"(?:no )?(?:le|te|me) (?:gusto|gusta|encanto|encanta)|se rio de|(?:enfatizo|destaco|pregunto por)|reacciono[^\"\n]{0,40} a|"
    r"(?:n'?)?a (?:pas )?(?:aime|adore)|a ri de|a mis en (?:evidence|avant)|a reagi[^\"\n]{0,40} a|a (?:mis en doute|souligne))"
)
# A reaction of a telephone's to one of our texts, as it arrives where reactions do not: what it quotes is ours.
_REACTION: Final = re.compile(
    rf"\s*(?:{_REACTED}|[^\w\s\"]{{1,10}} ?(?:to|a|at|sur))\s*"
    r"(?:\"[^\"]*(?:\"|$)|(?:an?|the|une?|el|la) (?:image|photo|picture|attachment|message|video|imagen|foto|link)\b)"
)
_QUOTES: Final = str.maketrans(dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02", '"'))
# From here on it is somebody else's, or a machine's: the original of a mail, what is below a signature's mark.
_TAIL: Final = re.compile(
    r"(?m)^[ \t]*(?:--+ ?$|__+|(?:-+ ?)?(?:original message|mensaje original|message d'origine)\b|"
    r"(?:on|el|le) [^\n]{3,100} (?:wrote|escribio|a ecrit) ?:|(?:from|de) ?: [^\n]{3,100}$|this message was sent\b)"
    r"|\b(?:sent|enviado|envoye) (?:from|desde|de|depuis) (?:my|mi|mon) "
    r"(?:i ?phone|i ?pad|android|samsung|galaxy|mobile|verizon|t-mobile|at&t|phone|cell|telephone|portable|celular|telefono|movil|pixel|blackberry)\b"
    r"|\b(?:get|obtener|obtenez) outlook (?:for|para|pour)\b|\bsent (?:from|via) (?:yahoo|outlook|gmail|mail for)\b"
)
_QUOTED_LINE: Final = re.compile(r"(?m)^[ \t]*>[^\n]*")
# What a machine answers for somebody who is away; its heading makes all of it the machine's.
_AUTOMATIC: Final = re.compile(
    r"\s*[\[(]?(?:auto(?:matic|mated|matisch)?[ -]?(?:reply|response|answer|message)\b|autoreply\b|out of (?:the )?office\b|"
    r"respuesta automatica\b|reponse automatique\b|mensaje automatico\b|fuera de (?:la )?oficina\b|"
    r"(?:h(?:i|ello|ey)[!,. ]{1,3})?i(?:'m| am) (?:currently )?(?:driving with|away from my (?:phone|desk)|(?:currently )?out of (?:the )?office)\b|"
    r"(?:h(?:i|ello|ey)[!,. ]{1,3})?i(?:'m| am) currently driving\b|i(?:'m| am) driving (?:right now )?(?:and|-) |i(?:'m| am) on (?:vacation|leave|pto) (?:until|through|from)\b|"
    r"(?:(?:i'?m )?sorry,? )?i can'?t talk right now\b|can'?t talk now\. what'?s up\b|"
    r"thank(?:s| you) for (?:contacting|reaching out to|texting|messaging|your (?:message|text)[.,!] (?:we|our|i) )|"
    r"(?:estoy|ahora estoy) (?:conduciendo|manejando)\b|je (?:conduis|suis au volant)\b|je suis absente?\b|"
    r"no puedo hablar ahora\b|je ne peux pas parler\b|free ?msg\b|unable to (?:deliver|send) (?:the |your )?message\b)"
    r"|\s*[^\n]{0,200}\bdo not disturb while driving\b"
)
# The sender's instruction, as people give it back: it is ours and asks for nothing.
_INSTRUCTION: Final = re.compile(
    r"\b(?:reply|text|txt|send|responda|envie|repondez|respond|type)[ \t]{1,3}[\"']?stop[\"']?[ \t]{1,3}"
    r"(?:to|2|para|pour)[ \t]{1,3}(?:opt[ -]?out|end|quit|cancel|unsubscribe|stop|cancelar|parar|se desabonner|arreter)\b"
)
_QUOTED: Final = re.compile(r"\"([^\"\n]*)\"")
_WORDS_OF_A_NAME: Final = 3  # in quotes; what is longer quotes somebody
_PIECE: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|\d+|[.!;\n,:?()|/\u2026\u2014\u00bf\u061f\u3002\u3001\uff0c]| - ")
# "don't" is one word, "m'envoyez" two.
_ONE_WORD: Final = re.compile(r"'(?=(?:t|s|re|m|ll|ve|d)$)")
# "s.t.o.p." and "u.s.a.".
_DOTTED: Final = re.compile(r"(?<![^\W_])[^\W\d_](?:[.*-][^\W\d_](?![^\W_]))+")
# "opt-out", "opt.out", "opt - out".
_OPT_OUT: Final = re.compile(r"\bopt(?:[ \t]?[-._/][ \t]?| {1,3})(?=(?:out|in)(?![^\W_]))")
# "STOP!!1!"
_EXCLAIMED: Final = re.compile(r"(?<=!)1+(?![^\W_])")
_DRAWN_OUT: Final = 3
_NO_DOTS: Final = str.maketrans(dict.fromkeys(".*-"))
_LONGEST_WORD: Final = 30
_MARKS: Final[dict[str, str]] = {
    **dict.fromkeys(".!;\n\u2026\u3002", "."),
    **dict.fromkeys([*",:()|/\u2014\u3001\uff0c", " - "], ","),
    **dict.fromkeys("?\u00bf\u061f", "?"),
}


class Nature(Enum):
    """The nature of a reply: a person's own words, a telephone's reaction to one of ours, or a machine's answer."""

    WORDS = auto()
    REACTION = auto()
    AUTOMATIC = auto()


@dataclass(frozen=True, slots=True)
class ReplyWords:
    """
    The sender's own words in a reply.

    *words*: small, without accents, a blank before each and one behind the last, and ".", "," or "?" as words of their own
    between clauses and at both ends; "" where there are none. *whole*: they are all that was written, and none is meant in fun. *refuses*: an
    emoji that says no.
    """

    nature: Nature
    words: str
    whole: bool
    refuses: bool = False


def plain_letters(text: str) -> str:
    """*text* in small letters of one width, without accents and without what cannot be seen."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold().translate(_ENCLOSED))
    return "".join(
        sign for sign in apart if sign in "\n\t" or unicodedata.category(sign) not in {"Mn", "Me", "Cf", "Cc", "Cs"}
    )


def spoken_words(text: str) -> list[str]:
    """The words and marks of *text*, which is in plain letters."""
    found: list[str] = []
    for piece in _PIECE.findall(text):
        mark = _MARKS.get(piece)
        if mark is not None:
            if found and found[-1] not in {".", ",", "?"}:
                found.append(mark)
            elif found and mark == "?":
                found[-1] = mark
        else:
            for word in _ONE_WORD.sub("", piece[: _LONGEST_WORD + 1]).split("'"):
                found.append(_not_drawn_out(word)[:_LONGEST_WORD])  # noqa: PERF401  a word may be two
    return found


def _not_drawn_out(word: str) -> str:
    """*word* with one letter for three and more of it: "stoooop" is "stop"."""
    runs = ((letter, len(list(run))) for letter, run in groupby(word))
    return "".join(letter * (count if count < _DRAWN_OUT else 1) for letter, count in runs)


def read_reply(text: str) -> ReplyWords:
    """What the sender of *text* wrote in it; never raises, whatever it is."""
    text = text.strip()
    seen = text[:LONGEST]
    plain = plain_letters(seen.translate(_APOSTROPHES)).translate(_QUOTES)[:LONGEST]
    if _REACTION.match(plain):
        return ReplyWords(Nature.REACTION, "", whole=False)
    if _AUTOMATIC.match(plain):
        return ReplyWords(Nature.AUTOMATIC, "", whole=False)
    tail = _TAIL.search(plain)
    own = plain[: tail.start()] if tail else plain
    # Who wrote nothing else quotes nobody: "> stop <".
    own = _QUOTED_LINE.sub("", own).strip() or own
    own = _DOTTED.sub(lambda letters: letters[0].translate(_NO_DOTS), own)
    own = _EXCLAIMED.sub("", _OPT_OUT.sub("opt ", own))
    own = _INSTRUCTION.sub(" ; ", own) if _INSTRUCTION.sub("", own).strip(" .!\"'") else own
    own = _QUOTED.sub(_without_long_quotes, own)
    found = spoken_words(own)
    if found and found[-1] in {".", ","}:
        found.pop()
    closing = [] if found and found[-1] == "?" else ["."]
    return ReplyWords(
        Nature.WORDS,
        f" . {' '.join([*found, *closing])} " if found else "",
        whole=(tail is not None or len(text) <= LONGEST) and not _LAUGHING.intersection(seen),
        refuses=not _REFUSING.isdisjoint(seen),
    )


def _without_long_quotes(quote: re.Match[str]) -> str:
    """A quoted word is the sender's, as in: I sent "stop". A quoted sentence is somebody else's, and a mark stands for it."""
    alone = not quote.string[: quote.start()].strip() and not quote.string[quote.end() :].strip(" .!\n")
    return quote[1] if alone or len(quote[1].split()) <= _WORDS_OF_A_NAME else " \u2026 quoted \u2026 "
