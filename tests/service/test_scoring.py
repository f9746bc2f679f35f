"""A list is written whole, switched to at once, and not made twice."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
from sqlalchemy import func, select, update

from features.errors import UserError
from features.policy.shipped import load
from features.pseudonym import pseudonym
from models.bundle import Bundle
from service.bundles import ActiveBundle
from service.filescore import score_file
from service.importing import import_register, pseudonym_key
from service.new_list import score_stored
from service.scoring import list_columns, score_register
from service.storage.list_writer import ListRecord, summarise, write_list
from service.storage.register_store import load_register
from service.storage.score_store import active, kept_lists, list_of, page
from service.storage.tables import CAUSE_BITS, changes, lists, reasons, scores, summaries
from tests.service import made_up
from tests.service.sites import Site, now

TODAY = now().date()
SLOW = {"threads": 1, "clock": now, "again": True}


def bundle_of(site: Site) -> Bundle:
    return ActiveBundle(site.settings.bundle_dir).current()


def test_the_same_list_is_not_made_twice(own_site: Site) -> None:
    bundle = bundle_of(own_site)
    assert not score_stored(own_site.database, bundle, None, threads=1, clock=now).fresh
    assert score_stored(own_site.database, bundle, None, threads=1, clock=now, again=True).fresh
    with own_site.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(lists)).scalar_one() == 2


def test_a_slow_list_of_an_older_import_does_not_take_a_newer_ones_place(own_site: Site, register_folder: Path, tmp_path: Path) -> None:
    bundle = bundle_of(own_site)
    read, newer = threading.Event(), threading.Event()

    def slow(step: str) -> None:
        if step == "reasons":  # the older import was read
            read.set()
            newer.wait(4)

    older = threading.Thread(target=score_stored, args=(own_site.database, bundle, None), kwargs=SLOW | {"progress": slow})
    older.start()
    assert read.wait(60)
    done = import_register(own_site.database, register_folder, b"x" * 32, months=36, uploads=tmp_path, mode="replace", clock=now)
    score_stored(own_site.database, bundle, None, threads=1, clock=now)
    newer.set()
    older.join()
    with own_site.database.reading() as connection:
        current = active(connection)
    assert current is not None
    assert current.import_id == done.number


def test_an_import_under_another_key_needs_a_new_list(own_site: Site, register_folder: Path, tmp_path: Path) -> None:
    import_register(own_site.database, register_folder, b"x" * 32, months=36, uploads=tmp_path, mode="replace", clock=now)
    assert score_stored(own_site.database, bundle_of(own_site), None, threads=1, clock=now).fresh


def test_same_data_same_model_same_list_to_the_last_bit(own_site: Site) -> None:
    score_stored(own_site.database, bundle_of(own_site), None, threads=2, clock=now, again=True)
    columns = [column for column in scores.c if column.name != "list_version"]
    with own_site.database.reading() as connection:
        versions = connection.execute(select(lists.c.list_version)).scalars().all()
        old, new = (
            connection.execute(select(*columns).where(scores.c.list_version == version).order_by(scores.c.household_id)).all()
            for version in versions
        )
    assert old == new


def test_a_list_that_fails_halfway_is_not_there_at_all(own_site: Site) -> None:
    with own_site.database.reading() as connection:
        before = active(connection)
        register = load_register(connection)
    assert before is not None
    scored = score_register(register, bundle_of(own_site), made_up.AS_OF, 1)
    columns = list_columns(scored)
    columns["causes_mask"] = np.zeros(len(scored.frame), dtype=np.int64)
    columns["risk"] = columns["risk"].copy()
    columns["risk"][-1] = np.nan  # the last row cannot be stored
    record = ListRecord(1, "2023-12-31", "520523", True, 1, "falls_below", "v", "p", "d", 0.0, "2024")
    with pytest.raises(Exception, match=r"(?i)not.null"):
        write_list(
            own_site.database, record, columns, {"household_id": []}, summarise(columns, scored.judged.counted()[scored.frame.position])
        )
    with own_site.database.reading() as connection:
        assert active(connection) == before
        assert list_of(connection, 2) is None
        assert [record.list_version for record in kept_lists(connection)] == [1]
    score_stored(own_site.database, bundle_of(own_site), None, threads=1, clock=now, again=True)
    with own_site.database.reading() as connection:
        assert [record.list_version for record in kept_lists(connection)] == [3, 1]
        for table in (scores, reasons, summaries, changes, lists):
            assert 2 not in connection.execute(select(table.c.list_version).distinct()).scalars().all()  # what was left is swept up


def test_the_summary_counts_what_the_list_holds(site: Site) -> None:
    with site.database.reading() as connection:
        rows = connection.execute(select(scores)).all()
        counted = {row.village: row for row in connection.execute(select(summaries))}
    assert set(counted) == {row.village for row in rows}
    for village, row in counted.items():
        mine = [score for score in rows if score.village == village]
        assert row.households_count == len(mine)
        assert row.red_count == sum(score.tier == "red" for score in mine)
        assert row.below_line_count == sum(score.state == "below_line" for score in mine)
        assert row.edge_band_count == sum(score.edge_band_flag is True for score in mine)
        assert row.edge_candidate_count == sum(score.edge_candidate is True for score in mine)
        assert row.cause_illness_count == sum(score.causes_mask & CAUSE_BITS["illness"] > 0 for score in mine)
    assert any(row.cause_illness_count for row in counted.values())


@pytest.mark.parametrize(("level", "rank"), [("county", "rank_county"), ("town", "rank_town"), ("village", "rank_village")])
def test_ranks_count_from_one_within_each_place(site: Site, level: str, rank: str) -> None:
    with site.database.reading() as connection:
        rows = connection.execute(select(scores).order_by(scores.c.risk.desc(), scores.c.household_id)).all()
    seen: dict[str, int] = {}
    for row in rows:
        place = getattr(row, level)
        seen[place] = seen.get(place, 0) + 1
        assert getattr(row, rank) == seen[place]


def test_households_in_a_tier_have_reasons_and_the_others_none(site: Site) -> None:
    with site.database.reading() as connection:
        explained = set(connection.execute(select(reasons.c.household_id).where(reasons.c.causes.is_not(None))).scalars())
        in_a_tier = set(connection.execute(select(scores.c.household_id).where(scores.c.tier != "none")).scalars())
    assert explained == in_a_tier


def test_monitored_households_are_candidates_for_nothing(site: Site, households: list[made_up.Household]) -> None:
    key = pseudonym_key(site.settings.pseudonym_key, demo=False)
    monitored = [pseudonym(key, one["household_id"]) for one in households[:10]]
    with site.database.reading() as connection:
        rows = connection.execute(select(scores).where(scores.c.household_id.in_(monitored))).all()
    assert len(rows) == 10
    assert not any(row.edge_candidate or row.unstable_candidate or row.sudden_candidate for row in rows)


def test_exited_households_never_carry_an_edge_flag(site: Site, households: list[made_up.Household]) -> None:
    key = pseudonym_key(site.settings.pseudonym_key, demo=False)
    exited = {pseudonym(key, one["household_id"]) for one in households if one["status"] == "exited"}
    with site.database.reading() as connection:
        rows = [row for row in connection.execute(select(scores)) if row.household_id in exited]
    assert len(rows) > 50
    assert not any(row.edge_band_flag or row.edge_candidate for row in rows)


def test_a_model_of_made_up_data_does_not_score_real_households(own_site: Site, tmp_path: Path) -> None:
    folder = made_up.write_register(tmp_path / "real", made_up.county(60), synthetic=False)
    key = pseudonym_key(own_site.settings.pseudonym_key, demo=False)
    import_register(own_site.database, folder, key, months=36, uploads=tmp_path, mode="replace", clock=now)
    with pytest.raises(UserError, match="made-up data"):
        score_stored(own_site.database, bundle_of(own_site), None, threads=1, clock=now)
    tried = score_stored(own_site.database, bundle_of(own_site), None, threads=1, clock=now, allow_synthetic_model=True)
    with own_site.database.reading() as connection:
        current = active(connection)
    assert current is not None
    assert (current.list_version, current.synthetic, current.policy_version) == (tried.version, False, load(synthetic=False).version)


def test_a_list_of_an_older_programme_is_made_anew(own_site: Site) -> None:
    bundle = bundle_of(own_site)
    assert not score_stored(own_site.database, bundle, None, threads=1, clock=now).fresh
    with own_site.database.writing() as connection:
        connection.execute(update(lists).values(shape=0))
    assert score_stored(own_site.database, bundle, None, threads=1, clock=now).fresh


def test_without_a_date_there_is_no_score(own_site: Site, tmp_path: Path) -> None:
    folder = made_up.write_register(tmp_path / "undated", made_up.county(20), known_until=None)
    import_register(own_site.database, folder, b"k" * 32, months=36, uploads=tmp_path, mode="replace", clock=now)
    with pytest.raises(UserError, match="--as-of"):
        score_stored(own_site.database, bundle_of(own_site), None, threads=1, clock=now)
    assert score_stored(own_site.database, bundle_of(own_site), made_up.AS_OF, threads=1, clock=now).as_of == "2023-12-31"
    with pytest.raises(UserError, match="no household was known"):
        score_stored(own_site.database, bundle_of(own_site), dt.date(2019, 1, 1), threads=1, clock=now)


def test_no_list_is_made_of_a_day_that_the_register_does_not_reach(own_site: Site, register_folder: Path, tmp_path: Path) -> None:
    for day in (made_up.AS_OF + dt.timedelta(days=1), dt.date(2030, 1, 1)):
        with pytest.raises(UserError, match=f"{day} 晚于数据所及 {made_up.AS_OF}"):
            score_stored(own_site.database, bundle_of(own_site), day, threads=1, clock=now)
        asked: dict[str, Any] = {"months": 36, "threads": 1, "with_reasons": False, "today": TODAY}
        with pytest.raises(UserError, match="later than what the register knows"):
            score_file(register_folder, tmp_path / "s.csv", bundle_of(own_site), key=None, as_of=day, **asked)
    ahead = made_up.write_register(tmp_path / "ahead", made_up.county(20), known_until="2205-01-31")
    with pytest.raises(UserError, match="数据截止日期 2205-01-31 晚于今天"):
        score_file(ahead, tmp_path / "s.csv", bundle_of(own_site), key=None, as_of=None, **asked)
    folder = made_up.write_register(tmp_path / "undated", made_up.county(20), known_until=None)
    import_register(own_site.database, folder, b"k" * 32, months=36, uploads=tmp_path, mode="replace", clock=now)
    with pytest.raises(UserError, match=f"晚于数据所及 {now().date()}"):
        score_stored(own_site.database, bundle_of(own_site), now().date() + dt.timedelta(days=1), threads=1, clock=now)


def test_a_file_is_scored_as_the_database_is(site: Site, register_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.parquet"
    key = pseudonym_key(site.settings.pseudonym_key, demo=False)
    rows = score_file(register_folder, out, bundle_of(site), key=key, as_of=None, months=36, threads=1, with_reasons=True, today=TODAY)
    table = pyarrow.parquet.read_table(out)
    assert rows == len(table) == 400
    with site.database.reading() as connection:
        stored = page(connection, 1, made_up.COUNTY, 500)
    names = ["household_id", "village", "risk", "probability", "tier", "state", "edge_band_flag", "edge_candidate", "rank_town"]
    for name in [*names, "data_age_days", "causes"]:
        assert table[name].to_pylist() == [getattr(row, name) for row in stored], name
    assert table.schema.metadata[b"as_of"] == b"2023-12-31"


def test_a_file_can_keep_its_own_ids_and_be_csv(
    site: Site, register_folder: Path, tmp_path: Path, households: list[made_up.Household]
) -> None:
    out = tmp_path / "scores.csv"
    score_file(
        register_folder, out, bundle_of(site), key=None, as_of=made_up.AS_OF, months=None, threads=1, with_reasons=False, today=TODAY
    )
    options = pyarrow.csv.ConvertOptions(column_types={"household_id": "string"})
    ids = pyarrow.csv.read_csv(out, convert_options=options)["household_id"].to_pylist()
    assert sorted(ids) == sorted(one["household_id"] for one in households)
    with pytest.raises(UserError, match=r"\.parquet or \.csv"):
        score_file(
            register_folder,
            tmp_path / "s.xls",
            bundle_of(site),
            key=None,
            as_of=None,
            months=None,
            threads=1,
            with_reasons=False,
            today=TODAY,
        )
