"""Countries by the names that people give them."""

from store.phones.country_names import NATIVE_NAMES
from tests.country_names import PAGE, native_names, page


def test_native_names_are_those_that_babel_knows() -> None:
    """The table of native names is what CLDR says today; `python -m tests.country_names` makes it anew."""
    assert {code: names for code, names in native_names().items() if names} == NATIVE_NAMES
    assert PAGE.read_text(encoding="utf-8") == page()
