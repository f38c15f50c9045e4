"""
Patterns over other people's text are linear: whatever stands in it, twice as much takes twice the work.

Each pattern of the desk is listed here with the worst that can be written to it. The work is counted, by a matcher that
takes the steps of `re` (`tests/backtracking.py`) and by the lines that Python runs; what is listed then goes through
the real thing at 40,000 characters, in a process whose time of the processor is limited to more than ten times what
that takes: only what is not linear can come near.
"""

import ast
import functools
import importlib
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.logs import redact
from handlers.command import Arguments, parse_arguments
from handlers.entered import read_entered
from handlers.exports import parse_export_filter
from handlers.grammar import Verb, understand, wish_of
from handlers.history import HistoryQuery
from handlers.mentions import intent_of
from handlers.purposes import purpose_of
from handlers.slack.mrkdwn import code, plain, quoted, sentence
from handlers.slack.visible_text import visible_text
from store import find_country, parse_phone, read_text
from store.replies.judge import judge
from tests.backtracking import steps_of, tree_of, words_of

pytestmark = pytest.mark.wide

ROOT: Final = Path(__file__).parent.parent
LONGEST: Final = 40_000
# Seconds of the processor for all that is listed; it takes one or two.
PATIENCE: Final = 30

# The head, what is repeated (if more than one, each for its share of the length), the tail.
Shape = tuple[str, ...]

# Patterns that see no text of other people, by the beginning of their place, and why that is so.
OURS: Final = {
    "bot/config.py": "settings, which the operator writes",
    "bot/manifest.py": "an address that the operator types",
    "bot/sandbox/": "the embedded Slack, which is a toy for one person",
    "handlers/__init__.py": "names of Slack's events",
    "handlers/platform/api.py schema": "patterns of the document, tried by themselves where they are written",
    "store/hooks.py": "secrets of a provider's, which the operator hands over",
    "store/database.py": "the address of the database, which the operator writes",
    "store/amounts.py": "amounts that admins type, 40 characters at most",
    "store/lists/meanings.py": "names of columns, 100 characters at most",
    "store/lists/questions.py": "names of columns, 100 characters at most",
    "store/lists/senses.py": "values of columns, 100 characters at most",
    "store/moving.py": "an id that the operator types",
    "store/dialects.py words": "errors of the database and of its driver, which name hosts and roles",
    "store/replies/signs.py": "phrases in the notation of store/replies/notation.py, over 4,000 characters at most",
    "store/replies/wording.py": "the same; tests/store/replies/test_notation.py counts what the notation makes",
    "store/phones/assigned.py": "the library's patterns over digits, 15 at most",
    "store/phones/ranges.py": "the reasons that the desk itself words, with a phone's digits in them",
    "store/phones/habits.py": "all of a cell's digits or nothing, 120 at most",
    "store/phones/grouping.py": "the library's formats",
    "store/phones/dialling.py": "the library's rules, and its patterns over digits, 40 at most",
    "store/migrations/": "sentences that the desk stored itself",
}

