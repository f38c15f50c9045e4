"""Columns that change what a list means: how they are known, what is asked about them, and how the rows are read by the answer."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from store.choices import NOTHING_CHOSEN, Choices, Question, Undecided
from store.errors import ListRefused
from store.lists.meanings import meanings_of, region_of
from store.lists.senses import ColumnKind, Sense
from store.lists.staging import Scratch, stage

ONE, TWO, THREE, FOUR = "+12125550101", "+12125550102", "+12125550103", "+12125550104"
PHONES = (ONE, TWO, THREE, FOUR)


def staged(
    folder: Path, text: str | bytes, choices: Choices = NOTHING_CHOSEN, *, country: str | None = "US", **options: Any
) -> Scratch:
    path = folder / "list.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return stage(
        path,
        folder / "scratch",
        country=country,
        column=options.get("column"),
        choices=choices,
        progress=lambda *_: None,
    )


def read(folder: Path, text: str | bytes, choices: Choices = NOTHING_CHOSEN, **options: Any) -> list[str]:
    """The phones of the list *text*, read by *choices*."""
    scratch = staged(folder, text, choices, **options)
    try:
        return sorted(scratch.batch("", 10_000).lines)
    finally:
        scratch.delete()


def questions(folder: Path, text: str | bytes, choices: Choices = NOTHING_CHOSEN, **options: Any) -> list[Question]:
    scratch = staged(folder, text, choices, **options)
    scratch.delete()
    return [Question.of_json(json.loads(json.dumps(packed))) for packed in scratch.summary["questions"]]


def listed(name: str, values: Sequence[str], phones: Sequence[str] = PHONES) -> str:
    """A list of *phones* with a column *name*, which says *values*, one a row in turn."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["phone", name])
    writer.writerows([phone, values[place % len(values)]] for place, phone in enumerate(phones))
    return out.getvalue()


