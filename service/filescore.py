"""Scores a register folder straight into a file: no database, for large counties and for a look before an import."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson

from features.errors import UserError
from features.register import Array
from features.tables import TABLES
from models.bundle import Bundle
from service.importing import months_before
from service.list_day import day_of_list
from service.scoring import list_columns, reasons, score_register

FLAGS = ("edge_band_flag", "edge_candidate", "unstable_candidate", "sudden_candidate")
SUFFIXES = (".parquet", ".csv")
SEEN = frozenset(TABLES) - {
    "visits",
    "measures",
    "benefits",
    "findings",
}  # no feature looks at a visit, at help, or at a comparison of data


def score_file(
    folder: Path,
    out: Path,
    bundle: Bundle,
    *,
    key: bytes | None,
    as_of: dt.date | None,
    today: dt.date,
    months: int | None,
    threads: int,
    with_reasons: bool,
    counties: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> int:
    """Reads a register, scores it, and writes one row a household, the riskiest first.

    Args:
        folder: the register.
        out: a .parquet or .csv file; replaced if it is there.
        bundle: the model.
        key: the pseudonym key; None leaves the ids as they are.
        as_of: the day; None takes the register's `known_until`.
        today: no later day can be asked for.
        months: how many months of history to read, as for an import.
        threads: for the model.
        counties: folder of the county's own policy files.
        with_reasons: add a column `causes` (JSON) for the households in a tier.
        progress: called with each step.

    Returns:
        how many households were scored or named.

    Raises:
        UserError: the folder cannot be read, or no date is given.
    """
    # pyarrow is loaded by this command only: the service itself starts without it.
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    from features.folder import read_info
    from features.read import read_register

    if out.suffix not in SUFFIXES:
        raise UserError(f"输出文件应为 .parquet 或 .csv the output is a .parquet or .csv file, not {out.name}")
    if not folder.is_dir():
        raise UserError(f"没有这个目录 no such folder: {folder}")
    info = read_info(folder)
    as_of = day_of_list(as_of, info, today)
    since = months_before(info.known_until or as_of, months) if months is not None else None
    reading = read_register(folder, key, since=since, tables=SEEN, name_members=False, progress=lambda name: progress(f"reading {name}"))
    scored = score_register(reading.register, bundle, as_of, threads, progress, counties=counties)
    order = scored.scores.order
    columns: dict[str, pa.Array] = {}
    progress("writing")
    for name, values in list_columns(scored).items():
        columns[name] = _arrow(name, values[order])
    columns["missing_field"] = pa.array(scored.scores.missing_field[order])
    if with_reasons:
        progress("reasons")
        flagged = scored.flagged
        texts: list[str | None] = [None] * len(order)
        for row, causes in zip(flagged.tolist(), reasons(scored, flagged, threads)["causes"], strict=True):
            texts[row] = orjson.dumps(causes).decode()
        columns["causes"] = pa.array([texts[row] for row in order.tolist()], pa.string())
    versions = {
        "as_of": as_of.isoformat(),
        "model_version": bundle.version,
        "policy_version": scored.policy.version,
        "data_version": reading.register.info.digest,
    }
    table = pa.table(columns).replace_schema_metadata(versions)
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = out.with_name(f".{out.name}.part")
    if out.suffix == ".csv":
        pyarrow.csv.write_csv(table, beside)
    else:
        pyarrow.parquet.write_table(table, beside)
    beside.replace(out)
    return len(table)


def _arrow(name: str, values: Array) -> object:
    import pyarrow as pa

    if name in FLAGS:
        return pa.array(values == 1, mask=np.isnan(values))
    if name == "data_age_days":
        return pa.array(np.nan_to_num(values).astype(np.int32), mask=np.isnan(values))
    return pa.array(values, from_pandas=True)
