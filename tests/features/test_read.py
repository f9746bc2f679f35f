"""Good rows load, bad ones are named: the reader of register folders."""

from __future__ import annotations

import datetime as dt
import hmac
from pathlib import Path
from random import Random

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
import yaml

from features.build import build
from features.errors import Problem, RegisterError, UserError
from features.folder import digest
from features.policy.shipped import load
from features.pseudonym import EXAMPLE_KEY, check_secret, keep_key, load_key, pseudonym
from features.quality.validate import validate
from features.read import read_register
from features.table_file import read_table_file
from features.tables import TABLES
from tests.features.generated import INFO, Rows, arrow, register, rows, same

AS_OF = dt.date(2021, 12, 31)
KEY = bytes(range(32))
HOUSEHOLDS = "household_id,village_code,registry_status,sharing_size,valid_from,known_on\n"


def a_register(seed: int = 5) -> Rows:
    random = Random(seed)
    names = [f"h{i}" for i in range(6)]
    made = rows(random, names, 3)
    registered = {row["household_id"] for row in made["households"]}
    return {name: [row for row in table if row["household_id"] in registered] for name, table in made.items()}


def describe(folder: Path) -> None:
    indicators = [{"name": i.name, "zh": i.zh, "unit": i.unit, "direction": i.direction, "cause": i.cause} for i in INFO.indicators]
    text = {"county": "520523", "synthetic": True, "indicators": indicators}
    (folder / "register.yaml").write_text(yaml.safe_dump(text, allow_unicode=True), encoding="utf-8")


