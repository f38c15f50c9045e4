"""
What countries are called where their languages are spoken, for `store.phones.country_names`: `python -m tests.country_names` writes it.

CLDR's data, read through Babel. Asked while a list is read, Babel would take half a second and 80 MB, since each of a
hundred languages comes with all that CLDR says of it.
"""

from pathlib import Path
from typing import Final

import babel
import babel.languages
import phonenumbers

from store.phones import country_names
from store.phones.countries import name_key

PAGE: Final = Path(country_names.__file__)
# In which countries are named elsewhere than there, too.
_LANGUAGES: Final = ("es", "fr", "de", "pt", "it")
_HEAD: Final = '''"""
The names of countries in the languages that are spoken there, and in Spanish, French, German, Portuguese and Italian.

From CLDR; by region code, as `store.phones.countries.name_key` has them. Made by `python -m tests.country_names`, and
a test fails when Babel knows others.
"""

from typing import Final

# fmt: off
NATIVE_NAMES: Final[dict[str, tuple[str, ...]]] = {
'''


def native_names() -> dict[str, tuple[str, ...]]:
    """The names by region code; one that two countries could be meant by is the first one's."""
    names: dict[str, str] = {}
    codes = sorted(phonenumbers.SUPPORTED_REGIONS)
    for code in codes:
        for language in babel.languages.get_official_languages(code, de_facto=True):
            try:
                territories = babel.Locale.parse(language, sep="_").territories
            except babel.UnknownLocaleError:
                continue
            if code in territories:
                names.setdefault(name_key(territories[code]), code)
    for language in _LANGUAGES:
        territories = babel.Locale(language).territories
        for code in codes:
            if code in territories:
                names.setdefault(name_key(territories[code]), code)
    return {code: tuple(sorted(name for name, its in names.items() if its == code)) for code in codes}


def page() -> str:
    """The module, as it has to stand."""
    lines = (f"    {code!r}: {names!r},\n" for code, names in native_names().items() if names)
    return _HEAD + "".join(lines).replace("'", '"') + "}\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