# --- status ---------------------------------------------------------------------------------------------------------


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("name", "values", "out"),
    [
        ("sms_opted_out", ("FALSE", "TRUE", "FALSE", "FALSE"), {1}),
        ("Opt In Status", ("Opt-In", "Opt-Out", "Opt-In", "Opt-Out"), {1, 3}),
        ("status", ("subscribed", "unsubscribed", "active", "subscribed"), {1}),
        ("contact[optOut]", ("true", "false", "false", "false"), {0}),
        ("opted_out_at", ("", "2024-11-05T10:00:00Z", "", "2024-11-06 09:00"), {1, 3}),
        ("Unsubscribed?", ("no", "", "Yes", "n"), {2}),
        ("do_not_text", ("1", "0", "0", "1"), {0, 3}),
        ("DoNotText", ("x", "", "", ""), {0}),
        ("DNT", ("Y", "N", "N", "N"), {0}),
        ("SMS Consent", ("yes", "no", "yes", "no"), {1, 3}),
        ("consent", ("granted", "revoked", "granted", "granted"), {1}),
        ("subscribed", ("TRUE", "FALSE", "TRUE", "TRUE"), {1}),
        ("Subscription Status", ("Unsubscribed (2024)", "Subscribed", "Subscribed", "Subscribed"), {0}),
        ("is_active", ("1", "0", "1", "1"), {1}),
        ("Estado", ("dado de baja", "suscrito", "suscrito", "dada de baja"), {0, 3}),
        ("no contactar", ("Sí", "no", "no", "no"), {0}),
        ("dado de baja", ("sí", "no", "sí", "no"), {0, 2}),
        ("Statut", ("abonné", "désabonné", "désinscrit", "abonnée"), {1, 2}),
        ("désinscrit", ("oui", "non", "non", "non"), {0}),
        ("Consentement", ("oui", "non", "oui", "oui"), {1}),
        ("Status", ("angemeldet", "abgemeldet", "angemeldet", "abgemeldet"), {1, 3}),
        ("Abgemeldet", ("ja", "nein", "nein", "nein"), {0}),
        ("Einwilligung", ("ja", "nein", "ja", "ja"), {1}),
        ("keine SMS", ("wahr", "falsch", "falsch", "falsch"), {0}),
        ("x", ("Opted Out", "opted in", "opted in", "opted in"), {0}),
        ("", ("unsubscribed", "subscribed", "subscribed", "subscribed"), {0}),
        ("opt out", ("✓", "", "-", ""), {0}),
        ("blocked", ("true", "false", "NULL", "false"), {0}),
        ("smsOptInStatus", ("I", "O", "U", "I"), {1}),
        ("Accepts SMS Marketing", ("yes", "no", "yes", "yes"), {1}),
        ("SMS Consent", ("SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED", "SUBSCRIBED"), {1}),
        ("sms_status", ("subscribed", "unsubscribed", "bouncing", "subscribed"), {1}),
        ("opted_out", ("t", "f", "f", "f"), {0}),
        ("wants texts", ("Y", "N", "Y", "Y"), {1}),
        ("unsubscribed_at", ("0000-00-00 00:00:00", "2024-11-05 10:00:00", "", "1970-01-01T00:00:00Z"), {1}),
        ("Remove?", ("Y", "", "N", ""), {0}),
        ("Q1 response", ("Yes", "STOP", "No", "Yes"), {1}),
        ("notes", ("asked to stop", "DO NOT opt out - board member", "asked to stop", "asked to stop"), {0, 2, 3}),
        ("Labels", ("Opt-Out", "Volunteer", "Volunteer", "Opt-Out"), {0, 3}),
        ("Darf kontaktiert werden", ("Ja", "Nein", "Ja", "Ja"), {1}),
        ("SMS erlaubt", ("Ja", "Nein", "Ja", "Ja"), {1}),
        ("acepta sms", ("sí", "no", "sí", "sí"), {1}),
        ("Envío SMS", ("permitido", "no permitido", "permitido", "permitido"), {1}),
        ("Texting preference", ("Call only", "Text ok", "No texts", "Text ok"), {2}),
        ("channel", ("sms", "email", "email", "call"), {0}),
        ("Medium", ("Text message", "E-Mail", "text message", "phone call"), {0, 2}),
        ("canal", ("SMS", "correo electrónico", "SMS", "llamada"), {0, 2}),
        ("Phone Type", ("mobile", "landline", "Cell", "home"), {0, 2}),
        ("line_type", ("wireless", "fixed line", "wireless", "voip"), {0, 2}),
        ("Direction", ("inbound", "outbound-api", "inbound", "outbound-reply"), {0, 2}),
        ("Situação", ("ativo", "descadastrado", "ativo", "ativo"), {1}),
        ("Quer receber SMS?", ("Sim", "Não", "Sim", "Sim"), {1}),
        ("Stato", ("iscritto", "disiscritta", "iscritto", "iscritto"), {1}),
        ("Consenso SMS", ("sì", "no", "sì", "sì"), {1}),
        ("Status", ("ingeschreven", "uitgeschreven", "ingeschreven", "ingeschreven"), {1}),
        ("Status", ("aktywny", "wypisany", "aktywny", "aktywny"), {1}),
        ("Статус", ("подписан", "отписан", "подписан", "подписан"), {1}),
        ("状态", ("已订阅", "已退订", "已订阅", "已订阅"), {1}),
        ("opt out", ("예", "아니요", "아니요", "아니요"), {0}),
        ("¿Quiere mensajes?", ("Sí", "No", "Sí", "Sí"), {1}),
        ("Refus SMS", ("oui", "non", "non", "non"), {0}),
        ("SMS Marketing", ("granted", "denied", "granted", "granted"), {1}),
        ("consent", ("given", "refused", "given", "given"), {1}),
        ("Opt-out requested?", ("requested", "not requested", "requested", "requested"), {0, 2, 3}),
        ("opted out", ("☐", "☑", "☐", "☐"), {1}),
        ("opted out", ("[ ]", "[x]", "[ ]", "[ ]"), {1}),
        ("Keep?", ("yes", "no", "yes", "yes"), {1}),
        ("Action", ("remove", "keep", "keep", "keep"), {0}),
        ("Disposition", ("Opt Out", "Not Home", "Wrong Number", "Supporter"), {0}),
        ("Call Result", ("Do Not Call", "Supporter", "Undecided", "Supporter"), {0}),
        ("Tags", ("volunteer; donor", "volunteer; opted-out", "volunteer", "yard sign"), {1}),
        ("Event Type", ("OPT_OUT", "OPT_IN", "OPT_IN", "OPT_OUT"), {0, 3}),
        ("subscription type", ("TEXT", "EMAIL", "EMAIL", "EMAIL"), {0}),
        ("Unsubscribed from", ("Email", "SMS", "Email and SMS", "Email"), {1, 2}),
        ("channel", ("WhatsApp", "SMS", "WhatsApp", "WhatsApp"), {1}),
        ("Last reply", ("STOP", "I will vote for you", "who is this", "stop please"), {0, 3}),
        ("keyword", ("STOP", "JOIN", "JOIN", "STOP"), {0, 3}),
        ("Last Text", ("STOP", "Hi there", "who?", "stop"), {0, 3}),
        ("content", ("Stop", "Hi there", "who?", "ok then"), {0}),
        ("Comments", ("wants texts", "does not want texts", "wants texts", "wants texts"), {1}),
        ("ErrorCode", ("30003", "21610", "30003", "30003"), {1}),
        ("Linha; tipo", ("celular", "fixo", "celular", "fixo"), {0, 2}),
    ],
)
def test_a_column_that_says_who_is_asked_about(
    tmp_path: Path, name: str, values: tuple[str, ...], out: set[int]
) -> None:
    """It is named with its values and how many rows say each; the first offer takes those who want no texts, the last takes all."""
    [question] = questions(tmp_path, listed(name, values))
    assert question.open
    assert (name or "column 2 (no name)") in question.text
    # The commonest values are named with how many rows say so.
    assert all(value.casefold() in question.text.casefold() for value in {*values} - {""})
    every = question.offers[-1]
    assert every.label == "All 4 rows"
    assert read(tmp_path, listed(name, values), NOTHING_CHOSEN.with_json(every.choices)) == [*PHONES]
    offered = [
        read(tmp_path, listed(name, values), NOTHING_CHOSEN.with_json(offer.choices)) for offer in question.offers
    ]
    assert offered[0] == [PHONES[place] for place in sorted(out)]
    assert question.offers[0].label.startswith(f"Only the {len(out)} ")


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("sms_opted_out", ("TRUE",)),
        ("opted_out_at", ("2024-11-05", "2024-11-06")),
        ("status", ("unsubscribed", "opted out")),
        ("status", ("delivered", "failed", "")),
        ("status", ("New York", "Utah")),
        ("status", ("", "")),
        ("note", ("asked to stop", "", "stop", "yes")),
        ("reason", ("STOP", "wrong number", "")),
        ("opt_out_reason", ("STOP", "", "rude")),
        ("Opt In Date", ("2024-11-05", "")),
        ("text", ("please take me off", "no thanks, I voted", "ok")),
        ("state", ("NY", "IN", "OK")),
        ("first_name", ("Yes", "No")),
        ("channel", ("sms", "SMS", "text")),
        ("type", ("STOP", "manual")),
        ("list", ("GOTV", "GOTV")),
        ("Estado", ("Jalisco", "Oaxaca")),
        ("active_district", ("12", "7")),
        ("removed by", ("Kim", "Lee")),
        ("action", ("remove", "remove")),
        ("Disposition", ("Supporter", "Not Home")),
        ("tags", ("volunteer", "donor; yard sign")),
        ("keyword", ("STOP", "QUIT")),
        ("reply", ("leave me alone", "who is this?", "no thanks")),
        ("errors", ("30003", "30005")),
        ("opted out via", ("SMS", "Web form", "Email")),
        ("message", ("stop", "Please remove me from this list", "Don't text me again!", "pls stop texting my mom")),
    ],
)
def test_a_column_that_tells_nobody_apart_is_not_asked_about(
    tmp_path: Path, name: str, values: tuple[str, ...]
) -> None:
    """By name alone nothing is asked: what it says has to tell those who want no texts from others."""
    assert questions(tmp_path, listed(name, values)) == []


