"""The child process at the limits of its machine: a disk that is full, and lists made to fill its memory."""

import asyncio
import shutil
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from io import BytesIO
from pathlib import Path

import pytest
from aiohttp import web

from handlers.work.job import Failed, Refused, Step
from tests.bench.memory import peak_mb
from tests.handlers.work.test_worker import Child, Desk, Handler, Start, content, desk, files, start
from tests.store.lists.workbooks import xlsx_parts, zipped

__all__ = ["desk", "files", "start"]  # fixtures

MEGABYTE = 1_000_000
# The bot and its child may take 250 MB together; the bot is a third of that.
MOST_MB = 170


def distinct(count: int) -> bytes:
    """A list of *count* phones, 13 bytes each."""
    return b"phone\n" + b"".join(b"+1%03d%07d\n" % (201 + n // 900_000, 2_000_000 + n % 900_000) for n in range(count))


@pytest.fixture
async def small_disk(tmp_path: Path) -> AsyncIterator["SmallDisk"]:
    """A file system of a few megabytes, which only the child that is started on it sees, and which ends with it."""
    disk = SmallDisk(tmp_path / "small")
    disk.path.mkdir()
    unshare = shutil.which("unshare")
    mount = [unshare or "", "--mount", "mount", "-t", "tmpfs", "tmpfs", str(disk.path)]
    if unshare is None or (await asyncio.to_thread(subprocess.run, mount, check=False, capture_output=True)).returncode:
        pytest.skip("mounting takes root; test_a_full_disk_is_a_sentence does without")
    yield disk
    if disk.child is not None:
        await disk.child.end()


class SmallDisk:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.child: Child | None = None

    async def start(self, megabytes: int) -> Child:
        command = f"mount -t tmpfs -o size={megabytes}m tmpfs '{self.path}' && exec '{sys.executable}' -m handlers.work.worker"
        self.child = Child(
            await asyncio.create_subprocess_exec(
                *("unshare", "--mount", "sh", "-c", command),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=Path(__file__).parents[3],
            )
        )
        return self.child

    def names(self) -> list[str]:
        """What is on it, as the child sees it."""
        assert self.child is not None
        return [path.name for path in Path(f"/proc/{self.child.process.pid}/root{self.path}").iterdir()]


def packed(members: Mapping[str, Iterable[bytes]]) -> bytes:
    """A zip file of *members*, packed piece by piece and quickly."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, pieces in members.items():
            with archive.open(name, "w") as member:
                for piece in pieces:
                    member.write(piece)
    return file.getvalue()


def zipped_list(pieces: Iterable[bytes]) -> bytes:
    return packed({"list.csv": pieces})


@pytest.mark.wide
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("raw", "megabytes"),
    [
        pytest.param(lambda: distinct(600_000), 5, id="while it is downloaded"),
        pytest.param(lambda: zipped_list([b"phone\n" + b"2125550100\n" * 1_000_000]), 5, id="while it is unpacked"),
        pytest.param(lambda: distinct(600_000), 12, id="while it is sorted"),
        pytest.param(lambda: distinct(400_000), 8, id="while the sorted list is written"),
        pytest.param(
            lambda: b"phone,name\n" + b"12,Ann Example of Oslo\n" * 40_000, 2, id="while unreadable rows are kept"
        ),
        pytest.param(lambda: distinct(300_000).decode().encode("utf-16"), 10, id="while it is transcoded"),
    ],
)
async def test_a_disk_is_full(desk: Desk, small_disk: SmallDisk, raw: Callable[[], bytes], megabytes: int) -> None:
    """At whatever step there is no room left, the upload ends in words about the disk, and the room is given back."""
    desk.files.answer = content(raw())
    child = await small_disk.start(megabytes)
    said = await child.do(desk.job(Step.STAGE, desk.receive(), scratch_dir=small_disk.path))
    assert isinstance(said, Failed), said
    assert said.problem == desk.get().problem
    assert said.problem.startswith("The desk's disk is full. Whoever runs it has to make room;")
    assert desk.get().state == "failed"
    assert small_disk.names() == []


def long_line(megabytes: int, piece: bytes) -> Handler:
    """A list whose one line is *megabytes* of *piece*, sent as it goes."""

    async def answer(request: web.Request) -> web.StreamResponse:
        chunk = piece * (MEGABYTE // len(piece))
        response = web.StreamResponse(headers={"Content-Length": str(6 + megabytes * len(chunk))})
        await response.prepare(request)
        await response.write(b"phone\n")
        for _ in range(megabytes):
            await response.write(chunk)
        return response

    return answer


def bomb() -> bytes:
    """A workbook of 1 MB whose strings unpack to 1.2 GB."""
    parts = xlsx_parts({"List": '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'})
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relation = f'<Relationship Id="rt" Type="{office}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
    relations = "xl/_rels/workbook.xml.rels"
    parts[relations] = parts[relations].replace(b"</Relationships>", relation.encode())
    strings = [b"<sst><si><t>", *[b" " * MEGABYTE] * 1_200, b"</t></si></sst>"]
    return packed({name: [part] for name, part in parts.items()} | {"xl/sharedStrings.xml": strings})


@pytest.mark.wide
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(
            lambda: long_line(999, b"4155552671,"), "has more than 134,217,728 characters on line", id="1 GB line"
        ),
        pytest.param(
            lambda: content(b"," * 20_000_000 + b"phone\n"),
            "has more than 16,777,216 characters on line 1",
            id="header",
        ),
        pytest.param(
            lambda: content(b"a\t" * 10_000_000 + b"phone\n"),
            "has more than 16,777,216 characters on line 1",
            id="named",
        ),
        pytest.param(lambda: content(bomb()), "unpacks to more than", id="workbook that unpacks to 1.2 GB"),
        pytest.param(
            lambda: content(zipped_list([b"phone\n", *[b"0" * MEGABYTE] * 1_200])),
            "unpacks to more than",
            id="zip of 1.2 GB",
        ),
        pytest.param(
            lambda: content(
                zipped(
                    xlsx_parts({"List": '<row r="1048576"><c r="XFD1048576"><v>1</v></c><c r="A1"><v>1</v></c></row>'})
                )
            ),
            "cannot be read: it is broken",
            id="sheet of billions of cells",
        ),
    ],
)
async def test_lists_made_to_fill_the_memory(
    desk: Desk, start: Start, answer: Callable[[], Handler], words: str
) -> None:
    """Downloaded and read by the child, each is refused in a sentence, and its memory stays what it always is."""
    desk.files.answer = answer()
    child = await start()
    said = await child.do(desk.job(Step.STAGE, desk.receive(), max_bytes=1_000 * MEGABYTE))
    assert isinstance(said, Refused), said
    assert words in said.problem
    assert "stops.csv" in said.problem
    assert peak_mb(child.process.pid) < MOST_MB
    assert list((desk.tmp_path / "scratch").iterdir()) == []
