"""CSV injection: cells that a spreadsheet would run as formulas, made harmless and given back as they were."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def guarded(cell: str) -> str:
    """
    *cell* with an apostrophe in front where a spreadsheet would run it as a formula, so that it is shown.

    One that has apostrophes there already gets one more, so that `unguarded` gives back every cell as it was
    (https://owasp.org/www-community/attacks/CSV_Injection).
    """
    return "'" + cell if cell.lstrip("'").startswith(_FORMULA) else cell


def unguarded(cell: str) -> str:
    """*cell* without the apostrophe that `guarded` put in front."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA) else cell