def test_whatever_is_noted_of_an_opt_out_tells_it(tmp_path: Path) -> None:
    """Words that say neither yes nor no, beside blank ones, are as good as a yes: those rows are offered."""
    text = listed("opted out", ["by Kim", "", "told Lee", ""])
    [question] = questions(tmp_path, text)
    assert question.offers[0].label == 'Only the 2 where "opted out" is filled'
    assert read(tmp_path, text, NOTHING_CHOSEN.with_json(question.offers[0].choices)) == [ONE, THREE]


def test_a_list_of_people_none_of_whom_asked_is_asked_about(tmp_path: Path) -> None:
    """Where nobody in it opted out, opting out all of them is not what it says."""
    [question] = questions(tmp_path, listed("sms_opted_out", ["FALSE"]))
    assert question.open
    assert [offer.label for offer in question.offers] == ["All 4 rows"]


def test_yes_or_no_to_who_knows_what_is_each_offered(tmp_path: Path) -> None:
    """A column called `text` may say who is texted, or who is not: each reading has its own button."""
    text = listed("text", ["yes", "no", "yes", ""])
    [question] = questions(tmp_path, text)
    assert question.text == '"text" says "yes" in 2 rows, "no" in 1 and nothing in 1. Which rows are to be opted out?'
    assert [offer.label for offer in question.offers] == [
        'Only the 2 that say "yes"',
        'Only the 3 that say "yes" or nothing',
        'Only the 1 that says "no"',
        "All 4 rows",
    ]


def test_an_answer_in_words_that_are_not_known_is_asked_about(tmp_path: Path) -> None:
    """Where a column of consent says two things in no language that is known, each of them is offered."""
    [question] = questions(tmp_path, listed("opt out", ["હા", "ના"]))
    assert question.open
    assert [offer.label for offer in question.offers] == [
        'Only the 2 that say "ના"',
        'Only the 2 that say "હા"',
        "All 4 rows",
    ]


def test_a_list_column_offers_its_lists(tmp_path: Path) -> None:
    """Of several lists in one file one can be chosen."""
    text = listed("List name", ["SMS stops", "Newsletter", "SMS stops", "Volunteers"])
    [question] = questions(tmp_path, text)
    assert [offer.label for offer in question.offers] == [
        'Only the 2 that say "SMS stops"',
        'Only the 1 that says "Newsletter"',
        'Only the 1 that says "Volunteers"',
        "All 4 rows",
    ]


def test_a_value_that_first_comes_on_a_late_line_is_asked_about(tmp_path: Path) -> None:
    """Values are those of the whole list, and so are their counts: the first lines alone would say that all is well."""
    text = "phone,status\n" + "".join(
        f"+1212555{number:04},{'subscribed' if number == 900 else 'unsubscribed'}\n" for number in range(1_000)
    )
    [question] = questions(tmp_path, text)
    assert '"unsubscribed" in 999 rows and "subscribed" in 1' in question.text
    assert len(read(tmp_path, text, NOTHING_CHOSEN.with_json(question.offers[0].choices))) == 999


def test_what_was_chosen_in_other_letters_is_not_offered_again(tmp_path: Path) -> None:
    """Names and values are compared as they are everywhere else: what is in force is no other way."""
    text = "phone,Status,Land\n07400 123456,stop,UK\n06 12 34 56 78,stop,FR\n07400 123457,ok,UK\n"
    chosen = Choices(only=(("STATUS", ("Stop",)),), country_column="land")
    countries, rows = questions(tmp_path, text, chosen, country="GB")
    assert [offer.label for offer in countries.offers] == ["All as United Kingdom"]
    assert [offer.label for offer in rows.offers] == ["All 3 rows"]


@pytest.mark.parametrize("many", [1, 3_000])
def test_rows_with_a_country_of_their_own_are_not_called_assumed(tmp_path: Path, many: int) -> None:
    """Only those that were read as of the list's country are counted as such, whether read one by one or many at once."""
    rows = "".join(
        f"07400 1{number:05},UK\n06 12 3{number // 1000} {number // 10 % 100:02} {number % 10}8,FR\n0740011{number:04},\n"
        for number in range(many)
    )
    text = f"phone,country\n{rows}"
    scratch = staged(tmp_path, text, Choices(country_column="country"), country="GB")
    scratch.delete()
    assert scratch.summary["assumed"] == 2 * many
    [question] = questions(tmp_path, text, country="GB")
    assert f"{many:,} row" in question.text


