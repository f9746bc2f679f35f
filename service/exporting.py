"""Writes the stored register out again, with what was found at the door since: what a model is trained on.

Every id in it is a pseudonym already; the folder says so, and under which key, so that reading it changes no id.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from features.errors import UserError
from features.folder import read_info
from features.register import MISSING, Array, Register, RegisterInfo
from features.tables import TABLES, Column, Kind
from service.storage.database import Database
from service.storage.register_store import import_of, load_register, stored_import
from service.storage.visit_store import exported_visits

if TYPE_CHECKING:
    import pyarrow as pa

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        rows: of all tables.
        visits: how many of them were recorded in the service.
        months: of history that the import took; None: all that the files held.
    """

    households: int
    rows: int
    visits: int
    months: int | None


def export_register(
    database: Database, folder: Path, *, at: int | None = None, progress: Callable[[str], None] = lambda _: None
) -> Exported:
    """Writes the stored register as a folder of Parquet tables.

    Args:
        database: where from.
        folder: where to; it must not exist yet.
        at: as this import left it; None takes the import in use. Visits recorded in the service are written in any case: each says
            itself when it became known.
        progress: called with each step.

    Raises:
        UserError: the folder exists, or there is no such import.
    """
    # pyarrow is loaded by this command only.
    import pyarrow.parquet

    if folder.exists():
        raise UserError(f"{folder} 已存在，不会覆盖 is there already and will not be written over: name another folder")
    with database.reading() as connection:
        register = load_register(connection, progress, at=at)
        record = import_of(connection, at or stored_import(connection) or 0)
        present = set(register.household_id.tolist())
        recorded = [visit for visit in exported_visits(connection) if visit["household_id"] in present]
    if record is None or not record.key_mark:
        raise UserError("无法得知假名密钥 it is not known under which key this register was imported: import it again 请重新导入")
    progress("writing")
    beside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(beside, ignore_errors=True)  # of an export that was broken off
    beside.mkdir(parents=True)
    rows = 0
    for name in TABLES:
        table = arrow_table(register, name, recorded if name == "visits" else ())
        rows += len(table)
        if len(table):
            pyarrow.parquet.write_table(table, beside / f"{name}.parquet")
    (beside / "register.yaml").write_text(_description(register.info, record.key_mark), encoding="utf-8")
    read_info(beside)  # what is written can be read
    beside.rename(folder)
    return Exported(len(register), rows, len(recorded), record.months)


def arrow_table(register: Register, name: str, more: Sequence[Row] = ()) -> pa.Table:
    """One table of a register as it stands in a file.

    Args:
        register: the facts.
        name: of the table.
        more: rows to add at the end.
    """
    import pyarrow as pa

    table = register.tables[name]
    columns: dict[str, pa.Array] = {}
    for column in TABLES[name].columns:
        if column.name == "household_id":
            columns[column.name] = pa.DictionaryArray.from_arrays(table.household, pa.array(register.household_id.tolist(), pa.string()))
        else:
            words = register.texts.get((name, column.name), ())
            columns[column.name] = _cells(column, table.columns[column.name], words)
    written = pa.table(columns)
    if more:
        added = pa.table({field.name: pa.array([row.get(field.name) for row in more], _plain(field.type)) for field in written.schema})
        written = pa.concat_tables([written.cast(added.schema), added])
    return written


def _plain(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _cells(column: Column, values: Array, words: Sequence[str]) -> pa.Array:
    """A column's cells as `features.read` takes them."""
    import pyarrow as pa

    if column.kind is Kind.NUMBER:
        return pa.array(values, mask=np.isnan(values))
    if column.kind is Kind.FLAG:
        return pa.array(values == 1, mask=np.isnan(values))
    missing = values == MISSING[column.kind]
    if column.kind is Kind.DATE:
        return pa.array(np.where(missing, 0, values).astype(np.int32), mask=missing).cast(pa.date32())
    if column.kind is Kind.MONTH:
        months, place = np.unique(values, return_inverse=True)
        written = [f"{1970 + month // 12:04}-{month % 12 + 1:02}" if month != MISSING[Kind.MONTH] else "" for month in months.tolist()]
        return pa.DictionaryArray.from_arrays(pa.array(place.astype(np.int32), mask=missing), pa.array(written, pa.string()))
    dictionary = list(column.codes) if column.kind is Kind.CATEGORY else list(words)
    return pa.DictionaryArray.from_arrays(
        pa.array(np.where(missing, 0, values).astype(np.int32), mask=missing), pa.array(dictionary, pa.string())
    )


def _description(info: RegisterInfo, mark: str) -> str:
    text = {
        "county": info.county,
        "synthetic": info.synthetic,
        "known_until": info.known_until.isoformat() if info.known_until else None,
        "indicators": [asdict(indicator) for indicator in info.indicators],
        "pseudonymised": True,
        "key_mark": mark,
    }
    return yaml.safe_dump({name: value for name, value in text.items() if value not in (None, [])}, allow_unicode=True, sort_keys=False)