def write_parquet(folder: Path, made: Rows, parts: int = 1) -> None:
    describe(folder)
    for name, cells in arrow(made).items():
        table = pyarrow.table(
            {
                column: cells[column].dictionary_encode() if pyarrow.types.is_string(cells[column].type) else cells[column]
                for column in cells.column_names
            }
        )
        if parts == 1:
            pyarrow.parquet.write_table(table, folder / f"{name}.parquet")
            continue
        (folder / name).mkdir()
        size = -(-len(table) // parts) or 1
        for part in range(parts):
            pyarrow.parquet.write_table(table.slice(part * size, size), folder / name / f"part-{part:04}.parquet")


def write_csv(folder: Path, made: Rows) -> None:
    describe(folder)
    for name, table in made.items():
        columns = [column.name for column in TABLES[name].columns]
        lines = [",".join(columns)] + [",".join("" if row[c] is None else str(row[c]) for c in columns) for row in table]
        (folder / f"{name}.csv").write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")


def test_parquet_parts_and_csv_give_the_same_features(tmp_path: Path) -> None:
    made = a_register()
    folders = [tmp_path / name for name in ("one", "parts", "csv")]
    for folder in folders:
        folder.mkdir()
    write_parquet(folders[0], made)
    write_parquet(folders[1], made, parts=3)
    write_csv(folders[2], made)
    whole = register(made)
    frame = build(whole, AS_OF, load(synthetic=True))
    for folder in folders:
        reading = read_register(folder, None)
        assert reading.rows_left_out == {}
        assert reading.rows_read == {name: len(table) for name, table in made.items() if table}
        assert reading.register.info.county == "520523"
        assert same(build(reading.register, AS_OF, load(synthetic=True)), frame, reading.register, whole) == []


def test_parts_that_write_their_columns_in_different_ways_are_one_table(tmp_path: Path) -> None:
    made = a_register()
    write_parquet(tmp_path, made, parts=2)
    for path in sorted(tmp_path.glob("*/part-0001.parquet")):
        cells = pyarrow.parquet.read_table(path)
        pyarrow.csv.write_csv(cells, path.with_suffix(".csv"))
        path.unlink()
    reading, whole = read_register(tmp_path, None), register(made)
    assert validate(tmp_path) == reading.problems
    frame = build(whole, AS_OF, load(synthetic=True))
    assert same(build(reading.register, AS_OF, load(synthetic=True)), frame, reading.register, whole) == []


@pytest.mark.parametrize("values", [[dt.date(2020, 1, 1)] * 2, [dt.datetime(2020, 1, 1)] * 2, [True, False], ["two", "x"]])
def test_a_parquet_column_of_another_kind_is_told_cell_by_cell(tmp_path: Path, values: list[object]) -> None:
    cells = {"household_id": [7, 8], "village_code": [520523100001] * 2, "registry_status": ["ordinary"] * 2}
    days = {"valid_from": [dt.datetime(2020, 1, 1)] * 2, "known_on": [dt.date(2020, 1, 2)] * 2}
    text = pyarrow.large_string() if isinstance(values[0], str) else None  # as pandas writes text
    size = {"sharing_size": pyarrow.array(values, text)}
    pyarrow.parquet.write_table(pyarrow.table(cells | days | size), tmp_path / "households.parquet")
    reading = read_register(tmp_path, None)
    assert reading.register.household_id.tolist() == ["7", "8"]
    for problems in (reading.problems, validate(tmp_path)):
        assert [(p.row, p.column) for p in problems] == [(1, "sharing_size"), (2, "sharing_size")]


def test_bad_cells_become_missing_and_bad_rows_are_left_out_all_named(tmp_path: Path) -> None:
    (tmp_path / "households.csv").write_text(
        HOUSEHOLDS
        + "001,520523100001,ordinary,3,2020-01-01,2020-01-02\n"
        + "002,520523100001,rich,3,2020-01-01,2020-01-02\n"
        + "003,520523100001,ordinary,99,2020-01-01,2020-01-02\n"
        + "004,520523100001,脱贫户,,2020-01-01,\n",
        encoding="utf-8",
    )
    (tmp_path / "incomes.csv").write_text(
        "household_id,source,period_start,period_end,amount,known_on,colour\n"
        "001,wage,2021-01,2021-03,3000,2021-04-10,red\n"
        "001,wage,2021-04,2021-06,nan?,2021-07-10,\n"
        "009,wage,2021-01,2021-03,3000,2021-04-10,\n",
        encoding="utf-8",
    )
    reading = read_register(tmp_path, None)
    named = {(problem.table, problem.row, problem.column) for problem in reading.problems}
    assert {
        ("households", 3, "registry_status"),
        ("households", 4, "sharing_size"),
        ("households", 5, "known_on"),
        ("incomes", 3, "amount"),
        ("incomes", 4, "household_id"),
        ("incomes", None, "colour"),
    } <= named
    assert reading.rows_left_out == {"households": 2, "incomes": 1}
    assert "001" in reading.register.household_id
    kept = reading.register.tables["incomes"].columns["amount"]
    assert kept[0] == 3000
    assert np.isnan(kept[1])


def test_an_error_shows_where_what_and_the_remedy_and_counts_the_rest() -> None:
    problems = [Problem("incomes", row, "amount", "not a number 不是数字", "correct it 请更正") for row in range(1, 31)]
    shown = str(RegisterError("cannot be read", problems))
    assert "incomes row 1, amount: not a number 不是数字 → correct it 请更正" in shown
    assert "10 more" in shown


def test_a_folder_without_households_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegisterError, match="缺少户表"):
        read_register(tmp_path, None)


def test_every_missing_required_column_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "households.csv").write_text("household_id,registry_status\n1,ordinary\n", encoding="utf-8")
    with pytest.raises(RegisterError) as caught:
        read_register(tmp_path, None)
    assert {problem.column for problem in caught.value.problems} == {"village_code", "valid_from", "known_on"}


def test_unknown_entries_of_the_description_are_refused(tmp_path: Path) -> None:
    (tmp_path / "households.csv").write_text(HOUSEHOLDS, encoding="utf-8")
    (tmp_path / "register.yaml").write_text("synthetic: true\ncountty: '520523'\n", encoding="utf-8")
    with pytest.raises(RegisterError, match=r"register\.yaml row 2: .*the entry is not known.*county, synthetic"):
        read_register(tmp_path, None)