def test_what_was_chosen_is_said_with_the_other_ways(tmp_path: Path) -> None:
    """A question that was answered is not open any more, and its other offers stay."""
    text = listed("sms_opted_out", ["FALSE", "TRUE"])
    only = Choices(only=(("SMS_Opted_Out", ("true",)),))
    [question] = questions(tmp_path, text, only)
    assert not question.open
    assert question.text.startswith('Only the rows that say "TRUE" in "sms_opted_out" count.')
    assert [offer.label for offer in question.offers] == ["All 4 rows"]
    scratch = staged(tmp_path, text, only)
    scratch.delete()
    assert (scratch.rows, scratch.counts.phones, scratch.counts.unreadable) == (2, 2, 0)
    assert "2 rows were left out, as chosen" in scratch.summary["remarks"]
    [question] = questions(tmp_path, text, Choices(all_rows=True))
    assert (question.open, question.offers[0].label) == (False, 'Only the 2 that say "TRUE"')


def test_each_question_is_answered_by_itself(tmp_path: Path) -> None:
    """What is chosen of one column says nothing of another, and is not lost by its answer."""
    text = "phone,status,channel\n" + "".join(
        f"{phone},{status},{channel}\n"
        for phone, (status, channel) in zip(
            PHONES,
            [("unsubscribed", "sms"), ("unsubscribed", "email"), ("active", "sms"), ("active", "email")],
            strict=True,
        )
    )
    first, second = questions(tmp_path, text)
    choices = NOTHING_CHOSEN.with_json(first.offers[0].choices)
    asked = {question.text.split(" says")[0]: question.open for question in questions(tmp_path, text, choices)}
    assert list(asked.values()).count(True) == 1
    assert read(tmp_path, text, choices.with_json(second.offers[0].choices)) == [ONE]


def test_rows_that_do_not_count_are_not_called_unreadable(tmp_path: Path) -> None:
    """Whoever is left out is left out, whether their phone could be read or not; blank lines are nobody."""
    text = 'phone,sms_opted_out\n12345,FALSE\n\n"(212) 555-0101",TRUE\n999,TRUE\n,FALSE\n+12125550102,FALSE\n'
    scratch = staged(tmp_path, text, Choices(only=(("sms_opted_out", ("TRUE",)),)))
    rows = scratch.unreadable(0, 10)
    scratch.delete()
    assert (scratch.rows, scratch.counts.phones, [row.line for row in rows]) == (2, 1, [5])
    assert "3 rows were left out, as chosen" in scratch.summary["remarks"]


@pytest.mark.parametrize("name", ["nosuch", "sms_opted_out (2nd)"])
def test_a_column_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    """A choice by a column that the list does not have takes nobody in silence."""
    text = listed("sms_opted_out", ["FALSE", "TRUE"])
    for choices in (Choices(only=((name, ("x",)),)), Choices(country_column=name), Choices(columns=(name,))):
        with pytest.raises(ListRefused, match=r"no column called `(nosuch|sms_opted_out)"):
            staged(tmp_path, text, choices)


def test_a_thrutext_export_is_asked_about_only_where_it_has_opt_ins(tmp_path: Path) -> None:
    """Whatever its kinds of opt-outs are called, they are opt-outs; one who opted in again is none."""
    head = "timestamp,contact_id,contact_phone,opt_out_type\n"
    assert questions(tmp_path, f"{head}2024-11-05,1,{ONE},contact\n2024-11-05,2,{TWO},sender\n") == []
    [question] = questions(tmp_path, f"{head}2024-11-05,1,{ONE},opted out\n2024-11-05,2,{TWO},opted in\n")
    assert question.offers[0].label == 'Only the 1 that says "opted out"'


# --- country --------------------------------------------------------------------------------------------------------

ABROAD = (
    ("US", "212-555-0101", "+12125550101"),
    ("GB", "07400 123456", "+447400123456"),
    ("IN", "9195550123", "+919195550123"),
    ("AU", "0412 345 678", "+61412345678"),
    ("FR", "06 12 34 56 78", "+33612345678"),
    ("MX", "55 1234 5678", "+525512345678"),
    ("DE", "0151 20127101", "+4915120127101"),
)


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("country", ("US", "GB", "IN", "AU", "FR", "MX", "DE")),
        ("Country Code", ("1", "44", "91", "61", "33", "52", "49")),
        ("calling_code", ("+1", "+44", "+91", "+61", "+33", "+52", "+49")),
        ("Country", ("United States", "United Kingdom", "India", "Australia", "France", "Mexico", "Germany")),
        ("ISO3", ("USA", "GBR", "IND", "AUS", "FRA", "MEX", "DEU")),
        ("País", ("Estados Unidos", "Reino Unido", "India", "Australia", "Francia", "México", "Alemania")),
        (
            "Land",
            (
                "Vereinigte Staaten",
                "Vereinigtes Königreich",
                "Indien",
                "Australien",
                "Frankreich",
                "Mexiko",
                "Deutschland",
            ),
        ),
        ("phone_country", ("us", "gb", "in", "au", "fr", "mx", "de")),
        ("cc", ("001", "0044", "0091", "0061", "0033", "0052", "0049")),
        ("dial code", ("1.0", "44.0", "91.0", "61.0", "33.0", "52.0", "49.0")),
        (
            "Country",
            ("USA (+1)", "UK (+44)", "India (+91)", "Australia (+61)", "France (+33)", "Mexico (+52)", "Germany (+49)"),
        ),
        ("whence", ("United States", "United Kingdom", "India", "Australia", "France", "Mexico", "Germany")),
        ("x", ("+1", "+44", "+91", "+61", "+33", "+52", "+49")),
    ],
)
def test_each_row_is_read_with_its_own_country(tmp_path: Path, name: str, values: tuple[str, ...]) -> None:
    """It is asked, and by one answer each phone is the one that its row means; nobody else's is among them."""
    text = f"{name},phone\n" + "".join(f"{value},{cell}\n" for value, (_, cell, _) in zip(values, ABROAD, strict=True))
    [question] = questions(tmp_path, text)
    assert question.open
    assert name in question.text
    each, whole = question.offers
    assert (each.label, whole.label) == (f'Country of each row from "{name}"', "All as United States")
    chosen = NOTHING_CHOSEN.with_json(each.choices)
    assert read(tmp_path, text, chosen) == sorted(phone for _, _, phone in ABROAD)
    # What country is in force besides does not matter then.
    assert read(tmp_path, text, chosen, country="BR") == sorted(phone for _, _, phone in ABROAD)


