"""A zip is unpacked table by table; what could do harm is refused with what to do."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from features.errors import UserError
from service import incoming
from service.incoming import is_workbook, opened, unpack

ROWS = b"household_id\n1\n"


def zipped(path: Path, *files: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return path


def unpacked(path: Path, place: Path) -> list[str]:
    place.mkdir()
    unpack(path, place)
    return sorted(file.relative_to(place).as_posix() for file in place.rglob("*") if file.is_file())


def test_tables_are_found_at_the_top_or_in_one_folder_and_parts_in_theirs(tmp_path: Path) -> None:
    flat = zipped(tmp_path / "a.zip", ("households.csv", ROWS), ("register.yaml", b"county: '520523'\n"))
    assert unpacked(flat, tmp_path / "a") == ["households.csv", "register.yaml"]
    years = (("县/incomes/2023.csv", ROWS), ("县/incomes/2024.csv", ROWS))
    deep = zipped(tmp_path / "b.zip", ("县/households.csv", ROWS), *years, ("__MACOSX/x", b""))
    assert unpacked(deep, tmp_path / "b") == ["households.csv", "incomes/part-00001.csv", "incomes/part-00002.csv"]
    parts = zipped(tmp_path / "c.zip", ("events/a.csv", ROWS), ("events/b.csv", ROWS))
    assert len(unpacked(parts, tmp_path / "c")) == 2


def test_files_that_are_no_tables_are_named_and_left_where_they_are(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("households.csv", ROWS), ("notes.docx", b"x"), ("run.sh", b"x"))
    (tmp_path / "a").mkdir()
    problems = unpack(path, tmp_path / "a")
    assert sorted(problem.table for problem in problems) == ["notes.docx", "run.sh"]
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["households.csv"]


OUTSIDE = ("../households.csv", "/etc/households.csv", "a/../../households.csv", "..\\households.csv", "C:\\households.csv")


@pytest.mark.parametrize("name", OUTSIDE)
def test_names_that_point_out_of_the_archive_are_refused(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "a.zip", ("incomes.csv", ROWS), (name, ROWS))
    with pytest.raises(UserError, match="points out of it"):
        unpacked(path, tmp_path / "a")
    assert not (tmp_path / "households.csv").exists()


def test_links_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("households.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = zipped(tmp_path / "a.zip", (link, b"/etc/passwd"))
    with pytest.raises(UserError, match="is a link"):
        unpacked(path, tmp_path / "a")


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("households.csv", ROWS))
    content = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + flags] |= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="encrypted"):
        unpacked(path, tmp_path / "a")


def test_a_bomb_is_refused_before_and_while_it_bursts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tight = zipped(tmp_path / "tight.zip", ("households.csv", b"0" * 40_000_000))
    with pytest.raises(UserError, match="once unpacked"):
        unpacked(tight, tmp_path / "a")
    monkeypatch.setattr(incoming, "LARGEST_RATIO", 10_000)
    monkeypatch.setattr(incoming, "LARGEST_UNPACKED_MB", 8)
    with pytest.raises(UserError, match="once unpacked"):
        unpacked(tight, tmp_path / "b")
    # A size that is not true in the archive's own list is found out while reading.
    lying = tmp_path / "lying.zip"
    content = bytearray(tight.read_bytes())
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = content.index(mark) + at
        content[place : place + 4] = (1000).to_bytes(4, "little")
    lying.write_bytes(content)
    (tmp_path / "c").mkdir()
    with pytest.raises(UserError):
        unpack(lying, tmp_path / "c")
    assert sum(file.stat().st_size for file in (tmp_path / "c").rglob("*.csv")) <= 8 * 1024 * 1024


def test_a_damaged_archive_is_told_in_words(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("households.csv", bytes(range(256)) * 40))
    content = bytearray(path.read_bytes())
    content[60] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        unpacked(path, tmp_path / "a")


@pytest.mark.parametrize("content", [b"", b"household_id\n", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1old excel"])
def test_what_is_neither_workbook_nor_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    with pytest.raises(UserError, match="zip"):
        is_workbook(path)


def test_nothing_unpacked_stays_behind(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("households.csv", ROWS))
    with opened(path, tmp_path / "scratch", partial=False) as found:
        assert found.info is None
        assert list((tmp_path / "scratch").iterdir())
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize("text", ["county: [", "known_until: soon", "- a", "indicators: [{nam: x}]"])
def test_a_description_that_cannot_be_read_is_told_in_words(tmp_path: Path, text: str) -> None:
    path = zipped(tmp_path / "a.zip", ("households.csv", ROWS), ("register.yaml", text.encode()))
    with pytest.raises(UserError, match=r"register\.yaml"), opened(path, tmp_path, partial=False):
        pass
