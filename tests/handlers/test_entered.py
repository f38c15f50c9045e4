"""Numbers as people enter them: read once, told once, and shown as they were written."""

from handlers.entered import read_phones
from store import NotAPhone


def test_each_number_once_with_how_often_it_was_entered() -> None:
    """Phones by what they are, however they were written; what is no phone by how it was written."""
    numbers = read_phones(["212 555 0100", "12345", "+1 (212) 555-0100", "&lt;12345", "12345"], "US")
    assert [(isinstance(number.reading, NotAPhone), number.times) for number in numbers] == [
        (False, 2),
        (True, 2),
        (True, 1),
    ]
    refused = numbers[2].reading
    assert isinstance(refused, NotAPhone)
    assert refused.text == "<12345"