@pytest.mark.parametrize(
    "text",
    [
        "country,phone\nUS,212-555-0101\nUS,212-555-0102\n",
        "country,phone\nUS,212-555-0101\nCA,416-555-0102\nUnited States,212-555-0102\n",
        "country,phone\nGB,+447400123456\nIN,+919195550123\n",
        "country,phone\n,212-555-0101\n,212-555-0102\n",
        "country,phone\nCountry & Western,212-555-0101\nBlues,212-555-0102\n",
        "state,phone\nIN,212-555-0101\nCA,212-555-0102\nDE,212-555-0103\n",
        "prefix,phone\nMr,212-555-0101\nDr,212-555-0102\n",
        "county,phone\nKings,212-555-0101\nQueens,212-555-0102\n",
        "first_name,phone\nChad,212-555-0101\nAnn,212-555-0102\n",
        "zip code,phone\n10001,212-555-0101\n10002,212-555-0102\n",
        "precinct,phone\n44,212-555-0101\n91,212-555-0102\n",
    ],
)
def test_a_column_that_moves_no_number_is_not_asked_about(tmp_path: Path, text: str) -> None:
    """Where each number is the same whatever the column says, or it has no countries in it, there is nothing to decide."""
    assert questions(tmp_path, text) == []


def test_a_country_that_is_none_is_a_reason(tmp_path: Path) -> None:
    """Such a row is unreadable, unless its number has a country code; a blank one is of the country in force."""
    text = f"country,phone\nGB,07400 123456\nUtopia,0151 20127101\nUtopia,{ONE}\n,212-555-0102\nUtopia,12\n"
    scratch = staged(tmp_path, text, Choices(country_column="Country"))
    phones, rows = sorted(scratch.batch("", 10).lines), scratch.unreadable(0, 10)
    scratch.delete()
    assert phones == [ONE, TWO, "+447400123456"]
    assert [(row.line, row.code) for row in rows] == [(3, "unknown_country"), (6, "unknown_country")]
    assert "a country that is none" in rows[0].reason


def test_two_columns_of_countries_are_both_offered(tmp_path: Path) -> None:
    """The one of the phone before the one of the address."""
    text = "country,calling code,phone\nFrance,44,07400 123456\nFrance,1,212 555 0101\n"
    [question] = questions(tmp_path, text)
    assert [offer.label for offer in question.offers] == [
        'Country of each row from "calling code"',
        'Country of each row from "country"',
        "All as United States",
    ]
    assert read(tmp_path, text, Choices(country_column="calling code")) == [ONE, "+447400123456"]


@pytest.mark.wide
def test_many_countries_are_read_as_well_as_few(tmp_path: Path) -> None:
    """Beyond those that are read fast, each row is still read with its own."""
    rows = [*ABROAD, ("BR", "(11) 96123-4567", "+5511961234567"), ("ES", "612 34 56 78", "+34612345678")]
    rows += [("IT", "312 345 6789", "+393123456789"), ("ZA", "071 123 4567", "+27711234567")]
    text = "country,phone\n" + "".join(f'{country},"{cell}"\n' for country, cell, _ in rows * 3)
    assert read(tmp_path, text, Choices(country_column="country")) == sorted(phone for *_, phone in rows)
    assert read(tmp_path, text.replace('"', ""), Choices(country_column="country")) == sorted(p for *_, p in rows)


@pytest.mark.parametrize(
    ("cell", "region"),
    [
        (" uk ", "GB"),
        ("+44", "GB"),
        ("0044", "GB"),
        ("'+44", "GB"),
        ("44.0", "GB"),
        ("GBR", "GB"),
        ("Great Britain", "GB"),
        ("Deutschland", "DE"),
        ("(+49)", "DE"),
        ("", None),
        ("999", None),
        ("XX", None),
        ("ZZZ", None),
        ("x" * 10_000, None),
        ("🇬🇧", "GB"),
        ("🇫🇷 France", "FR"),
    ],
)
def test_countries_are_known_as_they_are_written(cell: str, region: str | None) -> None:
    """By name, nickname, ISO code of two or three letters, or calling code."""
    assert region_of(cell) == region


# --- several columns of phones --------------------------------------------------------------------------------------

