"""The version of the data depends on the facts, on every one of them, and on nothing else."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from features.contents import Sum, digest, register_digest, row_hashes, summed, word_hashes
from features.register import Columns, Indicator, Register, TableArrays
from features.tables import TABLES
from tests.features.generated import Rows, register, rows

NAMES = [f"h{i}" for i in range(6)]


def some_rows() -> Rows:
    made = rows(Random(5), NAMES, 3)
    registered = {row["household_id"] for row in made["households"]}
    return {name: [row for row in table if row["household_id"] in registered] for name, table in made.items()}


def a_register() -> Register:
    return register(some_rows())


def test_the_order_of_rows_and_words_does_not_matter() -> None:
    made = some_rows()
    turned = {name: list(reversed(table)) for name, table in made.items()}
    assert register_digest(register(made)) == register_digest(register(turned))


@pytest.mark.parametrize("name", [name for name in TABLES if len(a_register().tables[name])])
def test_every_cell_counts(name: str) -> None:
    """Each column of each table, changed in one row."""
    whole = a_register()
    before = register_digest(whole)
    table = whole.tables[name]
    for column in TABLES[name].columns:
        if column.name == "household_id":
            continue
        values = table.columns[column.name].copy()
        values[-1] = values[-1] - 1 if values.dtype.kind != "f" else 1.0 if np.isnan(values[-1]) or values[-1] == 0 else np.nan
        changed = Columns(TABLES[name], len(table), dict(table.columns) | {column.name: values})
        tables = dict(whole.tables) | {name: replace(table, columns=changed)}
        assert register_digest(replace(whole, tables=tables)) != before, column.name


def test_a_row_counts_as_often_as_it_stands() -> None:
    whole = a_register()
    table = whole.tables["incomes"]
    twice = np.r_[np.arange(len(table)), [0]]
    columns = Columns(TABLES["incomes"], len(twice), {name: values[twice] for name, values in table.columns.items()})
    more = TableArrays("incomes", columns, table.household[twice], table.visible_on[twice], table.superseded_on[twice])
    assert register_digest(replace(whole, tables=dict(whole.tables) | {"incomes": more})) != register_digest(whole)


def test_sums_of_parts_are_the_sum_of_the_whole() -> None:
    whole = a_register()
    households = word_hashes(whole.household_id.tolist())
    hashes = row_hashes(whole.tables["incomes"], households, whole.texts)
    assert summed(hashes[:7]).plus(summed(hashes[7:])) == summed(hashes)
    assert summed(hashes).minus(summed(hashes[:7])) == summed(hashes[7:])
    assert summed(hashes).minus(summed(hashes)) == Sum()


def test_a_column_that_nobody_filled_in_is_one_of_blanks() -> None:
    whole = a_register()
    table = whole.tables["living"]
    blank = Columns(TABLES["living"], len(table), {name: values for name, values in table.columns.items() if name != "forest"})
    bare = replace(whole, tables=dict(whole.tables) | {"living": replace(table, columns=blank)})
    looked_at = Columns(TABLES["living"], len(table), dict(blank))
    filled = replace(whole, tables=dict(whole.tables) | {"living": replace(table, columns=looked_at)})
    _ = filled.tables["living"].columns["forest"]  # made when it is looked at
    assert "forest" not in bare.tables["living"].columns
    assert register_digest(bare) == register_digest(filled)


def test_the_description_counts() -> None:
    info = a_register().info
    seen = {digest(changed, {}) for changed in (info, replace(info, county="611025"), replace(info, known_until=dt.date(2030, 1, 1)))}
    seen.add(digest(replace(info, indicators=(*info.indicators, Indicator("goats", "山羊"))), {}))
    seen.add(digest(replace(info, synthetic=not info.synthetic), {}))
    assert len(seen) == 5
    assert digest(replace(info, digest="x", key_mark="y"), {}) == digest(info, {})