# Every other pattern, by file and name (or by itself, where it has none), with the worst inputs that are known of it
# besides those that are made of its own words.
LISTED: Final[dict[str, tuple[Shape, ...]]] = {
    "handlers/command.py _UPLOAD": (("upload", " ", "!"), ("", " ", ": #x"), ("", "9", "!")),
    "handlers/entered.py _CURE": (("looks ", "a", "!"), ("", "looks a", "!")),
    "handlers/hooks/incoming.py _SENDER": (("", "a", ":"), ("whatsapp:+1", "2", "!"), ("", "a", "!")),
    "handlers/hooks/incoming.py _MESSAGE": (("SM", "1", " "),),
    "handlers/hooks/telnyx.py _SECONDS": (("", "1", "!"),),
    "handlers/platform/api.py _IDEMPOTENCY_KEY": (('"', "a", "!"), ("", "a", "\x7f"), ('"', " ", "")),
    "handlers/platform/api.py _REQUEST_ID": (("", "a", "!"),),
    "handlers/platform/api.py -?[0-9]{1,19}": (("-", "1", "!"),),
    "handlers/platform/api.py q=0(?:\\.0*)?": (("q=0.", "0", "1"),),
    "handlers/platform/phones.py _PHONE": (("+", "1", "!"),),
    "handlers/platform/phones.py _PHONES": (("", "+12125550100\n", "!"), ("", "+1212555\n", "+")),
    "store/changes.py _CURSOR": (("w", "1", "!"), ("w1.", "1", "!")),
    "bot/logs.py _SENSITIVE": (
        *(
            ("", piece, "")
            for piece in ("xoxb-", "://", "://a:", "token=", "token ", "Bearer ", "1 ", "1-", "0.1", "%20")
        ),
        ("token:", " ", ""),
        ("xoxb-", ".", "!"),
        ("0.", "1", " "),
        ("", "1", "2026-01-01", ""),
    ),
    "bot/logs.py _SECRET_KEY": (("", "api_", ""), ("", "passwor", "")),
    "bot/logs.py _AMOUNT": (("", "_", "total!"), ("", "_rows", "!")),
    "bot/transfer.py _SLACK_ID": (("T", "A", "a"),),
    "handlers/command.py _REASON": (
        ("", " reason", ""),
        ("", " reason ", ""),
        (" reason", " ", ""),
        ("reason:", " ", ""),
    ),
    "handlers/command.py _COUNTRY": (
        ("", " country", ""),
        (" country", " ", ""),
        ('country:"', "a", ""),
        ("", 'country:"', ""),
    ),
    "handlers/exports.py _OPTION": (("since", " ", ""), ("since:", " ", ""), ("", "since ", ""), ("", "since: ", "")),
    "handlers/purposes.py _MENTION": (("", "<@U", ""), ("<@U", "a", ""), ("", "<@U|", "")),
    "handlers/grammar.py _CALLED_OPPOSITE": (
        ("", "opt_", ""),
        ("", "opted back_", "x"),
        ("resubscri", "b", "_"),
        ("", "not opt ", ""),
    ),
    "handlers/grammar.py _SCRUB": (("", "scrub", ""), ("", "scru", "")),
    "handlers/purposes.py _SENTENCE": (("", "a", ""), ("", "a.", "")),
    "handlers/purposes.py _NOT": (("", "not", ""), ("", "n'", "")),
    "handlers/purposes.py _KEEPING": (("", "keep", ""), ("", "kee", "")),
    "handlers/purposes.py _KEEP": (("", "keep", ""), ("", "keep ", "")),
    "handlers/purposes.py _UNREADABLE": (("", "unreadable", ""), ("", "unreadabl ", "")),
    "handlers/uploads.py [\\s,.'’]": (("", " ", ""), ("", "1 ", "")),
    "handlers/grammar.py _TOKEN": (
        (":", "a", "!"),
        ("", ":a", "!"),
        ("", ":", ""),
        ("", "a'", "!"),
        ("a", "'", ""),
        ("", "don't", ""),
    ),
    "handlers/grammar.py _SEGMENT": (("", ",", ""), ("", "a", ""), ("", "a,", "")),
    "handlers/grammar.py _ELISION": (("", "lorsqu", "'"), ("", "n'", "")),
    "handlers/grammar.py _OVERRIDES": (("", "a", ""), ("", "\u202e", "")),
    "handlers/history.py _PERSON": (("<@U", "A", ""), ("<@UAA|", "a", "")),
    "handlers/history.py _UPLOAD": (("upload", " ", "x"), ("upload:", " ", "x")),
    "handlers/mentions.py _MENTION": (("", "<@U", ""), ("<@U", "a", ""), ("", "<@U|", "")),
    "handlers/slack/mrkdwn.py _USER": (("U", "A", "a"),),
    "handlers/slack/mrkdwn.py _GROUP": (("S", "A", "a"),),
    "handlers/slack/mrkdwn.py _CHANNEL": (("C", "A", "a"),),
    "handlers/slack/mrkdwn.py _MARKUP": (("", "<", ""), ("", "<a|", ""), ("<", "a", ""), ("<a|", "|", "")),
    "handlers/slack/mrkdwn.py _BLANKS": (("", " ", "x"), ("", " x", "")),
    "handlers/slack/mrkdwn.py _UNSEEN": (("", "\u202e", ""), ("", "a", "\u202e")),
    "handlers/slack/mrkdwn.py _HALVES": (("", "\ud800", ""),),
    "handlers/slack/mrkdwn.py _ADDRESS": (("https://", "a", "<"), ("", "https://", "")),
    "handlers/slack/messages.py _MARKUP": (("", "<", ""), ("", "<a|", ""), ("<", "a", ""), ("<a|", "|", "")),
    "handlers/tracebacks.py _CODE": (("", "a", "!"),),
    "handlers/work/child.py _FOR_CHILDREN": (("LC_", "A", "!"), ("PG", "A", "!"), ("", "PG", "!")),
    "handlers/work/scratch.py _LIST": (("", "1", "!"), ("1-", "1", "!"), ("1-1-", "a", "!")),
    "bot/http.py _SIGNATURE": (("v0=", "0", ""),),
    "bot/http.py _TIMESTAMP": (("", "1", "!"),),
    "bot/logs.py _CONTROL": (("", "\n", ""), ("", "a", "\n")),
    "store/texts.py _UNKEEPABLE": (("", "\0", ""), ("", "a", "\ud800")),
    "store/phones/masking.py _LIKE_A_PHONE": (
        ("", "1", ""),
        ("", "1 ", ""),
        ("", "1   ", ""),
        ("", "1    ", ""),
        ("", "(1", ""),
        ("", "+", ""),
        ("", "12345 a", ""),
    ),
    "store/phones/masking.py _DATE": (("", "2026-01-0", ""),),
    "store/lists/copying.py _NUMBER": (("", "1", "a"), ("+", " ", "a")),
    "store/lists/formulas.py _RUN": (("", ";", "a"), ("", "; ", "a"), ("", " ", "a"), ("", "%0a", "a"), ("", "%0", "")),
    "store/lists/formulas.py _AFTER": (("", ";", ""), ("", "%0", "")),
    "store/lists/formulas.py _GUARDED": (("", ";", ""), ("", ";'", ""), ("", "%0a'", "")),
    "store/lists/formulas.py _STARTS": (("", "=", ""),),
    "store/lists/formulas.py _SUSPECT": (("", "a", ""),),
    "store/lists/formulas.py _BREAKS": (("", "'", ""), ("", "'\t", "")),
    "store/lists/xlsx.py _WORKBOOK": (("xl/workbook", "1", "!"),),
    "store/lists/sheets.py _BREAKS": (("", "\n", "x"), ("", "\na", "")),
    "store/lists/sheets.py _ESCAPED": (("", "_x", ""), ("", "_x000", ""), ("", "_x000D", "")),
    "store/lists/number_formats.py _NO_FORMAT": (
        ("", "[", ""),
        ("", "[a", ""),
        ("[", "h", ""),
        ("", "[h", ""),
        ("", '"', ""),
        ("", "\\", ""),
    ),
    "handlers/slack/mrkdwn.py _FORMATTING": (
        ("", ":", ""),
        (":", "a", "!"),
        ("", ":a", ""),
        ("", "*", ""),
        ("", "a*", ""),
    ),
    "handlers/slack/visible_text.py _ID": (("", "a", "!"),),
    "handlers/slack/visible_text.py _URL": (("", "a", "!"), ("a:", "b", " ")),
    "handlers/slack/visible_text.py _CODEPOINTS": (("", "1", "!"), ("", "1-", "")),
    "handlers/slack/visible_text.py _BOLD": (("", "*", ""), ("*", "a", ""), ("", "*a", ""), ("", "*a*b", "")),
    "handlers/slack/visible_text.py _ITALIC": (("", "_", ""), ("_", "a", ""), ("", "_a", ""), ("", "_a_b", "")),
    "handlers/slack/visible_text.py _CODE": (("", "`", ""), ("`", "a", ""), ("", "`a", "")),
    "handlers/slack/visible_text.py _MARKDOWN_LINK": (
        ("", "[", ""),
        ("[", "a", ""),
        ("[](", "a", ""),
        ("", "[](", ""),
        ("", "![", "]("),
    ),
    "handlers/slack/visible_text.py _MARKDOWN_ESCAPE": (("", "\\", ""),),
    "handlers/slack/visible_text.py _MARKDOWN_HEADING": (("", "#", ""), ("", "#\n", ""), ("", "# ", "")),
    "handlers/slack/visible_text.py _TAG": (("<", "a", ""), ("", "<a", ""), ("", "<", ""), ("</", " ", "")),
    "store/destinations.py _UNSEEN": (("", " ", ""), ("", "a", "")),
    "store/twilio.py _SID": (("AC", "0", "!"),),
    "store/twilio.py _SECRET": (("", "a", " "),),
    "store/keys.py _TEXT": (("optk_", "a", "!"), ("optk_abcdefghij_", "A", "!"), ("", "optk_", "")),
    "handlers/slack/payloads.py _TS": (("", "1", "!"), ("1.", "1", "!")),
    "handlers/slack/replies.py _NOT_TAKEN": (("", " ", "x"), ("{", " ", "x"), ('{"ok"', " ", "x")),
    "store/lists/columns.py _PHONE_LIKE": (
        ("1234567 x", "1", "!"),
        ("", "1", "!"),
        ("", "1 ", "!"),
        ("1234567", " ", "!"),
    ),
    "store/lists/columns.py _DATE": (("", " ", "x"), ("", "1-", "")),
    "store/lists/columns.py HUMP": (("", "aA", ""), ("", "a1", "")),
    "store/lists/columns.py _PHONE_NAMES": (("", "phone ", "x"), ("", "phone", "x"), ("", "cell phone ", "")),
    "store/lists/columns.py _MOBILE_NAMES": (("", "cel ", ""), ("", "cell", "")),
    "store/lists/columns.py _PHONE_WORD": (("", "phon", ""), ("", "numbe", "")),
    "store/lists/columns.py _NO_PHONE_NAMES": (("", "phone ", ""), ("", "id ", "")),
    "store/lists/columns.py _EMAIL_CELL": (
        ("", "a", ""),
        ("a@", "a.", "!"),
        ("a@", "a", "!"),
        ("a@a.", "a", "!"),
        ("a@a.aa", " ", "!"),
    ),
    "store/lists/columns.py \\b(?:e ?mail|emails)\\b": (("", "e mai ", ""), ("", "email", "")),
    "store/lists/columns.py \\bsupport (?:score|level|id)\\b": (("", "support ", ""),),
    "store/lists/columns.py \\bscores?\\b|\\b(?:turnout|partisanship|likelihood|propensity)\\b": (("", "scores", ""),),
    "store/lists/columns.py \\b(?:dob|birth|birthday|birthdate|date of birth)\\b": (("", "date of ", ""),),
    "store/lists/columns.py \\bage\\b": (("", "age", ""),),
    "store/lists/columns.py \\b(?:gender|sex)\\b": (("", "sex", ""),),
    "store/lists/columns.py \\bparty\\b": (("", "party", ""),),
    "store/lists/columns.py \\b(?:precinct|district|ward|congressional|county)\\b": (("", "ward", ""),),
    "store/lists/columns.py \\b(?:van ?id|voter ?(?:file ?)?(?:van ?)?id|dwid|myv ?id)\\b": (
        ("", "voter file van ", ""),
    ),
    "store/lists/columns.py \\b(?:address|addr|street|zip|zip ?code|zip ?5|postal ?code|post ?code|city)\\b": (
        ("", "postal ", ""),
    ),
    "store/lists/columns.py \\b(?:(?:first|last|full|middle|given|family|sur) ?name|surname|name|fname|lname)\\b": (
        ("", "first ", ""),
    ),
    "store/lists/columns.py _ORDINAL": ((" (", "1", ""), ("", " (1", ""), ("", " (1st)", "!")),
    "store/lists/columns.py [\\W_]+": (("", " ", "x"), ("", "_a", "")),
    "store/lists/footer.py _END_TITLE": (("", "copyrigh", ""), ("", "generated ", ""), ("", "end of ", "")),
    "store/lists/heading.py _CONTENT": (("", " ", ""), ("", ",", "")),
    "store/lists/heading.py _SEP_LINE": (("sep=,", "\n", "x"),),
    "store/lists/records.py _INSIDE_QUOTES": (("", "a", '"x'), ("", '""', '"x')),
    "store/lists/thrutext.py _ISO": (("2026-01-01 10:00:00.", "1", ""),),
    "store/lists/thrutext.py _AMERICAN": (("1/1/2026 ", "1", ""), ("1/1/2026", " ", "")),
    "store/lists/thrutext.py _UTC": (("", " ", "x"), ("", " UTC", "x"), ("", " +1", ""), ("", "UTC", "x")),
    "store/phones/cleaning.py _SERVICE_CODE": (("", "*", ""), ("*", "1", "")),
    "store/phones/cleaning.py _NON_DIGITS": (("", " ", "1"), ("", "a1", "")),
    "store/phones/countries.py _CALLING_CODE": (("+", "1", ""),),
    "store/phones/numbers.py _RUN": (("", " ", "1"), ("", "-(-(1", "")),
    "store/phones/numbers.py _PUNCTUATED": (("", " ", "x"), ("", "+", "x"), ("", " ", "+x"), ("", "1 ", "x")),
    "store/phones/cuts.py _FIRST_DIGIT": (("", "a", ""),),
    "store/phones/cuts.py _AT_PLUS": (("+", " ", "x"), ("", "+", "x")),
    "store/phones/cuts.py _SPELT": (("", "1", ""), ("", " ", "")),
    "store/phones/cuts.py _AHEAD": (("", "a", ""), ("", "+", "x"), ("+", " ", "x"), ("", " ", "+x")),
    "store/phones/cuts.py _SPELT_NUMBER": (
        ("", "a", ""),
        ("", "+", "a"),
        ("", " ", "1"),
        ("+", " ", "a"),
        ("1", "x", "a"),
    ),
    "store/phones/cuts.py _NO_SIGN_OF_NUMBERS": (("", "1", ""),),
    "store/phones/cuts.py _SECOND_EXTENSION": (("/", " ", "y"), ("", "/ ", "y")),
    "store/phones/cuts.py _LABEL": (("", "ext", "y"), ("", "extensio", "y"), ("", "x", "y")),
    "store/lists/long_lines.py _QUOTED": (('"', "a", ""), ('"', '""', ""), ("", '"', "")),
    "store/phones/dates.py _WHEN": (
        ("", "1 ", "x"),
        ("", "12.", "x"),
        ("", "2024-11-", "x"),
        ("", "2015 - ", "x"),
        ("", "10:30", "x"),
        ("", "5 de ", "x"),
        ("", "nov ", "x"),
        ("10:30.", "1", "x"),
    ),
    "store/phones/dates.py _ALONE": (("45601.", "1", "x"), ("", "05 ", "x")),
    "store/phones/dates.py _SIGN": (
        ("", "2", ""),
        ("", "19", ""),
        ("", "1.1", ""),
        ("", "20241105", ""),
        ("", "ab1", ""),
    ),
    "store/phones/dates.py PLAIN_SIGN": (
        ("", "2", ""),
        ("", "19", ""),
        ("", "1.1", ""),
        ("", "20241105", ""),
        ("", "ab1", ""),
    ),
    "store/phones/dates.py _FULL": (("", "2024", ""),),
    "store/phones/dates.py _NUMBER": (("", "1a", ""),),
    "store/phones/dates.py _YEAR_BEFORE": (("", "2015", ""), ("", "2015 - ", "x")),
    "store/phones/dates.py _YEAR_BEHIND": (("", " - 2015", "x"),),
    "store/phones/parser.py _CODE_AGAIN": (("", " ", "x"), ("", "0", "x"), ("+1", " ", "x"), ("+1", " ", "+x")),
    "store/phones/parser.py _ANY_CARRIER": (("", "0", ""), ("", "0 ", ""), ("", "0xx", "")),
    "store/phones/parser.py _EMPTY_BRACKETS": (("", "(", ""), ("(", " ", "x"), ("", "( ", "")),
    "store/phones/parser.py _PLAIN": (("", "1 ", "x"), ("", "1    ", "x")),
    "store/phones/parser.py _LONG_PLAIN": (("", "1 ", "x"), ("", "1    ", "x")),
    "store/phones/parser.py _CORE": (("", " ", "x"), ("", "(", "+x"), ("", "+", "x"), ("", "1 ", "x"), ("", "1", "x")),
    "store/phones/parser.py _LINK": (("", "<tel:", ""), ("<tel:", "a", ""), ("", "<tel:a|", "")),
    "store/phones/parser.py _SCHEME": (("tel", " ", "x"), ("tel:", " ", "x")),
    "store/phones/parser.py _CONTEXT": (
        ("", ";", ""),
        (";", " ", "x"),
        (";phone-context", " ", "x"),
        ("", ";phone-context=+", ""),
    ),
    "store/phones/parser.py _BRACKETED_WORD": (
        ("(", "a", ""),
        ("", "(a", ""),
        ("(", "_", ""),
        ("(a", "_", "1)"),
        ("(", " ", "a("),
    ),
    "store/phones/parser.py _LABEL_BEFORE": (("tel", " ", "x"), ("tel", ":. ", "x")),
    "store/phones/parser.py _LABEL_AFTER": (("1", " ", "x"), ("", "1 tel", ""), ("", "1 ", "tel!"), ("1", "-", "tel!")),
    "store/phones/parser.py _EXTENSION": (
        *(("1", " ", end) for end in ("x", "!", ",", ", ext", "ext1!")),
        *(("", f"1{blank}", "!") for blank in (" ", "\t", " \t", ", ", ",,", "#", " x", "ext ", " ext1")),
        *((f"1 ext{sign}", " ", "!") for sign in ("", "=", "#", "1")),
        ("1", " \t", "!"),
        ("1", ",", "!"),
        ("1 x", ".:= ", "!"),
    ),
    "store/phones/parser.py _WHOLE": (("", "1", "x"), ("1111111.", "0", "x")),
    "store/phones/parser.py _FRACTION": (("", "1", "x"), ("", "1 ", "x"), ("1111.", "0", "x")),
    "store/phones/parser.py _THOUSANDS": (("1", ",111", "x"),),
    "store/phones/dates.py ZIP": (("", "1", "-"),),
    "store/phones/groups.py _EXTENSION_AFTER": (("", "ext", "!"), ("x", "1", "a")),
    "store/phones/prose.py _OTHER_END": ((", and -", "1", "!"), ("", ", -0101", ""), (",", " ", "-")),
    "store/phones/prose.py _TIED": (("", "1", "!"), ("", "1234-", ""), ("", "1", "-")),
    "store/phones/prose.py _CARRIED": (("", "0xx", ""), ("0xx11", "1", ""), ("0xx(11", " .", "x")),
    "store/phones/prose.py _ODDLY_HINT": (("", "1", "x"), ("", "1,", "x")),
    "store/lists/columns.py _AMONG_WORDS": (
        ("", "1", "x"),
        ("", "212 ", "x"),
        ("", "(212) 555 ", "x"),
        ("", "1-", "x"),
    ),
    "store/lists/columns.py _LETTER": (("", "a1", ""), ("", "1", "a")),
    "store/lists/footer.py _TOTAL": (("", "sub ", "!"), ("", "total", "!")),
    "store/phones/prose.py _ODDLY_PARTED": (("", "1", "x"), ("", "212,", "x"), ("212,555", ",12345", "x")),
    "store/phones/prose.py _SPOILT_HINT": (("", "1", "x"), ("", "1x", "x")),
    "store/phones/parser.py _UNSPOILT": (("1", "1", "x"), ("1", "-", "x"), ("", "( ", "x")),
    "store/phones/parser.py _SCIENTIFIC": (("", "1", "x"), ("1.", "1", "x"), ("1", " ", "x"), ("1e", " ", "x")),
    "store/phones/parser.py _NEGATIVE": (("-", "1", "x"), ("-1.", "1", "x")),
    "store/phones/parser.py _SEPARATORS": (("1", " ", "x"), ("", "1 ", ""), ("", "or", ""), ("", "1", "+")),
    "store/phones/parser.py _FIRST_DIGIT": (("", "a", ""),),
    "store/phones/parser.py _SLASH": (("", "/", ""),),
    "store/phones/parser.py _BLANK": (("", " ", "x"), ("", " x", "")),
    "store/phones/parser.py _VANITY": (
        ("", "1", "!"),
        ("", "1 ", "!"),
        ("111", " ", "!"),
        ("111aaa", "a", "!"),
        ("", "111 ", "aaa!"),
    ),
    "store/phones/dates.py BEGIN_WITH_DIGIT": (
        *(("", piece, "") for piece in ("1", "1/", "1.", "1. ", "1-", "1,111", "1:", "1 ", "20", "2024")),
        *(("", piece, "!") for piece in ("11/05/2024", "11/05/2024 ", "11/05/24", "5 Nov ", "de ", "2024 - ", "2024/")),
        *(("", piece, "!") for piece in ("06/2022", "10:30", "1h", "12345.", "12345.1")),
        ("1", " ", "x"),
        ("12345.", "1", "x"),
    ),
    "store/phones/dates.py BEGIN_OTHERWISE": (
        *(("", piece, "!") for piece in ("$", "$1", "Nov 5", "nov", "a", "septembe")),
        ("$", "1.", "x"),
        ("nov", " ", "x"),
    ),
    "store/phones/dates.py WEB": (
        *(("", piece, "!") for piece in ("http://", "www.", "a.", "a-", "a/", "a.aa/")),
        ("a.a", "-", "!"),
        ("a", "a.", "/"),
    ),
    "store/phones/dates.py MAIL": (("", "a", ""), ("", "a@", ""), ("a@a", ".", "!"), ("a", "+", "!"), ("", "a.", "@")),
    "store/phones/dates.py UUID": (("", "00000000-0000-", ""), ("", "0", ""), ("", "00000000-", "")),
    "store/phones/dates.py YEAR": (("", "2", ""),),
    "store/phones/dates.py COMPACT": (("", "20241105", ""),),
    "store/phones/dates.py NO_PHONE": (("", "1.", "x"), ("1.", "1", "x"), ("", "1", "-")),
    "store/phones/markup.py _MARKUP": (
        ("", "<", ""),
        ("<", "a", ""),
        ("", "<a|", ""),
        ("<|", "a", ""),
        ("", "&am", ""),
    ),
    "store/phones/markup.py _DIALS": (("", "tel", ""),),
    "store/phones/markup.py _ADDRESS": (("", "a", "!"), ("", "a+.", "!")),
    "store/phones/markup.py CHAT": (("https://wa.me/", "1", ""), ("", "wa.me/", "")),
    "store/phones/markup.py _DIGIT": (("", "a", ""),),
    "store/phones/groups.py _RUN": (
        ("", "1", "x"),
        ("", "1 ", "x"),
        ("", "1. ", ""),
        ("", "1 ./()", "x"),
        ("1", " ", "x"),
        ("1", ".", " "),
    ),
    "store/phones/groups.py _GROUP": (("", "1", ""), ("", "1 ", "")),
    "store/phones/prose.py _PLAIN": (("", "1", "x"), ("+", " ", "x")),
    "store/phones/prose.py _GOES_ON": (("", "1 ", "x"), ("", "1", ""), ("1", ")", "x")),
    "store/phones/prose.py _HYPHENED": (("", "1", "x"), ("", "-", ""), ("", "1-", "1")),
    "store/phones/prose.py _SPOOFED_HINT": (("", "1", ""), ("", "O", "")),
    "store/phones/groups.py _LABEL_BEFORE": (("", "tel", "!"), ("", " cell", "!")),
    "store/phones/groups.py _LABEL_AFTER": (("", "tel", "!"),),
    "store/phones/prose.py _EXTENSION": (
        ("", " ", "x"),
        ("", ",", "x"),
        ("", "ext", "!"),
        ("ext", " ", ""),
        ("x", "1", "/1"),
    ),
    "store/phones/prose.py _SPOILT": (
        ("", "1", ""),
        ("", "1", ".x"),
        ("", "1.", "x"),
        ("1234567.", "0", "x"),
        ("1.", "1", "e"),
        ("", "1e", "x"),
    ),
    "store/phones/prose.py _VANITY": (
        ("", "1", ""),
        ("", "1 ", ""),
        ("", "800-", "a"),
        ("800-", "A", "_"),
        ("800-AA", "-A", "_"),
        ("800-AA", "A.", "_"),
        ("800-AA", "AA ", "_"),
        ("", "800-AA ", ""),
    ),
    "store/phones/prose.py _SPOOFED": (("", "1", ""), ("", "1 ", ""), ("", "O", ""), ("1", "O ", "!"), ("", "1(", "")),
    "store/phones/prose.py _OVERRIDDEN": (("", "\u202e", ""), ("\u202e", "a", ""), ("", "\u202e1", "")),
    "store/phones/prose.py _SIGNS": (("", "1", "x"), ("", " ", "x"), ("", "123456x", "")),
    "store/phones/prose.py _ODD_DIGIT": (("", "1", ""), ("", "\u2460", "")),
    "store/replies/reading.py _REACTION": (
        ("", "liked ", ""),
        ('liked "', "a", ""),
        ("reacted", " to", "x"),
        ("", "!", " to"),
        (" ", " ", "x"),
    ),
    "store/replies/reading.py _TAIL": (
        ("", "-", "x"),
        ("", "\n", "x"),
        ("", "\n ", "x"),
        ("", " ", "x"),
        ("", "on a wrote\n", ""),
        ("on ", "a wrote ", "x"),
        ("", "sent from my ", "x"),
        ("", "_", ""),
    ),
    "store/replies/reading.py _QUOTED_LINE": (("", "\n ", ""), ("", ">", ""), ("", " ", "x")),
    "store/replies/reading.py _AUTOMATIC": (
        ("", " ", "x"),
        ("", "auto", ""),
        ("", "do not disturb ", ""),
        ("", "i'm ", ""),
    ),
    "store/replies/reading.py _INSTRUCTION": (("", "reply stop ", ""), ("reply", " ", ""), ("", "reply ", "")),
    "store/replies/reading.py _QUOTED": (("", '"', ""), ('"', "a", ""), ("", '"a', "\n")),
    "store/replies/reading.py _PIECE": (("", "a'", ""), ("", "'", ""), ("", " -", ""), ("a", "'a", "'"), ("", "1", "")),
    "store/replies/reading.py _ONE_WORD": (("", "'", ""), ("", "a't", "x")),
    "store/replies/reading.py _DOTTED": (("", "a.", ""), ("", "a.", "aa"), ("", "a.b.cc", "")),
    "store/replies/reading.py _OPT_OUT": (("opt", " ", "x"), ("", "opt ", ""), ("", "opt.", "")),
    "store/replies/reading.py _EXCLAIMED": (("!", "1", "x"), ("", "!1", "x")),
    "store/phones/references.py _AND_SO_ON": (("", ",", "!"), ("", " and ", "!"), ("", " ", "!"), ("", "#", "!")),
}


