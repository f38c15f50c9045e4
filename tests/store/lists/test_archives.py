"""Zip files that lie, hide, lead elsewhere or hold far too much."""

import stat
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from store.errors import ListRefused
from store.lists.formats import as_text
from tests.store.lists.workbooks import zipped

LIST = b"phone\n4155552671\n"


def outcome(directory: Path, raw: bytes) -> str:
    """The text of the list, or the sentence that refuses it; nothing is left that was not there."""
    path, spool = directory / "list.zip", directory / "spool"
    path.write_bytes(raw)
    try:
        return as_text(path, "list.zip", "phone", spool).path.read_text()
    except ListRefused as refused:
        assert [left.name for left in directory.iterdir()] == ["list.zip"]
        return str(refused)


def made(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for member, content in members:
            archive.writestr(member, content, method)
    return file.getvalue()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A link in a zip is no list, and what it leads to is not looked at."""
    link = zipfile.ZipInfo("stops.csv")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    assert "is a zip file with no list in it" in outcome(tmp_path, made((link, b"/etc/passwd")))
    assert outcome(tmp_path, made((link, b"/etc/passwd"), ("list.csv", LIST))) == LIST.decode()


@pytest.mark.parametrize(
    "name", ["../../list.csv", "/etc/list.csv", "..\\list.csv", "C:\\list.csv", "a/../../list.csv"]
)
def test_names_lead_nowhere(tmp_path: Path, name: str) -> None:
    """What a member is called is never written to; one that leads upwards is no list."""
    found = outcome(tmp_path, made((name, LIST)))
    assert found == LIST.decode() or "is a zip file with no list in it" in found
    assert {path.name for path in tmp_path.iterdir()} <= {"list.zip", "spool"}


def test_a_thousandfold_is_refused_at_once(tmp_path: Path) -> None:
    """What unpacks to hundreds of times its size is no list, and is not unpacked."""
    sentence = outcome(tmp_path, made(("list.csv", b"phone\n" + b"\n" * 40_000_000)))
    assert "MB that unpack to 40 MB, which no list does" in sentence


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_other_ways_to_pack_are_refused(tmp_path: Path, method: int) -> None:
    """To unpack some takes as much memory as the file says: up to gigabytes."""
    assert "is packed in a way that is not read" in outcome(tmp_path, made(("list.csv", LIST), method=method))


@pytest.mark.wide
def test_a_directory_of_any_length_is_not_loaded(tmp_path: Path) -> None:
    """A zip of 65,535 members is refused by the size of its directory."""
    raw = made(*((f"{number:020}.csv", b"") for number in range(65_535)))
    assert outcome(tmp_path, raw).startswith("list.zip holds more than 10,000 files")


def test_a_zip_in_a_zip_is_refused(tmp_path: Path) -> None:
    """One that holds itself would never end."""
    assert "is a zip file itself" in outcome(tmp_path, zipped({"list.zip": zipped({"list.csv": LIST})}))


def test_a_quine_is_refused(tmp_path: Path) -> None:
    """A zip that unpacks to itself is refused as the zip that is in it, after one turn."""
    inner = b"PK\x03\x04" + b"\0" * 1_000  # what unpacks begins as the file itself does
    assert "r.zip in list.zip is a zip file itself" in outcome(tmp_path, zipped({"r.zip": zipped({"r.zip": inner})}))
    assert "is broken" in outcome(tmp_path, zipped({"r.zip": inner}))
    workbook = zipped({"list.xlsx": zipped({"list.xlsx": zipped({"list.csv": LIST})})})
    assert "list.xlsx in list.zip is a zip file itself" in outcome(tmp_path, workbook)


def test_what_stands_behind_is_no_part(tmp_path: Path) -> None:
    """Bytes after the end are passed over or refused, and never read as a list."""
    assert outcome(tmp_path, zipped({"list.csv": LIST}) + b"phone\n4155559999\n" * 10).count("4155559999") == 0
