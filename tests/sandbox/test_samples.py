"""The lists that the embedded Slack offers to drop."""

from pathlib import Path

import aiohttp
import phonenumbers
import pytest

from bot.sandbox import EmbeddedSlack, SandboxClient
from bot.sandbox.client import SandboxError
from bot.sandbox.samples import Sample, samples
from store.lists.staging import stage

SAMPLES = {sample.name: sample for sample in samples()}
CHUNK = 1_000_000


@pytest.mark.wide_but_first
@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_its_size_is_known_before_it_is_made(sample: Sample) -> None:
    """What is told of a list is what comes, in pieces that never hold a large one whole, and the same each time."""
    once, again = sample.chunks(), sample.chunks()
    size = 0
    for one, other in zip(once, again, strict=True):
        assert one == other
        assert len(one) < CHUNK
        size += len(one)
    assert size == sample.size


@pytest.mark.wide
def test_the_million_are_phones_of_the_united_states_and_no_person_s(tmp_path: Path) -> None:
    """Every row is another valid American number of the prefix 555, none that the reader of phones has doubts about."""
    path = tmp_path / "one-million.csv"
    with path.open("wb") as file:
        file.writelines(SAMPLES["one-million.csv"].chunks())
    scratch = stage(path, tmp_path / "scratch", country="US", column=None, progress=lambda *_: None)
    counts = scratch.counts
    scratch.delete()
    assert (counts.rows, counts.phones, counts.unreadable, counts.summary["flagged"]) == (1_000_000, 1_000_000, 0, 0)
    phones = [line[:14] for line in path.read_text(encoding="ascii").splitlines()[1:]]
    assert all(phone[6:10] == "555-" and phone[10:] >= "5000" for phone in phones)
    one_of_each_area = {phone[1:4]: phone for phone in phones}.values()
    regions = {phonenumbers.region_code_for_number(phonenumbers.parse(phone, "US")) for phone in one_of_each_area}
    assert regions == {"US"}


@pytest.mark.wide
async def test_the_lists_offered_are_dropped_by_name(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """The file that is shared is the list, byte for byte, of the size that the menu told; another name is refused."""
    offered = {each["name"]: each["size"] for each in await people.samples()}
    assert list(offered) == [
        "clean.csv",
        "messy.csv",
        "wrong-columns.csv",
        "contacts.csv",
        "thrutext.csv",
        "one-million.csv",
        "empty.csv",
    ]
    for name in ("messy.csv", "one-million.csv", "empty.csv"):
        outcome = await people.drop("guest", "optout-uploads", name)
        [file] = [each for each in (await people.state()).files if each["id"] == outcome.file]
        assert (file["name"], file["size"]) == (name, offered[name])
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{slack.url}/sandbox/files/{outcome.file}") as answer,
        ):
            for piece in SAMPLES[name].chunks():
                assert await answer.content.readexactly(len(piece)) == piece
            assert await answer.content.read() == b""
    with pytest.raises(SandboxError, match=r"There is no sample 'no\.csv'"):
        await people.drop("guest", "#optout-uploads", "no.csv")
