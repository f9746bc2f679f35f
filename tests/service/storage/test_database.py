"""What holds of the database, whichever it is: one state for a reader, turns for writers, bulk rows exactly, an honest 503."""

from __future__ import annotations

import math
import random
import threading

import numpy as np
import pytest
from sqlalchemy import Connection, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from service.auth import Role
from service.storage.database import Database, insert_columns
from service.storage.tables import imports, lists, reasons, register_ids, scores, tokens
from tests.service import made_up
from tests.service.postgres import Server
from tests.service.sites import Site

on_postgresql = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)  # a file neither hangs up nor takes its time


def listed(connection: Connection, version: int = 1) -> None:
    """A list for scores to belong to."""
    described = {"county": "1", "synthetic": True, "indicators": "", "contents": "", "digest": "", "key_mark": ""}
    counted = {"households": 0, "rows": 0, "rows_left_out": 0, "problems": 0}
    connection.execute(insert(imports).values(id=1, fingerprint="", mode="replace", **described, **counted))
    versions = {"model_name": "", "model_version": "", "policy_version": "", "data_version": "", "base_margin": 0.0}
    place = {
        "import_id": 1,
        "as_of": "",
        "county": "1",
        "synthetic": True,
        "households": 0,
        "written_at": "",
        "finished": False,
        "shape": 1,
    }
    connection.execute(insert(lists).values(list_version=version, **place, **versions))


def test_bulk_rows_come_back_exactly(empty_database: Database) -> None:
    pick = random.Random(5)
    rows = 3_000
    words = ["", "户", "a\tb\nc\\", "'\"", "x" * 63, "𠀀"]
    columns = {
        "list_version": np.ones(rows, dtype=np.int64),
        "household_id": np.array([f"{words[n % len(words)][:50]}{n}" for n in range(rows)]),
        **{name: [pick.choice(["1", "12"]) for _ in range(rows)] for name in ("county", "town", "village", "state", "tier")},
        **{f"rank_{level}": np.arange(rows) for level in ("county", "town", "village")},
        "causes_mask": np.array([pick.choice([0, 2**31 - 1, -(2**31)]) for _ in range(rows)]),
        "risk": np.array([pick.choice([0.1, -1e-300, math.pi, math.inf, 1.7976931348623157e308]) for _ in range(rows)]),
        "cell": [pick.choice([None, "单元", ""]) for _ in range(rows)],
        "probability": np.array([pick.choice([math.nan, 0.1 + 0.2]) for _ in range(rows)]),
        "edge_candidate": np.array([pick.choice([math.nan, 0.0, 1.0]) for _ in range(rows)]),
        "data_age_days": np.array([pick.choice([math.nan, 40.0, -3.0]) for _ in range(rows)]),
    }
    with empty_database.writing() as connection:
        listed(connection)
        insert_columns(connection, scores, columns, rows)
    c = scores.c
    with empty_database.reading() as connection:
        stored = connection.execute(select(*(c[name] for name in columns)).order_by(c.rank_county)).all()
    expected = list(
        zip(*([None if isinstance(v, float) and math.isnan(v) else v for v in np.asarray(x, object).tolist()] for x in columns.values()),
            strict=True)
    )  # fmt: skip
    assert [tuple(row) for row in stored] == expected
    assert {type(row.edge_candidate) for row in stored} == {bool, type(None)}
    assert {type(row.data_age_days) for row in stored} == {int, type(None)}


def test_long_and_short_texts_mix_in_one_bulk(empty_database: Database) -> None:
    told = {"list_version": [1, 1, 1], "household_id": ["a", "b", "c"], "causes": ["短" * 100_000, None, ""], "verify": [None] * 3}
    with empty_database.writing() as connection:
        listed(connection)
        insert_columns(connection, reasons, told, 3)
        insert_columns(connection, reasons, {name: [] for name in told}, 0)
    with empty_database.reading() as connection:
        assert connection.execute(select(reasons.c.causes).order_by(reasons.c.household_id)).scalars().all() == ["短" * 100_000, None, ""]


def test_ids_order_by_their_characters_on_every_database(empty_database: Database) -> None:
    ids = ["b", "a", "B", "_", "ab", "a_", "A", "10", "9", ":", "é"]
    with empty_database.writing() as connection:
        insert_columns(connection, register_ids, {"household": np.arange(len(ids)), "household_id": ids}, len(ids))
    with empty_database.reading() as connection:
        assert connection.execute(select(register_ids.c.household_id).order_by(register_ids.c.household_id)).scalars().all() == sorted(ids)


def test_a_reader_sees_one_state_whatever_is_written_meanwhile(own_site: Site) -> None:
    count = select(func.count()).select_from(tokens)
    with own_site.database.reading() as connection:
        before = connection.execute(count).scalar_one()
        own_site.token(Role.COUNTY, made_up.COUNTY)
        assert connection.execute(count).scalar_one() == before
    with own_site.database.reading() as connection:
        assert connection.execute(count).scalar_one() == before + 1


def test_writers_take_turns_so_that_nothing_is_written_on_what_was_read_before(own_site: Site) -> None:
    """Each reads a number and writes the next: were two at it at once, numbers would be lost."""
    households = lists.c.households
    with own_site.database.writing() as connection:
        connection.execute(update(lists).values(households=0))
    failures: list[Exception] = []

    def count_up() -> None:
        try:
            for _ in range(15):
                with own_site.database.writing() as connection:
                    now = connection.execute(select(households)).scalar_one()
                    connection.execute(update(lists).values(households=now + 1))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with own_site.database.reading() as connection:
        assert connection.execute(select(households)).scalar_one() == 60


def test_the_values_of_a_statement_that_failed_are_not_in_the_error(empty_database: Database) -> None:
    with pytest.raises(DBAPIError) as failed, empty_database.writing() as connection:
        connection.execute(text("SELECT nothing FROM nowhere WHERE token = :token"), {"token": "very-secret"})
    assert "very-secret" not in str(failed.value)
    assert not empty_database.is_unavailable(failed.value)


@on_postgresql
def test_a_server_that_hangs_up_is_a_503_with_when_to_try_again_and_then_all_is_well(own_site: Site, postgres: Server) -> None:
    name = str(own_site.database.engine.url.database)
    headers = own_site.headers()
    assert own_site.client.get("/api/v1/summary", headers=headers).status_code == 200
    postgres.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    postgres.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    for _ in range(2):
        answer = own_site.client.get("/api/v1/summary", headers=headers)
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) > 0
    assert own_site.client.get("/readyz").status_code == 503
    postgres.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert own_site.client.get("/api/v1/summary", headers=headers).status_code == 200


@on_postgresql
def test_a_question_that_takes_too_long_is_given_up(own_site: Site) -> None:
    hasty = Database(own_site.settings.database_url, statement_seconds=1)
    with pytest.raises(DBAPIError) as failed, hasty.reading() as connection:
        connection.execute(text("SELECT pg_sleep(20)"))
    assert hasty.is_unavailable(failed.value)
    hasty.close()


@on_postgresql
def test_nothing_can_be_written_where_only_reading_was_asked_for(own_site: Site) -> None:
    with pytest.raises(DBAPIError, match="read-only"), own_site.database.reading() as connection:
        connection.execute(delete(tokens))
