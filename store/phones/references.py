"""Words and signs before a number that make it something else than a phone: a ticket, an order, "#". Pure."""

import re
from typing import Final

from store.phones.groups import LONGEST_LABEL

# A word before a number that makes it something else's, in English, Spanish, French and German; and what may stand between.
_REFERENCES: Final = frozenset(
    [
        "ticket",
        "tickets",
        "order",
        "orders",
        "case",
        "cases",
        "ref",
        "refs",
        "reference",
        "references",
        "invoice",
        "invoices",
        "inv",
        "account",
        "accounts",
        "acct",
        "id",
        "ids",
        "po",
        "tracking",
        "serial",
        "confirmation",
        "transaction",
        "receipt",
        "claim",
        "policy",
        "donation",
        "membership",
        "imei",
        "iban",
        "ssn",
        "nhs",
        "abn",
        "acn",
        "tfn",
        "aadhaar",
        "aadhar",
        "siret",
        "siren",
        "cpf",
        "cnpj",
        "dni",
        "nif",
        "clabe",
        "cuit",
        "cuil",
        "passport",
        "pasaporte",
        "passeport",
        "reisepass",
        "pedido",
        "pedidos",
        "orden",
        "órden",
        "ordenes",
        "órdenes",
        "caso",
        "casos",
        "factura",
        "facturas",
        "cuenta",
        "cuentas",
        "referencia",
        "referencias",
        "expediente",
        "expedientes",
        "folio",
        "folios",
        "guia",
        "guía",
        "seguimiento",
        "recibo",
        "boleto",
        "boletos",
        "commande",
        "commandes",
        "dossier",
        "dossiers",
        "facture",
        "factures",
        "compte",
        "comptes",
        "référence",
        "références",
        "réf",
        "billet",
        "billets",
        "suivi",
        "colis",
        "bestellung",
        "bestellungen",
        "auftrag",
        "aufträge",
        "vorgang",
        "vorgänge",
        "rechnung",
        "rechnungen",
        "konto",
        "aktenzeichen",
        "az",
        "referenz",
        "sendung",
        "sendungsverfolgung",
    ]
) | frozenset(
    f"{subject}{number}"
    for subject in [
        "bestell",
        "auftrags",
        "fall",
        "vorgangs",
        "rechnungs",
        "konto",
        "kunden",
        "ticket",
        "referenz",
        "sendungs",
        "mitglieds",
    ]
    for number in ("nummer", "nr")
)
_OF_REFERENCE: Final = frozenset(
    [
        "no",
        "nº",
        "n°",
        "n",
        "o",
        "num",
        "nr",
        "number",
        "numbers",
        "nummer",
        "numero",
        "número",
        "numéro",
        "code",
        "id",
        "is",
        "was",
        "ist",
        "es",
        "est",
    ]
)
# "phone # 212-555-0100": here the sign says "number".
_OF_PHONE: Final = frozenset(
    [
        "phone",
        "phones",
        "cell",
        "mobile",
        "tel",
        "telephone",
        "fax",
        "number",
        "numbers",
        "contact",
        "call",
        "text",
        "her",
        "his",
        "their",
        "my",
        "the",
        "at",
        "is",
        "sms",
    ]
)
_BEHIND_WORD: Final = frozenset(" .:=([+\u00ba\u00b0-")
_MOST_BEHIND_WORD: Final = 4  # characters
_LONGEST_WORD: Final = 20
_AND_SO_ON = re.compile(r"[ ,;&/+(#-]{0,5}(?:(?:and|or|y|o|et|ou|und|oder) )?[ (#+]{0,4}")


def reference_before(text: str, start: int, last: tuple[str, int] | None) -> str | None:
    """
    The word or sign before *start* in *text*, which is `folded`; None where there is none.

    *last*: the reference of the number before, and where that ends; one of several, "tickets", is of those that follow as well.
    """
    sign: str | None = None
    end = start
    before = text[start - 1 : start]
    for _ in range(4 if before in _BEHIND_WORD or before == "#" or before.isalpha() else 0):
        written, end = _word_before(text, end)
        word = written.lower()
        if word in _REFERENCES:
            return written
        if sign is not None and word in _OF_PHONE:
            return None
        if word == "#":
            sign = "#"
        elif word not in _OF_REFERENCE:
            break
    if sign is not None or last is None:
        return sign
    reference, behind = last
    if (
        reference.endswith("s")
        and behind <= start <= behind + LONGEST_LABEL
        and _AND_SO_ON.fullmatch(text, behind, start)
    ):
        return reference
    return None


def _word_before(text: str, end: int) -> tuple[str, int]:
    """The word or "#" before *end*, with no more between than stands before a number, and where it begins; "" for none."""
    first = max(0, end - _MOST_BEHIND_WORD)
    while end > first and text[end - 1] in _BEHIND_WORD:
        end -= 1
    if text[end - 1 : end] == "#":
        return "#", end - 1
    start, first = end, max(0, end - _LONGEST_WORD)
    while start > first and text[start - 1].isalpha():
        start -= 1
    return text[start:end], start
