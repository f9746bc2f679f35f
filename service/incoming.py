"""What may come in: a folder of tables, an Excel workbook made from the template, or a zip of tables. Nothing in it is trusted."""

from __future__ import annotations

import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from features.errors import Problem, UserError
from features.folder import DESCRIPTION, digest, read_info, table_files
from features.register import RegisterInfo
from features.scope import Scope
from features.tables import TABLES

if TYPE_CHECKING:
    from features.read import Reading

TABLE_SUFFIXES = (".csv", ".parquet")
WORKBOOK_MARK = "xl/workbook.xml"
MEGABYTE = 1024 * 1024
LARGEST_UNPACKED_MB = 2_048
LARGEST_RATIO = 200  # text tables shrink to a twentieth; what shrinks much further was made to burst
MOST_ENTRIES = 5_000
NOT_WORTH_A_MARK = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")


Reader = Callable[[bytes, RegisterInfo, date | None, Scope, date], "Reading"]


@dataclass(frozen=True, slots=True)
class Incoming:
    """Files that wait to be read.

    Attributes:
        fingerprint: of their bytes.
        info: how they describe the register; None where they do not.
        read: called with key, description, first day, scope and today, as `features.read.read_register` knows them.
    """

    fingerprint: str
    info: RegisterInfo | None
    read: Reader


@contextmanager
def opened(path: Path, scratch: Path, *, partial: bool) -> Iterator[Incoming]:
    """Looks into what comes in; what had to be unpacked is gone afterwards.

    Args:
        path: a folder, a workbook or a zip.
        scratch: where a zip is unpacked.
        partial: households may be missing, because they are stored.

    Raises:
        UserError: it is none of them, or not fit to be opened.
    """
    if path.is_dir():
        yield _folder(path)
    elif not path.is_file():
        raise UserError(f"没有这个目录或文件 no such folder or file: {path}")
    elif is_workbook(path):
        yield _workbook(path, partial=partial)
    else:
        scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="unpacked-", dir=scratch) as place:
            problems = unpack(path, Path(place))
            yield _folder(Path(place), problems)


def _folder(path: Path, problems: Collection[Problem] = ()) -> Incoming:
    files = [file for name in TABLES for file in table_files(path, name)]
    if not files:
        raise UserError(
            f"{path} 中没有任何数据表 holds no households table and no other: expected files like households.parquet or incomes.csv"
        )

    def read(key: bytes, info: RegisterInfo, since: date | None, scope: Scope, today: date) -> Reading:
        import pyarrow as pa

        from features.read import read_register

        try:
            reading = read_register(path, key, info=info, since=since, scope=scope, today=today)
        except MemoryError:  # Arrow's own is an ArrowException too
            raise
        except pa.ArrowException:  # its words may quote a cell, so they are not passed on
            raise UserError("数据表内容无法理解 the columns of a table cannot be understood: write them as text 请按文本保存各列") from None
        reading.problems[:0] = problems
        return reading

    described = [path / DESCRIPTION] if (path / DESCRIPTION).is_file() else []
    return Incoming(digest([*files, *described]), read_info(path) if described else None, read)


def _workbook(path: Path, *, partial: bool) -> Incoming:
    from features.template import from_cells, read_cells

    with zipfile.ZipFile(path) as archive:
        _check(archive)
    filled = read_cells(path, partial=partial)

    def read(key: bytes, info: RegisterInfo, since: date | None, scope: Scope, today: date) -> Reading:
        return from_cells(filled, key, info, since=since, scope=scope, today=today)

    return Incoming(digest([path]), filled.info if filled.info != RegisterInfo() else None, read)