@dataclass(frozen=True)
class Use:
    """A pattern as the code has it. *anywhere*: it is searched for in a text, not only held against its beginning."""

    pattern: re.Pattern[Any]
    anywhere: bool


@functools.cache
def uses() -> dict[str, Use | None]:
    """Each pattern of the code by file and name; None for one that cannot be known without running the code."""
    found: dict[str, Use | None] = {}
    for path in sorted(file for room in ("bot", "handlers", "store") for file in (ROOT / room).rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        tree = ast.parse(path.read_text())
        names = {node.value: name for node, name in _assigned(tree)}
        for call in ast.walk(tree):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
                continue
            function = call.func
            if not (isinstance(function.value, ast.Name) and function.value.id == "re" and function.attr in _FUNCTIONS):
                continue
            name = names.get(call)
            key = f"{place} {name or _literal(call)}"
            if any(place.startswith(ours) for ours in OURS):
                found[key] = None
            elif name is not None:
                module = importlib.import_module(place.removesuffix(".py").replace("/", ".").removesuffix(".__init__"))
                found[key] = Use(getattr(module, name), _is_searched(tree, name))
            else:
                pattern = _compiled(call)
                found[key] = pattern and Use(pattern, function.attr not in {"match", "fullmatch"})
    return found


_FUNCTIONS: Final = {"compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"}


def _assigned(tree: ast.Module) -> Iterator[tuple[ast.Assign | ast.AnnAssign, str]]:
    """The names that a module gives at its top."""
    for node in tree.body:
        target = (
            node.targets[0]
            if isinstance(node, ast.Assign)
            else node.target
            if isinstance(node, ast.AnnAssign)
            else None
        )
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(target, ast.Name):
            yield node, target.id


def _literal(call: ast.Call) -> str:
    return str(call.args[0].value) if isinstance(call.args[0], ast.Constant) else ast.unparse(call.args[0])


def _compiled(call: ast.Call) -> re.Pattern[Any] | None:
    """The pattern of a call in which it stands as a literal."""
    if not isinstance(call.args[0], ast.Constant):
        return None
    given = [word.value for word in call.keywords if word.arg == "flags"]
    given += [argument for argument in call.args[1:] if ast.unparse(argument).startswith("re.")]
    flags = eval(ast.unparse(given[0]), {"re": re}) if given else 0  # noqa: S307  our own code
    return re.compile(call.args[0].value, flags)


def _is_searched(tree: ast.Module, name: str) -> bool:
    """Is the pattern *name* ever used but by `match` and `fullmatch`?"""
    used = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name]
    held = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"match", "fullmatch"} and isinstance(node.value, ast.Name)
    }
    return any(node not in held for node in used if isinstance(node.ctx, ast.Load))