def test_plain_ids_do_not_outlive_reading(tmp_path: Path) -> None:
    made = a_register()
    write_parquet(tmp_path, made)
    known = read_register(tmp_path, KEY).register
    plain = {row["household_id"] for row in made["households"]}
    assert set(known.household_id) == {pseudonym(KEY, name) for name in plain}
    words = {word for texts in known.texts.values() for word in texts}
    assert words.isdisjoint(plain | {"m1", "m2", "m3", "m4"})


def test_pseudonyms_change_no_feature(tmp_path: Path) -> None:
    made = a_register()
    write_parquet(tmp_path, made)
    plain, hidden = read_register(tmp_path, None).register, read_register(tmp_path, KEY).register
    one, other = build(plain, AS_OF, load(synthetic=True)), build(hidden, AS_OF, load(synthetic=True))
    place = {name: i for i, name in enumerate(other.household_id)}
    order = [place[pseudonym(KEY, str(name))] for name in one.household_id]
    assert np.array_equal(one.values, other.values[order], equal_nan=True)


def test_recent_rows_are_enough_to_score(tmp_path: Path) -> None:
    """Leaving out what ended long ago keeps features that look back three years."""
    write_parquet(tmp_path, a_register())
    everything = read_register(tmp_path, None)
    recent = read_register(tmp_path, None, since=dt.date(2020, 1, 1))
    assert sum(recent.rows_read.values()) < sum(everything.rows_read.values())
    ends = recent.register.tables["events"].columns["occurred_on"]
    assert (ends >= (dt.date(2020, 1, 1) - dt.date(1970, 1, 1)).days).all()


def test_the_data_version_changes_with_any_byte(tmp_path: Path) -> None:
    write_parquet(tmp_path, a_register())
    files = sorted(tmp_path.glob("*.parquet"))
    before = digest(files)
    assert before == digest(reversed(files))
    write_parquet(tmp_path, a_register(6))
    assert digest(files) != before


@pytest.mark.parametrize(("content", "message"), [(None, "missing"), ("zz", "hexadecimal"), ("00ff", "shorter")])
def test_without_a_proper_key_nothing_starts(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "pseudonym.key"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=message):
        load_key(path)


def test_the_key_that_everybody_knows_is_for_made_up_households(tmp_path: Path) -> None:
    keep_key(tmp_path / "pseudonym.key", EXAMPLE_KEY)
    key = load_key(tmp_path / "pseudonym.key")
    check_secret(key, synthetic=True)
    for secret in (None, KEY):
        check_secret(secret, synthetic=False)
    with pytest.raises(UserError, match="service key"):
        check_secret(key, synthetic=False)
    with pytest.raises(UserError, match="already"):
        keep_key(tmp_path / "pseudonym.key", KEY)


@pytest.mark.parametrize("plain", ["", "990000-000001", "户一", "x" * 200])
def test_a_pseudonym_is_the_start_of_an_hmac_sha_256(plain: str) -> None:
    for key in (KEY, b"k" * 100, KEY):
        assert pseudonym(key, plain) == hmac.digest(key, plain.encode(), "sha256").hex()[:20]


@pytest.mark.parametrize("written", ["text", "words", "dates"])
def test_old_rows_are_left_out_and_rows_without_a_day_are_kept_however_the_day_is_written(tmp_path: Path, written: str) -> None:
    days = pyarrow.array([dt.date(2019, 3, 1), None, dt.date(2021, 5, 1), dt.date(2019, 3, 1), dt.date(2020, 1, 1)])
    texts = days.cast(pyarrow.string())
    column = {"text": texts, "words": texts.dictionary_encode(), "dates": days}[written]
    cells = pyarrow.table({"occurred_on": column, "amount": [0.0, 1.0, 2.0, 3.0, 4.0]})
    path = tmp_path / "events.parquet"
    pyarrow.parquet.write_table(cells, path, row_group_size=2)
    kept = read_table_file(path, TABLES["events"], dt.date(2020, 1, 1))
    assert kept["amount"].to_pylist() == [1.0, 2.0, 4.0]
    assert read_table_file(path).num_rows == len(cells)
    pyarrow.parquet.write_table(cells.slice(0, 0), path)
    assert read_table_file(path, TABLES["events"], dt.date(2020, 1, 1)).column_names == cells.column_names