def is_workbook(path: Path) -> bool:
    """Whether a file is an Excel workbook, by what is in it and not by its name.

    Raises:
        UserError: it is neither a workbook nor a zip.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return WORKBOOK_MARK in archive.namelist()
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError):
        raise UserError(
            f"{path.name} 既不是 .xlsx 工作簿也不是 zip 压缩包 is neither an .xlsx workbook nor a zip of tables; "
            "fill in the template, or zip the folder of CSV or Parquet files 请使用模板或将数据目录压缩为 zip"
        ) from None


def unpack(path: Path, place: Path) -> list[Problem]:
    """Unpacks the tables of a zip, and nothing else of it.

    Names in the archive never become paths: only the names of tables are taken, and their parts are numbered.

    Args:
        path: the zip.
        place: an empty folder.

    Returns:
        a problem for each file that is no table.

    Raises:
        UserError: the archive is encrypted, holds links, or is larger than it should be once unpacked.
    """
    problems: list[Problem] = []
    left = LARGEST_UNPACKED_MB * MEGABYTE
    with zipfile.ZipFile(path) as archive:
        meant = [entry for entry in _check(archive) if not set(PurePosixPath(entry.filename).parts) & set(NOT_WORTH_A_MARK)]
        entries = sorted((entry for entry in meant if not entry.is_dir()), key=lambda entry: entry.filename)
        top = _common_folder([PurePosixPath(entry.filename) for entry in entries])
        for number, entry in enumerate(entries):
            name = PurePosixPath(entry.filename)
            target = _target(name.parts[len(top) :], place, number)
            if target is None:
                shown = name.name[:80]
                problems.append(Problem(shown, None, None, "未知文件，未读取 unknown file, not read", "请以表名命名 name it as a table"))
                continue
            target.parent.mkdir(exist_ok=True)
            try:
                with archive.open(entry) as packed, target.open("xb") as out:
                    while block := packed.read(MEGABYTE):
                        left -= len(block)
                        if left < 0:
                            raise _too_large()
                        out.write(block)
            except FileExistsError:
                raise UserError(f"压缩包内同一表出现两次 {name.name} stands in the archive twice: keep one 请只保留一份") from None
            except (zipfile.BadZipFile, zlib.error, EOFError):
                raise UserError(f"压缩包已损坏 the archive is damaged at {name.name}; upload it again 请重新上传") from None
    return problems


def _check(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The entries of an archive, once none of them is dangerous."""
    entries = archive.infolist()
    if len(entries) > MOST_ENTRIES:
        raise UserError(f"压缩包内文件过多 the archive holds {len(entries):,} files; at most {MOST_ENTRIES:,} are taken")
    for entry in entries:
        name = PurePosixPath(entry.filename.replace("\\", "/"))
        if entry.flag_bits & 0x1:
            raise UserError(f"压缩包已加密 {name.name} is encrypted; upload it without a password 请去掉密码后重新上传")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise UserError(f"压缩包含链接 {name.name} is a link; pack the file itself 请压缩文件本身")
        if name.is_absolute() or ".." in name.parts or (name.parts and ":" in name.parts[0]):
            raise UserError("压缩包内路径不安全 a name in the archive points out of it; zip the folder itself again 请重新压缩")
        if entry.file_size > MEGABYTE and entry.file_size > LARGEST_RATIO * max(entry.compress_size, 1):
            raise _too_large()
    if sum(entry.file_size for entry in entries) > LARGEST_UNPACKED_MB * MEGABYTE:
        raise _too_large()
    return entries


def _too_large() -> UserError:
    return UserError(
        f"解压后过大 the file would be larger than {LARGEST_UNPACKED_MB:,} MB once unpacked, or is packed suspiciously tight; "
        "split it by town or year 请按乡镇或年份拆分"
    )


def _common_folder(names: list[PurePosixPath]) -> tuple[str, ...]:
    """The folder that everything lies in, where somebody zipped the folder and not its files."""
    tops = {name.parts[0] for name in names}
    inside = all(len(name.parts) > 1 for name in names)
    return tuple(tops) if len(tops) == 1 and inside and not tops & set(TABLES) else ()


def _target(parts: tuple[str, ...], place: Path, number: int) -> Path | None:
    """Where a file of the archive is unpacked to; None where it is no table."""
    if parts == (DESCRIPTION,):
        return place / DESCRIPTION
    suffix = PurePosixPath(parts[-1]).suffix
    if suffix not in TABLE_SUFFIXES:
        return None
    if len(parts) == 1 and (name := PurePosixPath(parts[0]).stem) in TABLES:
        return place / f"{name}{suffix}"
    if len(parts) == 2 and parts[0] in TABLES:
        return place / parts[0] / f"part-{number:05}{suffix}"
    return None