def made(shape: Shape, length: int) -> str:
    """The text of *shape* that has about *length* characters."""
    head, *repeated, tail = shape
    share = length // len(repeated)
    return head + "".join(piece * (share // len(piece) + 1) for piece in repeated) + tail


def shapes_of(pattern: re.Pattern[Any]) -> Iterator[Shape]:
    """Texts that *pattern* nearly matches, made of its own words."""
    words = words_of(pattern)[:7]
    for word in words:
        yield from (("", word, "!"), (words[0], word, ""))
    for one, other in product(words, words):
        if one != other:
            yield from (("", one + other, "!"), ("", one, other, "!"), (other, one, f"{other}!"))


def grows(pattern: re.Pattern[Any], shape: Shape, *, anywhere: bool) -> bool:
    """Does twice the text of *shape* take *pattern* clearly more than twice the steps?"""
    # Longer than any repetition that is limited: up to its limit such a one grows like one without.
    length = max(64, 4 * _longest_limit(tree_of(pattern)))
    most = 10_000 * length
    once = steps_of(pattern, made(shape, length), anywhere=anywhere, limit=most)
    if once > most:
        return True
    return steps_of(pattern, made(shape, 2 * length), anywhere=anywhere, limit=3 * once) > 2.6 * once


def _longest_limit(tree: Any) -> int:
    """The highest count up to which something in *tree* may be repeated, where it is limited at all."""
    longest = 0
    for _, argument in tree:
        for part in argument if isinstance(argument, tuple | list) else (argument,):
            if hasattr(part, "getwidth"):
                longest = max(longest, _longest_limit(part))
            elif isinstance(part, list) and part and hasattr(part[0], "getwidth"):
                longest = max(longest, *map(_longest_limit, part))
        if isinstance(argument, tuple) and len(argument) == 3 and str(argument[1]) != "MAXREPEAT":
            longest = max(longest, int(argument[1])) if hasattr(argument[2], "getwidth") else longest
    return longest


def test_every_pattern_is_listed() -> None:
    """A pattern over other people's text is listed with its worst inputs before it is used."""
    new = [key for key in uses() if key not in LISTED and not key.startswith(tuple(OURS))]
    assert not new, (
        f"Not in LISTED of tests/test_patterns.py: {new}. Add each with the inputs that make it try most: long runs of "
        "what it repeats, with what it needs next left out; or say in OURS why nobody else's text reaches it."
    )
    gone = [key for key in LISTED if key not in uses()]
    assert not gone, f"LISTED in tests/test_patterns.py, and nowhere in the code: {gone}"
    hidden = [key for key in LISTED if uses()[key] is None]
    assert not hidden, f"Put together where they are used, so that nobody can try them: {hidden}. Name them at the top"


# The alternatives of all dates take a minute to be counted.
_LONG: Final = "store/phones/dates.py BEGIN_WITH_DIGIT"


@pytest.mark.parametrize("key", [pytest.param(key, marks=pytest.mark.wide) if key == _LONG else key for key in LISTED])
def test_the_steps_of_a_pattern_grow_with_its_text(key: str) -> None:
    """Twice the text takes twice the steps, for the worst inputs listed and for what is made of the pattern's words."""
    use = uses()[key]
    assert use is not None
    some = _longest_limit(tree_of(use.pattern)) <= 32
    for shape in (*LISTED[key], *(shapes_of(use.pattern) if some else ())):
        assert not grows(use.pattern, shape, anywhere=use.anywhere), f"{key} takes more than twice for {shape}"


@pytest.mark.parametrize(
    ("pattern", "shape"),
    [
        (r"\s*\d{1,3}[.)]\s+(?=.*(?:\d.*){7})", ("1.", " ", "b", "")),
        (r"\s+(?=\+)", ("", " ", "b")),
        (r"[,;]+(?!\s*(?:x|ext\w*)\.?\s*=?\s*[+\d])", (",ext", " ", "b")),
        (r"\bkeep\b[^.!?]*\bunreadable\b", ("", "keep ", "")),
        (r"(?:\b(?:not|no)\b)[^.!?]*\bkeep", ("", "no ", "")),
        (r"[ (\[]*\+*[0-9 ()\[\]./-]*[0-9][0-9 ()\[\]./-]*$", ("", "1 ", "!")),
        (r"(a|a)*b", ("", "a", "c")),
        (r"(\w+\s?)*!", ("", "a", "?")),
    ],
)
def test_what_is_not_linear_is_noticed(pattern: str, shape: Shape) -> None:
    """Patterns that froze the desk, or would, are found by the count."""
    assert grows(re.compile(pattern), shape, anywhere=True)


def test_steps_are_those_of_a_backtracking_matcher() -> None:
    """What the counting matcher counts on is what `re` does: each kind of node is known, and counted where it is tried."""
    assert steps_of(re.compile("b"), "aaaa", anywhere=True) < steps_of(re.compile("a*b"), "aaaa", anywhere=True)
    assert steps_of(re.compile(r"a*b"), "a" * 200, anywhere=True) > 200 * 200 / 2
    assert steps_of(re.compile(r"(?<!a)a*b"), "a" * 200, anywhere=True) < 200 * 8
    assert steps_of(re.compile(r"a*+b"), "a" * 200, anywhere=False) < 200 * 4


# --- whole ways in, where loops could do what patterns do not ---


def _command(text: str) -> None:
    arguments = parse_arguments(text, "US")
    if isinstance(arguments, Arguments):
        read_entered(arguments.text, arguments.country, Verb.OPT_OUT)


WAYS_IN: Final[dict[str, Callable[[str], Any]]] = {
    "command": _command,
    "country of a command": lambda text: parse_arguments(f"212 555 0100 country:{text}", "US"),
    "reason of a command": lambda text: parse_arguments(f"212 555 0100 reason:{text}", "US"),
    "section of another app": lambda text: visible_text(
        {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]}
    ),
    "message in Markdown": lambda text: visible_text({"blocks": [{"type": "markdown", "text": text}]}).read("US"),
    "e-mail": lambda text: visible_text({"files": [{"mode": "email", "preview": text}]}),
    "mention": lambda text: intent_of(f"<@U0BOT> {text}", "U0BOT", "US"),
    "mention that opts out": lambda text: intent_of(f"<@U0BOT> opt out 212 555 0100 {text}", "U0BOT", "US"),
    "message": lambda text: read_text(text, "US"),
    "message without a country": lambda text: read_text(text, None),
    "number": lambda text: parse_phone(text, "US"),
    "country": find_country,
    "request": lambda text: understand(f"opt out \ufffc {text}"),
    "wish": wish_of,
    "words with a file": lambda text: purpose_of(f"scrub {text}", {}, expected=True),
    "history": HistoryQuery.parse,
    "export": parse_export_filter,
    "plain text": plain,
    "name": lambda text: (quoted(text), code(text), sentence(text), quoted(text, 10 * LONGEST)),
    "log": redact,
    "reply": judge,
}

PIECES: Final = (
    *(" ", "  ", "\n", "\t", "\r", "\u00a0", "\u2028", "\u200b", "\u0301", "\u0316", "\uff11", "\U0001f4de", "\0"),
    *("1", "12", "00", "2125550100", "212 555 0100", "1.", "1) ", "+", "+1", " +1", "-", ".", ",", ";", "/", "(", ")"),
    *(
        "[",
        "]",
        "b",
        "x",
        "ext",
        ",ext",
        ";ext=",
        " and ",
        "because ",
        "reason",
        "reason ",
        " reason:",
        "country ",
        ":",
    ),
    *("tel", "tel:", "<", ">", "|", "<tel:", "<tel:1|2>", "<@U", "http://", "&amp;", "* ", "\u2022 ", "#", "=", "'"),
    *(
        '"',
        "not ",
        "n't ",
        "keep ",
        "unreadable ",
        "scrub",
        "stop ",
        "opt ",
        "opt-",
        "e",
        "_",
        "~",
        "`",
        "://",
        "token=",
        "@",
    ),
)
SHAPES: Final[tuple[Shape, ...]] = (
    ("1.", " ", "b", "\n1. x"),
    ("", "1.", " ", "b\n1. x"),
    ("", " ", "+", "\n1"),
    (",ext", " ", "b"),
    ("", "keep ", ""),
    *(("", piece, "!") for piece in PIECES),
)
# Those that are tried at full length as well.
FULL_LENGTH: Final = SHAPES[:5]


def lines_run(work: Callable[[str], Any], text: str) -> int:
    """How many lines of Python *work* runs on *text*."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work(text)
    finally:
        sys.settrace(before)
    return count


def usual_lines(work: Callable[[str], Any], text: str) -> int:
    """As `lines_run`, without what is learned once: a table of `store.phones.ranges` is made when many began alike."""
    return min(lines_run(work, text) for _ in range(2))


@pytest.mark.parametrize("way", WAYS_IN)
def test_the_lines_run_grow_with_the_text(way: str) -> None:
    """Twice the text runs at most twice the lines, and a bit: no loop goes through the rest for each piece."""
    work = WAYS_IN[way]
    for shape in SHAPES:
        for length in (300, 600):
            work(made(shape, length))  # caches are filled
        once, twice = (usual_lines(work, made(shape, length)) for length in (300, 600))
        assert twice <= 2.4 * once + 5_000, f"{way}: {once} and {twice} lines for {shape}"


@settings(max_examples=40)
@given(st.sampled_from(sorted(WAYS_IN)), st.lists(st.sampled_from(PIECES), min_size=1, max_size=4))
def test_no_other_text_is_worse(way: str, pieces: list[str]) -> None:
    """Whatever pieces are repeated, the lines run grow with the text."""
    work, shape = WAYS_IN[way], ("", "".join(pieces), "!")
    for length in (200, 400):
        work(made(shape, length))
    once, twice = (usual_lines(work, made(shape, length)) for length in (200, 400))
    assert twice <= 2.4 * once + 5_000, f"{way}: {once} and {twice} lines"


# --- the real thing ---


def run_all() -> None:
    """All that is listed at 40,000 characters, each said before it begins; called in a process of its own."""
    resource.setrlimit(resource.RLIMIT_CPU, (PATIENCE, PATIENCE))
    for key, shapes in LISTED.items():
        use = uses()[key]
        for shape in shapes if use else ():
            assert use is not None
            print(key, shape, flush=True)
            text = made(shape, LONGEST)
            subject = text.encode() if isinstance(use.pattern.pattern, bytes) else text
            if use.anywhere:
                use.pattern.sub(subject[:0], subject)
            use.pattern.fullmatch(subject)
    for (way, work), shape in product(WAYS_IN.items(), FULL_LENGTH):
        print(way, shape, flush=True)
        work(made(shape, LONGEST))
    print("done")


def test_nothing_listed_freezes_the_desk() -> None:
    """At the length of the longest message everything listed is over in a small part of the time it is given."""
    command = [sys.executable, "-c", "from tests.test_patterns import run_all; run_all()"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = ended.stdout.splitlines() or [""]
    assert lines[-1] == "done", f"{lines[-1]} took too long. {ended.stderr[-2_000:]}"