WALK = "name,phone,cell\nAna,212-555-0101,212-555-0102\nBo,212-555-0103,\nCy,,212-555-0104\nDi,none,n/a\n"


def test_several_columns_of_phones_are_asked_about(tmp_path: Path) -> None:
    """Each is named with how many of its cells are phones; one can be chosen, or all of them."""
    [question] = questions(tmp_path, WALK)
    assert question.open
    assert question.text.startswith('"phone" (2 filled) and "cell" (2 filled) look like phone numbers.')
    assert [offer.label for offer in question.offers] == ["Both columns", 'Only "phone"', 'Only "cell"']
    both, phone, cell = (NOTHING_CHOSEN.with_json(offer.choices) for offer in question.offers)
    assert read(tmp_path, WALK, both) == [*PHONES]
    assert read(tmp_path, WALK, phone) == [ONE, THREE]
    assert read(tmp_path, WALK, cell) == [TWO, FOUR]
    assert [question.open for question in questions(tmp_path, WALK, both)] == [False]


def test_counts_of_several_columns_add_up(tmp_path: Path) -> None:
    """A row with two phones is one row; what of it could not be read is told beside the phone that could."""
    text = (
        "phone,cell\n212-555-0101,212-555-0102\n212-555-0101,212-555-0101\n12345,212-555-0103\n,\n1,2\nx,212-555-0104\n"
    )
    scratch = staged(tmp_path, text, Choices(columns=("phone", "cell")))
    rows = scratch.unreadable(0, 10)
    phones = scratch.batch("", 10).lines
    scratch.delete()
    assert phones == {ONE: 2, TWO: 2, THREE: 4, FOUR: 7}
    assert (scratch.rows, scratch.summary["readable"]) == (5, 6)
    assert [(row.line, row.cell) for row in rows] == [(4, "12345"), (6, "1")]
    assert rows[0].reason.startswith("phone: 5 digits")


def test_a_column_beyond_the_header_is_asked_about(tmp_path: Path) -> None:
    """Where one name stands over two columns of phones, or the second has none, nobody's only number is passed over."""
    for head in ("name,phone\n", "name,phone,\n"):
        text = f"{head}Ana,{ONE},{TWO}\nBo,{THREE},\nCy,,{FOUR}\n"
        [question] = questions(tmp_path, text)
        labels = ["Both columns", 'Only "phone"', 'Only "column 3 (no name)"']
        assert [offer.label for offer in question.offers] == labels
        found = [read(tmp_path, text, NOTHING_CHOSEN.with_json(offer.choices)) for offer in question.offers]
        assert found == [[*PHONES], [ONE, THREE], [TWO, FOUR]]


def test_columns_called_alike_are_all_asked_about(tmp_path: Path) -> None:
    """Two called `phone` are two columns of phones, of which none is passed over."""
    [question] = questions(tmp_path, f"phone,Phone,note\n{ONE},{TWO},x\n")
    assert [offer.label for offer in question.offers] == ["Both columns", 'Only "phone"', 'Only "Phone (2nd)"']
    assert read(tmp_path, f"phone,Phone,note\n{ONE},{TWO},x\n", Choices(columns=("Phone (2nd)",))) == [TWO]


def test_a_second_column_that_is_filled_late_is_asked_about(tmp_path: Path) -> None:
    """A column called so that is blank in the first lines may have somebody's only number further down."""
    text = "phone,cell\n" + "".join(f"+1212555{number:04},\n" for number in range(500)) + ",+14155550101\n"
    [question] = questions(tmp_path, text)
    assert '"cell" (1 filled)' in question.text
    assert questions(tmp_path, text.replace("+14155550101", "")) == []


@pytest.mark.parametrize(
    "text",
    [
        f"phone,id\n{ONE},4155550101\n{TWO},4155550102\n",
        f"phone,date\n{ONE},2024-11-05\n{TWO},2024-11-06\n",
        f"phone,order number\n{ONE},4155550101\n{TWO},4155550102\n",
        f"phone,cell\n{ONE},\n{TWO},\n",
        f"phone,cell\n{ONE},yes\n{TWO},no\n",
    ],
)
def test_what_is_no_second_phone_is_not_asked_about(tmp_path: Path, text: str) -> None:
    """Ids, dates and blank columns are nobody's phone."""
    assert questions(tmp_path, text) == []


# --- logs of messages -----------------------------------------------------------------------------------------------

OWN = "+16465550199"


def logged(*rows: tuple[str, str, str, str]) -> str:
    return "From,To,Body,Direction\n" + "".join(",".join(row) + "\n" for row in rows)


def test_the_voter_of_a_log_is_not_the_sender(tmp_path: Path) -> None:
    """The column with one number in every row is the campaign's own: the other one is offered."""
    with pytest.raises(Undecided) as caught:
        staged(tmp_path, logged(*((phone, OWN, "STOP", "inbound") for phone in PHONES)))
    [offer] = caught.value.question.offers
    assert (offer.label, offer.choices) == ('Only "From"', {"columns": ["From"]})
    assert '"To" has one number in every row' in caught.value.question.text
    text = logged(*((phone, OWN, "STOP", "inbound") for phone in PHONES))
    assert read(tmp_path, text, Choices(columns=("From",))) == [*PHONES]
    assert questions(tmp_path, text, Choices(columns=("From",))) == []


