"""Writes the register of a block as Parquet parts, and the truth beside it, never among it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.register import NEVER, Array, FloatArray
from features.tables import TABLES, Column, Kind
from training.synth import casework, ledger, registration
from training.synth.benefits import benefits
from training.synth.block import QUARTER, YEAR
from training.synth.condition import WEAK
from training.synth.county import Truth, window
from training.synth.dirt import soil
from training.synth.numbers import household_numbers, member_numbers
from training.synth.rows import EPOCH_YEAR, Rows

TRUTH = "truth"


def write_block(truth: Truth, folder: Path, part: int, dirt: float) -> dict[str, int]:
    """Writes part files of all tables and of the truth.

    Returns:
        rows by table.
    """
    block = truth.block
    homes = household_numbers(block)
    persons, birth_month, birth_day = member_numbers(block, truth.people)
    counts: dict[str, int] = {}
    for table in (
        registration.households(truth), registration.members(truth, birth_month, birth_day), registration.living(truth),
        ledger.employment(truth), ledger.incomes(truth), registration.debts(truth), ledger.events(truth),
        casework.measures(truth), benefits(truth), casework.monitoring(truth), casework.visits(truth), casework.findings(truth),
    ):  # fmt: skip
        kept = soil(block, table.ordered(), dirt)
        kept = kept.where(kept["known_on"] <= block.span.end_day)
        _write(folder / table.table, part, _arrow(kept, homes, persons))
        counts[table.table] = len(kept)
    _write(folder / TRUTH / "windows", part, _windows(truth, homes))
    _write(folder / TRUTH / "years", part, _years(truth, homes))
    return counts


def _write(folder: Path, part: int, table: pa.Table) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / f"part-{part:04d}.parquet", compression="zstd", compression_level=3, write_statistics=False)


def _arrow(table: Rows, homes: list[str], persons: list[str]) -> pa.Table:
    columns = {"household_id": pa.DictionaryArray.from_arrays(pa.array(table.row.astype(np.int32)), pa.array(homes))}
    for column in TABLES[table.table].columns:
        if column.name in table.columns:
            words = persons if column.name == "member_id" else table.words.get(column.name)
            columns[column.name] = _cells(column, table[column.name], words)
    return pa.table(columns)


def _cells(column: Column, values: Array, words: list[str] | None) -> pa.Array:
    if column.kind is Kind.NUMBER:
        return pa.array(values, mask=np.isnan(values))
    if column.kind is Kind.DATE:
        return pa.array(values.astype(np.int32), pa.int32(), mask=values == NEVER).cast(pa.date32())
    if column.kind is Kind.FLAG:
        return pa.array(values > 0, mask=values < 0)
    if column.kind is Kind.MONTH:
        first = int(values.min(initial=0))
        words = [f"{EPOCH_YEAR + month // YEAR:04d}-{month % YEAR + 1:02d}" for month in range(first, int(values.max(initial=0)) + 1)]
        return pa.DictionaryArray.from_arrays(pa.array((values - first).astype(np.int32)), pa.array(words))
    if words is None:
        words = list(column.codes)
    return pa.DictionaryArray.from_arrays(pa.array(values.astype(np.int32), mask=values < 0), pa.array(words))


def _month_words(truth: Truth, months: Array) -> pa.Array:
    first = truth.block.span.first
    return pa.array([f"{first + month // YEAR:04d}-{month % YEAR + 1:02d}" for month in months.tolist()])


def _windows(truth: Truth, homes: list[str]) -> pa.Table:
    """True per-capita income of the twelve months before and after each quarter's end, with help and without."""
    months = truth.block.span.months
    ends = np.arange(QUARTER - 1, months, QUARTER)
    size = truth.means.size
    n, q = size.shape[0], len(ends)

    def column(values: Array) -> pa.Array:
        flat = np.round(values, 2).ravel().astype(np.float32)
        return pa.array(flat, mask=np.isnan(flat))

    month = _month_words(truth, ends)
    return pa.table(
        {
            "household_id": pa.DictionaryArray.from_arrays(pa.array(np.repeat(np.arange(n, dtype=np.int32), q)), pa.array(homes)),
            "as_of_month": pa.DictionaryArray.from_arrays(pa.array(np.tile(np.arange(q, dtype=np.int32), n)), month),
            "size": pa.array(size[:, ends].ravel().astype(np.int8)),
            "pc_net_last_12": column(window(truth.net, size, ends - YEAR + 1)),
            "pc_net_next_12": column(window(truth.net, size, ends + 1)),
            "pc_net_next_12_untreated": column(window(truth.means.net, size, ends + 1)),
        }
    )


def _years(truth: Truth, homes: list[str]) -> pa.Table:
    """What the calibration table needs of each household and year."""
    block = truth.block
    n, years = block.n, block.span.years
    force = truth.work.seeking
    employed = force & (truth.work.busy > 0)
    middle = np.arange(years) * YEAR + 6
    size = truth.means.size
    migrants = truth.work.spells
    trips = np.zeros((n, years))
    earned = np.zeros((n, years))
    inside = (migrants.kind == 0) & (migrants.start >= 0) & (migrants.end < block.span.months)
    year = np.where(inside, migrants.start // YEAR, 0)
    length = np.where(inside, migrants.end - migrants.start + 1, 0)
    np.add.at(trips, (migrants.row[inside], year[inside]), 1)
    np.add.at(earned, (migrants.row[inside], year[inside]), (migrants.wage * length)[inside])
    annual = truth.net.reshape(n, years, YEAR).sum(axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        pc = annual / size.reshape(n, years, YEAR).mean(axis=2)
    values = {
        "persons": size[:, middle], "labour_force": force.sum(axis=1), "employed": employed.sum(axis=1),
        "medical_cost": truth.bills.yearly_cost, "medical_oop": truth.bills.yearly_oop, "pc_net": pc,
        "labour": (truth.condition.here & (truth.condition.ability <= WEAK))[..., ::4].sum(axis=1),
        "dibao_persons": truth.means.dibao, "dibao_rate": truth.means.dibao_rate,
        "supported": truth.means.supported[:, None] * size[:, middle], "dividend": truth.means.dividend * (size[:, middle] > 0),
        **_hospital(truth), "trips": trips, "trip_earnings": earned,
    }  # fmt: skip
    table = {
        "household_id": pa.DictionaryArray.from_arrays(pa.array(np.repeat(np.arange(n, dtype=np.int32), years)), pa.array(homes)),
        "year": pa.array(np.tile(np.arange(years, dtype=np.int16) + block.span.first, n)),
    }
    for name, matrix in values.items():
        flat = np.asarray(matrix, dtype=np.float32).ravel()
        table[name] = pa.array(flat, mask=np.isnan(flat))
    return pa.table(table)


def _hospital(truth: Truth) -> dict[str, FloatArray]:
    """Hospital bills by household and year, and the claims on the commercial supplement among them."""
    bill, shape = truth.bills, (truth.block.n, truth.block.span.years)
    place = bill.row * shape[1] + bill.month // YEAR
    sums = {"hospital_cost": bill.amount, "hospital_oop": bill.oop, "claims": (bill.supplement > 0) * 1.0, "claimed": bill.supplement}
    totals = {name: np.bincount(place, weights=values, minlength=shape[0] * shape[1]) for name, values in sums.items()}
    return {name: np.asarray(total.reshape(shape), dtype=np.float64) for name, total in totals.items()}


def describe(folder: Path, text: dict[str, object]) -> None:
    """Writes register.yaml, the register's description of itself (JSON is YAML)."""
    (folder / "register.yaml").write_text(json.dumps(text, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
