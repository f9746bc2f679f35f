"""What is new is added, what was wrong corrected, history stays; nothing is visible before all of it is there."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
from sqlalchemy import func, insert, select

from features.build import build
from features.contents import register_digest
from features.errors import UserError
from features.policy.shipped import load
from features.pseudonym import EXAMPLE_KEY, pseudonym
from features.read import read_register
from features.register import Register
from features.template import write_workbook
from service.importing import Imported, import_register
from service.storage.database import Database
from service.storage.household_store import load_household
from service.storage.import_plan import Mode
from service.storage.register_store import load_register, stored_import
from service.storage.tables import imports, register_ids, register_tables, register_words
from tests.service import made_up
from tests.service.registers import facts
from tests.service.sites import now

KEY = b"k" * 32
Bring = Callable[..., Imported]
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture
def bring(database: Database, tmp_path: Path) -> Bring:
    """Imports a source."""

    def go(source: Path, mode: Mode = "update", key: bytes = KEY, **more: Any) -> Imported:
        return import_register(database, source, key, months=None, uploads=tmp_path / "uploads", clock=now, mode=mode, **more)

    return go


def county(count: int = 12, seed: int = 7) -> list[made_up.Household]:
    return made_up.county(count, seed)


def stored(database: Database, at: int | None = None) -> Register:
    with database.reading() as connection:
        return load_register(connection, at=at)


def folder(path: Path, households: list[made_up.Household], extra: Rows | None = None, **info: Any) -> Path:
    return made_up.write_register(path, households, extra, **info)


def bill(of: made_up.Household, amount: float = 500.0, known: str = "2023-11-02") -> dict[str, Any]:
    return {
        "household_id": of["household_id"],
        "event_kind": "illness_bill",
        "occurred_on": "2023-11-01",
        "amount": amount,
        "known_on": known,
    }


def test_an_update_holds_what_stood_and_what_came(bring: Bring, database: Database, tmp_path: Path) -> None:
    first, second = county(8), county(12)[6:]
    bring(folder(tmp_path / "a", first))
    done = bring(folder(tmp_path / "b", second, known_until="2024-01-31"))
    together = read_register(folder(tmp_path / "both", county(12), known_until="2024-01-31"), KEY).register
    now_stored = stored(database)
    assert facts(now_stored) == facts(together)
    assert now_stored.household_id.tolist() == together.household_id.tolist()
    assert now_stored.info == together.info
    assert (done.households, done.households_new, done.households_dropped) == (12, 4, 0)
    assert done.tables is not None
    assert done.tables["households"].new == 4
    assert done.tables["households"].unchanged == 2


def test_the_version_of_the_data_is_that_of_the_same_files_read_at_once(bring: Bring, database: Database, tmp_path: Path) -> None:
    bring(folder(tmp_path / "a", county(8)))
    bring(folder(tmp_path / "b", county(12)[5:]))
    whole = read_register(folder(tmp_path / "c", county(12)), KEY).register
    assert stored(database).info.digest == whole.info.digest == register_digest(stored(database))


def test_a_correction_supersedes_and_the_older_row_stays(bring: Bring, database: Database, tmp_path: Path) -> None:
    one = county(1)[0]
    income = {"source": "wage", "period_start": "2023-01", "period_end": "2023-03", "amount": 100.0, "known_on": "2023-04-20"}
    one["incomes"] = [income]
    bring(folder(tmp_path / "a", [one]))
    done = bring(folder(tmp_path / "b", [one | {"incomes": [income | {"amount": 900.0, "known_on": "2023-06-01"}]}]))
    assert done.tables is not None
    assert (done.tables["incomes"].new, done.tables["incomes"].changed) == (1, 1)
    register = stored(database)
    for as_of, amount in ((dt.date(2023, 5, 1), 100.0), (dt.date(2023, 7, 1), 900.0)):
        assert register.at(as_of)["incomes"]["amount"].tolist() == [amount]


def test_equal_events_without_an_id_are_counted_not_merged(bring: Bring, database: Database, tmp_path: Path) -> None:
    one = county(1)[0] | {"events": []}
    bring(folder(tmp_path / "a", [one], {"events": [bill(one)] * 2}))
    assert not bring(folder(tmp_path / "b", [one], {"events": [bill(one)]})).fresh
    assert bring(folder(tmp_path / "c", [one], {"events": [bill(one)] * 3})).households_new == 0
    assert len(stored(database).tables["events"]) == 3
    replaced = bring(folder(tmp_path / "d", [one], {"events": [bill(one), bill(one, 9.0)]}), "replace")
    assert replaced.tables is not None
    assert (replaced.tables["events"].new, replaced.tables["events"].dropped, replaced.tables["events"].unchanged) == (1, 2, 1)
    assert sorted(stored(database).tables["events"].columns["amount"].tolist()) == [9.0, 500.0]


def test_a_replacement_is_the_files_and_nothing_else(bring: Bring, database: Database, tmp_path: Path) -> None:
    bring(folder(tmp_path / "a", county(12)))
    done = bring(folder(tmp_path / "b", county(12, seed=9)[3:]), "replace")
    assert facts(stored(database)) == facts(read_register(tmp_path / "b", KEY).register)
    assert (done.households, done.households_new, done.households_dropped) == (9, 0, 3)


def test_what_every_import_saw_can_be_read_again(bring: Bring, database: Database, tmp_path: Path) -> None:
    numbers, seen = [], []
    steps: list[tuple[list[made_up.Household], Mode]]
    steps = [(county(8), "update"), (county(12), "update"), (county(5, seed=3), "replace"), (county(12), "update")]
    for step, (households, mode) in enumerate(steps):
        numbers.append(bring(folder(tmp_path / str(step), households), mode).number)
        seen.append((facts(stored(database)), stored(database).info))
    assert None not in numbers
    for number, (rows, info) in zip(numbers, seen, strict=True):
        again = stored(database, number)
        assert facts(again) == rows
        assert again.info == info


def test_the_same_content_in_another_order_or_packing_changes_nothing(bring: Bring, database: Database, tmp_path: Path) -> None:
    source = folder(tmp_path / "a", county(12))
    bring(source)
    shuffled = tmp_path / "b"
    shutil.copytree(source, shuffled)
    for path in shuffled.glob("*.parquet"):
        table = pyarrow.parquet.read_table(path)
        pyarrow.parquet.write_table(table.take(np.random.default_rng(1).permutation(len(table))), path)
    packed = tmp_path / "c.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(shuffled.iterdir(), reverse=True):
            archive.write(path, f"某县/{path.name}")
    for again in (source, shuffled, packed):
        for mode in ("update", "replace"):
            assert not bring(again, mode).fresh
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(imports)).scalar_one() == 1


def test_an_update_may_hold_some_tables_only(bring: Bring, database: Database, tmp_path: Path) -> None:
    households = county(6)
    bring(folder(tmp_path / "a", households))
    before = len(stored(database).tables["events"])
    part = tmp_path / "part"
    part.mkdir()
    lines = ["household_id,event_kind,occurred_on,amount,known_on"]
    lines += [f"{household},job_loss,2023-12-01,10,2023-12-02" for household in (households[2]["household_id"], "990099999999")]
    (part / "events.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"合成 made-up.*--mode replace"):
        bring(part)  # who says nothing of it speaks of real people
    (part / "register.yaml").write_text("synthetic: true\n", encoding="utf-8")
    done = bring(part)
    assert (done.rows_left_out, [problem.row for problem in done.problems]) == (1, [3])
    register = stored(database)
    assert len(register.tables["events"]) == before + 1
    assert register.info.county == made_up.COUNTY
    with pytest.raises(UserError, match="no households table"):
        bring(part, "replace")


def test_a_workbook_updates_what_is_stored(bring: Bring, database: Database, tmp_path: Path) -> None:
    households = county(6)
    bring(folder(tmp_path / "a", households))
    book = tmp_path / "book.xlsx"
    write_workbook(book, {"events": [bill(households[0], 77.0)]}, stored(database).info)
    done = bring(book)
    assert done.tables is not None
    assert {name: counts.new for name, counts in done.tables.items()} == {"events": 1}
    assert 77.0 in stored(database).tables["events"].columns["amount"]


def test_descriptions_are_merged_and_contradictions_refused(bring: Bring, database: Database, tmp_path: Path) -> None:
    wells = {"name": "wells", "zh": "水井", "unit": "", "direction": -1, "cause": "water"}
    goats = {"name": "goats", "zh": "山羊", "unit": "", "direction": -1, "cause": "other"}
    one = county(1)
    measured = [
        {"household_id": one[0]["household_id"], "name": "wells", "value": 2.0, "valid_from": "2022-01-01", "known_on": "2022-01-02"}
    ]
    bring(folder(tmp_path / "a", one, {"indicators": measured}, indicators=[wells]))
    counted = [measured[0] | {"name": "goats", "value": 5.0}]
    bring(folder(tmp_path / "b", one, {"indicators": counted}, indicators=[goats], known_until="2022-12-31"))
    register = stored(database)
    assert [indicator.name for indicator in register.info.indicators] == ["wells", "goats"]
    assert register.info.known_until == made_up.AS_OF
    table = register.tables["indicators"]
    names = register.texts["indicators", "name"]
    assert {names[place]: value for place, value in zip(table.columns["name"], table.columns["value"], strict=True)} == {
        "wells": 2,
        "goats": 5,
    }
    for wrong in ({"indicators": [wells | {"direction": 1}]}, {"county": "611025"}, {"synthetic": False}):
        with pytest.raises(UserError):
            bring(folder(tmp_path / str(wrong), one, **wrong))


def test_indicators_keep_their_names_when_they_are_declared_in_another_order(empty_database: Database, tmp_path: Path) -> None:
    def declared(*names: str) -> list[dict[str, Any]]:
        return [{"name": name, "zh": name, "unit": "", "direction": 0, "cause": "other"} for name in names]

    def measured(**values: float) -> Rows:
        common = {"valid_from": "2022-01-01", "known_on": "2022-01-02"}
        return {
            "indicators": [
                {"household_id": one["household_id"], "name": name, "value": value + place, **common}
                for place, one in enumerate(households)
                for name, value in values.items()
            ]
        }

    def put(path: Path) -> None:
        import_register(empty_database, path, KEY, months=None, uploads=tmp_path / "uploads", clock=now, mode="replace")

    households = county(3)
    put(folder(tmp_path / "a", households, measured(goats=10.0, wells=20.0), indicators=declared("wells", "goats")))
    put(folder(tmp_path / "b", households, measured(wells=20.0, ducks=30.0), indicators=declared("ducks", "wells", "sheep")))
    with empty_database.reading() as connection:
        number = stored_import(connection)
        assert number is not None
        whole = load_register(connection)
        alone = load_household(connection, pseudonym(KEY, households[2]["household_id"]), number)
    assert alone is not None
    policy = load(synthetic=True)
    frame = build(whole, made_up.AS_OF, policy)
    names = ["indicator.ducks", "indicator.wells", "indicator.sheep"]
    by_id = dict(zip(frame.household_id.tolist(), frame.columns(names).tolist(), strict=True))
    for place, one in enumerate(households):
        np.testing.assert_equal(by_id[pseudonym(KEY, one["household_id"])], [30.0 + place, 20.0 + place, np.nan])
    np.testing.assert_equal(build(alone, made_up.AS_OF, policy).columns(names).tolist(), [[32.0, 22.0, np.nan]])
    assert facts(whole) == facts(read_register(tmp_path / "b", KEY).register)


def test_nothing_plain_is_stored_of_ids_wherever_they_stand(empty_database: Database, tmp_path: Path) -> None:
    number = "990000199001011234"
    one, wrong = county(2)
    row = bill(one) | {"event_id": f"bill-{number}"}
    stray = bill(one) | {"event_id": "stray", "household_id": "nobody", "member_id": number}
    wrong["village_code"] = number
    source = folder(tmp_path / "a", [one, wrong], {"events": [row, stray]})
    done = import_register(empty_database, source, KEY, months=None, uploads=tmp_path / "uploads", clock=now)
    found = [(problem.row, problem.column) for problem in done.problems if problem.table == "households"]
    assert found == [(2, "village_code")]
    assert (done.tables or {})["households"].new == 1
    with empty_database.reading() as connection:
        words = set(connection.execute(select(register_words.c.word)).scalars())
        register = load_register(connection)
    assert pseudonym(KEY, row["event_id"]) in words
    assert not [word for word in words if number in word]
    assert not words & {pseudonym(KEY, "stray"), pseudonym(KEY, number)}
    assert facts(register) == facts(read_register(source, KEY).register)


def csv_of(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    for path in target.glob("*.parquet"):
        table = pyarrow.parquet.read_table(path)
        texts = pyarrow.table({name: table[name].cast(pyarrow.string()) for name in table.column_names})
        pyarrow.csv.write_csv(texts, path.with_suffix(".csv"))
        path.unlink()
    return target


@pytest.mark.parametrize("kind", ["parquet", "csv", "workbook"])
def test_a_replacement_by_recent_months_keeps_history_of_households_that_stay(database: Database, tmp_path: Path, kind: str) -> None:
    """The files still hold the old rows: only the cut leaves them out, so nothing says that they are gone."""
    households = county(6)
    source = folder(tmp_path / "a", households)
    fewer = folder(tmp_path / "b", households[:5])
    if kind == "csv":
        fewer = csv_of(fewer, tmp_path / "csv")
    elif kind == "workbook":
        rows = {path.stem: pyarrow.parquet.read_table(path).to_pylist() for path in fewer.glob("*.parquet")}
        info, fewer = read_register(fewer, KEY).register.info, tmp_path / "book.xlsx"
        write_workbook(fewer, rows, info)

    def put(path: Path, months: int | None, mode: Mode) -> Imported:
        return import_register(database, path, KEY, months=months, uploads=tmp_path / "uploads", clock=now, mode=mode)

    put(source, None, "update")
    before = facts(stored(database))
    gone = pseudonym(KEY, households[5]["household_id"])
    done = put(fewer, 12, "replace")
    assert facts(stored(database)) == {fact for fact in before if fact[1] != gone}
    assert stored(database).info.digest == register_digest(stored(database))
    old = sum(row["period_end"] < "2022-12" for one in households[:5] for row in one["incomes"])
    assert done.tables is not None
    assert (done.households, done.tables["incomes"].too_old) == (5, old)
    assert old


def test_an_update_under_another_key_is_refused(bring: Bring, database: Database, tmp_path: Path) -> None:
    source = folder(tmp_path / "a", county(4))
    bring(source)
    with pytest.raises(UserError, match="another key"):
        bring(source, key=b"x" * 32)
    assert bring(source, "replace", key=b"x" * 32).fresh
    assert stored(database).household_id.tolist() == sorted(pseudonym(b"x" * 32, one["household_id"]) for one in county(4))


def test_households_outside_the_region_are_left_out_and_named(bring: Bring, database: Database, tmp_path: Path) -> None:
    households = county(6)
    households[4]["village_code"] = "611025101001"
    done = bring(folder(tmp_path / "a", households), region=made_up.COUNTY)
    outside = [problem for problem in done.problems if problem.column == "village_code"]
    assert [(problem.table, problem.row) for problem in outside] == [("households", 5)]
    assert len(stored(database)) == 5
    theirs = sum(len(households[4][name]) for name in ("members", "living", "employment", "incomes", "debts", "events"))
    assert done.rows_left_out == 1 + theirs


def test_a_household_of_another_county_is_refused_whoever_imports(bring: Bring, database: Database, tmp_path: Path) -> None:
    """The register names its county; a row of another one is a slip, at the command line as over HTTP."""
    households = county(6)
    households[4]["village_code"] = "611025101001"
    for dry_run in (True, False):
        done = bring(folder(tmp_path / f"a{dry_run}", households), dry_run=dry_run)
        (told,) = [problem for problem in done.problems if problem.column == "village_code"]
        assert (told.table, told.row) == ("households", 5)
        assert made_up.COUNTY in told.reason
    assert len(stored(database)) == 5


def test_a_dry_run_names_what_contradicts_itself_and_what_is_not_yet(bring: Bring, database: Database, tmp_path: Path) -> None:
    households = county(6)
    one = bill(households[0]) | {"event_id": "e1"}
    late = bill(households[1], known="2100-01-01")
    for dry_run in (True, False):
        done = bring(folder(tmp_path / f"a{dry_run}", households, {"events": [one, one | {"amount": 7.0}, late]}), dry_run=dry_run)
        told = {(problem.column, problem.reason.split()[0]) for problem in done.problems}
        assert {("amount", "与第"), ("known_on", "知悉日期晚于登记册截止日")} <= told
    assert len(stored(database)) == 6


def test_files_that_claim_to_know_the_future_are_refused(bring: Bring, database: Database, tmp_path: Path) -> None:
    bring(folder(tmp_path / "a", county(8)))
    for dry_run in (True, False):
        with pytest.raises(UserError, match="数据截止日期 2205-01-31 晚于今天"):
            bring(folder(tmp_path / f"b{dry_run}", county(8), known_until="2205-01-31"), dry_run=dry_run)
    assert stored(database).info.known_until == made_up.AS_OF


def test_real_and_made_up_households_are_never_mixed(bring: Bring, database: Database, tmp_path: Path) -> None:
    made, real = folder(tmp_path / "made", county(6)), folder(tmp_path / "real", county(8))
    (real / "register.yaml").unlink()
    for first, second in ((made, real), (real, made)):
        bring(first, "replace")
        with pytest.raises(UserError, match="--mode replace"):
            bring(second)
        assert len(stored(database)) == (6 if first is made else 8)


def test_a_dry_run_tells_and_writes_nothing(bring: Bring, database: Database, tmp_path: Path) -> None:
    bring(folder(tmp_path / "a", county(6)))
    before = facts(stored(database))
    told = bring(folder(tmp_path / "b", county(9)[2:]), "replace", dry_run=True)
    assert (told.fresh, told.number, told.households_new, told.households_dropped) == (True, None, 3, 2)
    assert facts(stored(database)) == before
    done = bring(tmp_path / "b", "replace")
    assert done.tables == told.tables


def count(database: Database, name: str) -> int:
    with database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(register_tables[name])).scalar_one())


@pytest.mark.parametrize("step", ["writing households", "writing incomes", "writing visits"])
def test_a_broken_import_is_never_seen_and_leaves_nothing(bring: Bring, database: Database, tmp_path: Path, step: str) -> None:
    first = bring(folder(tmp_path / "a", county(6)))
    before, rows = facts(stored(database)), count(database, "incomes")
    visit = {"household_id": county(6)[0]["household_id"], "visited_on": "2023-02-02", "known_on": "2023-02-03"}
    other = folder(tmp_path / "b", county(6, seed=3), {"visits": [visit]})

    def fail(now_doing: str, _: int) -> None:
        if now_doing == step:
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        bring(other, "replace", progress=fail)
    assert facts(stored(database)) == before
    assert count(database, "incomes") == rows
    again = bring(other, "replace")
    assert again.number is not None
    assert first.number is not None
    assert again.number > first.number
    assert facts(stored(database)) == facts(read_register(other, KEY).register)
    assert facts(stored(database, first.number)) == before


def test_what_a_killed_import_left_does_not_count_for_the_next(bring: Bring, database: Database, tmp_path: Path) -> None:
    """A killed process cannot clean up behind itself: its rows bear a number that was never finished."""
    bring(folder(tmp_path / "a", county(6)))
    before = facts(stored(database))
    with database.writing() as connection:
        row = connection.execute(select(imports)).one()
        killed = connection.execute(
            insert(imports).values(**{**row._mapping, "id": 2, "fingerprint": "?", "imported_at": None}).returning(imports.c.id)
        ).scalar_one()
        table = register_tables["debts"]
        connection.execute(insert(table).values(household=0, line=900, loaded_in=killed, lender=1, balance=5.0, valid_from=1, known_on=1))
        connection.execute(register_tables["incomes"].update().values(dropped_in=killed))
    assert facts(stored(database)) == before
    bring(folder(tmp_path / "b", county(7)))
    assert facts(stored(database)) == facts(read_register(tmp_path / "b", KEY).register)
    with database.reading() as connection:
        assert sorted(connection.execute(select(imports.c.id)).scalars().all()) == [1, stored_import(connection)]


def test_household_numbers_are_never_given_twice(bring: Bring, database: Database, tmp_path: Path) -> None:
    bring(folder(tmp_path / "a", county(5)))
    bring(folder(tmp_path / "b", county(9)[5:]), "replace")
    bring(folder(tmp_path / "c", county(9)), "replace")
    with database.reading() as connection:
        rows = connection.execute(select(register_ids)).all()
    assert sorted(row.household for row in rows) == list(range(9))
    assert len({row.household_id for row in rows}) == 9


def test_complaints_never_quote_a_number_of_a_person(bring: Bring, tmp_path: Path) -> None:
    identity = "99000019800101001X"
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "households.csv").write_text(
        "household_id,village_code,registry_status,sharing_size,valid_from,known_on\n"
        f"{identity},520523101001,ordinary,{identity},2020-01-01,2020-01-02\n"
        f"8,520523101001,ordinary,{identity},2020-01-01,{identity}\n",
        encoding="utf-8",
    )
    done = bring(tmp_path / "a")
    assert len(done.problems) >= 3
    assert identity not in json.dumps([str(problem) for problem in done.problems], ensure_ascii=False)
    assert done.report is not None
    assert identity not in done.report.read_text(encoding="utf-8")


def test_a_table_that_cannot_be_read_is_not_quoted(bring: Bring, tmp_path: Path) -> None:
    source = folder(tmp_path / "a", county(1))
    (source / "events.csv").write_text("household_id,event_kind\n990000000000,job_loss,王小明\n", encoding="utf-8")
    (source / "events.parquet").unlink(missing_ok=True)
    with pytest.raises(UserError, match="cannot be read as CSV") as refused:
        bring(source)
    assert "王小明" not in str(refused.value)


def test_real_households_get_no_pseudonyms_that_everybody_can_undo(bring: Bring, tmp_path: Path) -> None:
    made = made_up.write_register(tmp_path / "made", county())
    assert bring(made, key=EXAMPLE_KEY, dry_run=True).households == 12
    real = made_up.write_register(tmp_path / "real", county(), synthetic=False)
    with pytest.raises(UserError, match="everybody knows"):
        bring(real, key=EXAMPLE_KEY)
    assert bring(real).households == 12