def test_a_log_of_both_directions_is_asked_which(tmp_path: Path) -> None:
    """The campaign's own messages are in it too, and not everybody who wrote asked to stop."""
    text = logged(
        (ONE, OWN, "STOP", "inbound"),
        (OWN, ONE, "You are out.", "outbound-reply"),
        (TWO, OWN, "Count me in!", "inbound"),
        (OWN, THREE, "Will you vote?", "outbound-api"),
    )
    with pytest.raises(Undecided) as caught:
        staged(tmp_path, text)
    assert [offer.label for offer in caught.value.question.offers] == ['Only "From"', 'Only "To"']
    choices = Choices(columns=("From",))
    asked = [question for question in questions(tmp_path, text, choices) if question.open]
    assert [question.text.split(" says ")[0] for question in asked] == ['"Body"', '"Direction"']
    for question in asked:
        choices = choices.with_json(question.offers[0].choices)
    assert read(tmp_path, text, choices) == [ONE]


# --- what nobody means well -----------------------------------------------------------------------------------------


@pytest.mark.wide
def test_a_column_of_thousands_of_values_is_no_status(tmp_path: Path) -> None:
    """What is kept of a column is bounded, however many values it has, and how long they are."""
    rows = "".join(f"+1212{number:07},{'x' * 5_000}{number}\n" for number in range(2_000_000, 2_010_000))
    assert questions(tmp_path, f"phone,status\n{rows}") == []
    rows = "".join(f"+1212{number:07},2024-01-01 {number}\n" for number in range(2_000_000, 2_010_000))
    [question] = questions(tmp_path, f"phone,opted_out_at\n+12125550101,\n{rows}")
    assert question.offers[0].label == 'Only the 10,000 where "opted_out_at" is filled'
    assert len(json.dumps(question.to_json())) < 4_000
    assert (
        len(
            read(
                tmp_path,
                f"phone,opted_out_at\n+12125550101,\n{rows}",
                NOTHING_CHOSEN.with_json(question.offers[0].choices),
            )
        )
        == 10_000
    )


@pytest.mark.wide_but_first
@pytest.mark.parametrize("name", ["a=b", "a,b", "=cmd()", "<b>*x*", "o" * 300, "\u202etuo", "opt\u00a0out", "😀" * 100])
@pytest.mark.parametrize("value", ["=cmd()", "<!channel>", "a,b=c", "y" * 300, "*", "😀" * 100])
def test_names_and_values_of_any_kind_can_be_chosen(tmp_path: Path, name: str, value: str) -> None:
    """Whatever a column is called and says, each offer is what it says, and short enough for a button."""
    text = listed(f"{name} opt out", [value, "no"]) if len(name) < 30 else listed(name, [value, "unsubscribed"])
    asked = questions(tmp_path, text) or questions(tmp_path, text, Choices(only=((name[:40], (value,)),)))
    for question in asked:
        assert len(question.text) < 1_000
        for offer in question.offers:
            assert len(json.dumps(offer.choices)) < 1_900
            [[_, values]] = offer.choices["only"]
            phones = read(tmp_path, text, NOTHING_CHOSEN.with_json(offer.choices))
            assert len(phones) == (4 if values is None or len(values) > 1 or values == ["*"] else 2)


@pytest.mark.wide
def test_hundreds_of_columns_and_ragged_rows(tmp_path: Path) -> None:
    """Columns beyond those that people look through mean nothing, and a short row says nothing in those it lacks."""
    names = ["phone", *(f"opt out {number}" for number in range(1_000))]
    rows = [",".join([phone, *(["yes"] * 700 if phone == ONE else ["no"])]) for phone in PHONES]
    asked = questions(tmp_path, ",".join(names) + "\n" + "\n".join(rows) + "\n")
    assert len(asked) == 20
    answered = Choices(only=tuple((f"opt out {number}", None) for number in range(480)))
    asked = questions(tmp_path, ",".join(names) + "\n" + "\n".join(rows) + "\n", answered)
    assert [question.open for question in asked] == [True] * 19 + [False]
    ragged = f"phone,x,status\n{ONE}\n{TWO},x\n{THREE},x,unsubscribed,more,12\n{FOUR},x,active\n"
    [question] = questions(tmp_path, ragged)
    assert "nothing in 2" in question.text
    assert read(tmp_path, ragged, NOTHING_CHOSEN.with_json(question.offers[0].choices)) == [THREE]


def test_recognition_is_by_name_and_values() -> None:
    """The kinds of columns, and what a yes in each says."""
    columns = ["phone", "opted_out", "consent", "status", "channel", "phone type", "direction", "list", "country"]
    rows = [["2125550101", "", "", "", "", "", "", "", "US"]]
    meanings = meanings_of(columns, rows)
    assert [(marker.kind, marker.polarity) for marker in meanings.markers] == [
        (ColumnKind.STATUS, Sense.OUT),
        (ColumnKind.STATUS, Sense.IN),
        (ColumnKind.STATUS, None),
        (ColumnKind.CHANNEL, None),
        (ColumnKind.TYPE, None),
        (ColumnKind.DIRECTION, None),
        (ColumnKind.LIST, None),
    ]
    assert (meanings.countries, meanings.phones) == ((8,), (0,))


# --- above and below ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "below",
    [
        '\n\n"Opt outs"\n"Confidential"\n"Questions? Call","","(646) 555-0199"\n',
        '"Questions? Call",,(646) 555-0199\n',
        "\nRegional office\nTel,,646-555-0199\n",
        "\nGenerated by:  Kim Lee  11/5/2024\nContact us,(646) 555-0199,\n",
        "Total,,6465550199\n",
        "\nGrand total:,2,6465550199\n",
        "Average,,6465550199\n",
    ],
)
def test_whom_to_call_about_a_list_is_not_on_it(tmp_path: Path, below: str) -> None:
    """What stands below a list is told, and opts nobody out."""
    scratch = staged(tmp_path, f"First,Last,Phone\nAna,Ruiz,(212) 555-0101\nBo,Chen,(212) 555-0102\n{below}")
    phones, rows = sorted(scratch.batch("", 10).lines), scratch.unreadable(0, 10)
    scratch.delete()
    assert phones == [ONE, TWO]
    assert [row.code for row in rows] == ["below_list"]
    assert "5550199" in rows[0].cell.replace("-", "")


@pytest.mark.parametrize(
    "below",
    [
        "\nCy,Doe,(646) 555-0199\n",
        "\nMore people\nCy,Doe,(646) 555-0199\n",
        "Cy,,(646) 555-0199\n",
        "\n,,(646) 555-0199\n",
        "Confidential,Doe,(646) 555-0199\n",
        "Total Comfort Inc,Doe,(646) 555-0199\n",
        "Sum,Kim,(646) 555-0199\n",
    ],
)
def test_rows_behind_a_gap_are_rows(tmp_path: Path, below: str) -> None:
    """A blank line, a title or a short row does not end a list."""
    text = f"First,Last,Phone\nAna,Ruiz,(212) 555-0101\nBo,Chen,(212) 555-0102\n{below}"
    assert read(tmp_path, text) == [ONE, TWO, "+16465550199"]


def test_a_header_may_be_wider_than_its_rows(tmp_path: Path) -> None:
    """Its names are there all the same, and the likely one is offered."""
    with pytest.raises(ListRefused, match="phone number looks like phone numbers"):
        staged(
            tmp_path,
            "phone number,name,colour,,,unneeded,\n07400 123401,Pete,Coral\n07400 123402,Jo,Red\n",
            country="GB",
        )


# --- beside the phone -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "note",
    ["also text 212-555-0109", "call her husband at 2125550109", "Handy: +4915120127101", "(212) 555 0109 is her work"],
)
def test_a_phone_among_the_words_of_a_note_is_told(tmp_path: Path, note: str) -> None:
    """Whose it is nobody can tell: it is not opted out, and not passed over in silence."""
    scratch = staged(tmp_path, f"phone,Notes\n{ONE},asked to stop\n{TWO},{note}\n")
    phones = sorted(scratch.batch("", 10).lines)
    scratch.delete()
    assert phones == [ONE, TWO]
    told = 'phone numbers among the words of "Notes" are not read: give each its own row if it is meant'
    assert told in scratch.summary["remarks"]


@pytest.mark.parametrize(
    "note",
    [
        "asked on 11/05/2024 at 10:30",
        "moved to 12 Main St 10001",
        "paid $1,234,567.00",
        "ref ab1234567890cd",
        "https://example.com/2125550109",
        "2125550109",
        "2024-11-05 10:30:00 by Kim",
        "id=2125550109",
    ],
)
def test_what_is_no_phone_among_words_is_not_told(tmp_path: Path, note: str) -> None:
    """Dates, amounts, addresses and links are none."""
    scratch = staged(tmp_path, f"phone,order id\n{ONE},{note}\n{TWO},\n")
    scratch.delete()
    assert not any("among the words" in remark for remark in scratch.summary["remarks"])


# --- numbers in two columns -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "rows", "country"),
    [
        ("Area,Number", "212,5550101\n646,555-0102", "US"),
        ("AreaCode,phone", "(212),555 0101\n(212),555 0102", "US"),
        ("Prefix,phone", "212,5550101\n646,5550102", "US"),
        ("Area code,phone", "212.0,5550101.0\n646.0,5550102.0", "US"),
        ("Vorwahl,phone", "030,1234567\n089,12345678", "DE"),
        ("Vorwahl,phone", "30,1234567\n6221,345678", "DE"),
        ("STD code,phone", "011,23456789\n022,23456780", "IN"),
        ("Lada,phone", "55,12345678\n33,12345679", "MX"),
    ],
)
def test_area_codes_in_a_column_of_their_own(tmp_path: Path, names: str, rows: str, country: str) -> None:
    """What is left of a number without its area code may be another's: the list is refused, and both columns are named."""
    area, rest = names.split(",")
    for column in None, rest:
        with pytest.raises(ListRefused) as refused:
            read(tmp_path, f"{names}\n{rows}\n", country=country, column=column)
        assert f'"{area}" looks like their area codes, and "{rest}" like the rest of them' in str(refused.value)


@pytest.mark.parametrize(
    ("names", "rows", "country"),
    [
        ("Area,phone", "212,2125550101\n646,6465550102", "US"),  # told once more
        ("Area,phone", "12,2125550101\n13,6465550102", "US"),  # of whoever goes from door to door
        ("Vorwahl,phone", "030,030 1234567\n089,089 12345678", "DE"),
        ("Prefix,phone", "45,32123456\n47,40612345", "DK"),  # countries
        ("Prefix,phone", "Mr,2125550101\nDr,6465550102", "US"),
        ("Area,phone", "212,+4532123456\n646,+4532123457", "US"),
    ],
)
def test_a_column_beside_whole_numbers_is_no_part_of_them(tmp_path: Path, names: str, rows: str, country: str) -> None:
    """Whatever it is called."""
    assert len(read(tmp_path, f"{names}\n{rows}\n", country=country)) == 2
