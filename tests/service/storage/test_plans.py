"""No page of anything is found by reading a whole table: the database says so itself, of the very statements that are sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, event

from features.errors import Problem
from service.storage.change_store import changes_between
from service.storage.clue_store import clue_page, clues_of
from service.storage.job_store import Asked, add_job, count_findings, findings, job_of, keep_findings
from service.storage.ledger_store import ledger_counts
from service.storage.note_store import demands_of, notes_of
from service.storage.score_store import Wanted, counts, households, page
from service.storage.token_store import find_token
from service.storage.visit_store import recent, visits_of
from tests.service import made_up
from tests.service.sites import Site, now

TOWN = made_up.COUNTY + "101"
VILLAGE = TOWN + "001"
ASKED: dict[str, tuple[Callable[[Connection], Any], str]] = {
    "the county's list": (lambda c: page(c, 1, made_up.COUNTY, 20, after=(40,)), "ix_scores_county"),
    "a town's list": (lambda c: page(c, 1, TOWN, 20, after=(40,)), "ix_scores_town"),
    "a village's list": (lambda c: page(c, 1, VILLAGE, 20, after=(5,)), "ix_scores_village"),
    "a county's list of one tier": (lambda c: page(c, 1, made_up.COUNTY, 20, wanted=Wanted(tier="red")), "ix_scores_county"),
    "a county village by village": (lambda c: page(c, 1, made_up.COUNTY, 20, order="village", after=(VILLAGE, 3)), "ix_scores_village"),
    "a town village by village": (lambda c: page(c, 1, TOWN, 20, order="village", after=(VILLAGE, 3)), "ix_scores_village"),
    "ids that begin alike": (lambda c: page(c, 1, made_up.COUNTY, 20, order="id", wanted=Wanted(prefix="a")), "pk_scores"),
    "some households": (lambda c: households(c, 1, TOWN, ["a", "b"]), "pk_scores"),
    "counts by town": (lambda c: counts(c, 1, made_up.COUNTY, "town"), "pk_summaries"),
    "ledgers of a town": (lambda c: ledger_counts(c, 1, made_up.VILLAGES[0][:9]), "pk_summaries"),
    "changes of a county": (lambda c: changes_between(c, 0, [1], made_up.COUNTY, limit=20, after="a"), "ix_changes_county"),
    "changes of a village": (lambda c: changes_between(c, 0, [1], VILLAGE, limit=20, after="a"), "ix_changes_village"),
    "visits of a county": (lambda c: recent(c, made_up.COUNTY, 20, before=1000), "ix_visits_county"),
    "visits of a village": (lambda c: recent(c, VILLAGE, 20, before=1000), "ix_visits_village"),
    "visits of a household": (lambda c: visits_of(c, 1, "a", TOWN), "uq_visits_household_id"),
    "clues of a county": (lambda c: clue_page(c, made_up.COUNTY, 20, before=1000), "ix_clues_county"),
    "clues of a village": (lambda c: clue_page(c, VILLAGE, 20, risk="illness", before=1000), "ix_clues_village"),
    "clues of a household": (lambda c: clues_of(c, "a"), "ix_clues_household_id"),
    "notes on a household": (lambda c: notes_of(c, "a"), "ix_notes_household_id"),
    "findings that demand a note": (lambda c: demands_of(c, "a"), "pk_note_demands"),
    "an upload": (lambda c: job_of(c, 1, made_up.COUNTY), "pk_import_jobs"),
    "findings of an upload": (lambda c: findings(c, 1, 20, after=40), "pk_import_findings"),
    "findings of one column": (lambda c: findings(c, 1, 20, after=40, table="incomes", column="amount"), "pk_import_findings"),
    "how many findings": (lambda c: count_findings(c, 1), "pk_import_findings"),
    "a token": (lambda c: find_token(c, "fp_none", now()), "uq_tokens_token_hash"),
}


def plans(connection: Connection, ask: Callable[[Connection], Any]) -> str:
    """How the database means to find what is asked for."""
    sent: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        sent.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    ask(connection)
    event.remove(connection, "before_cursor_execute", note)
    assert sent
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    lines = [row[-1] for statement, parameters in sent for row in connection.exec_driver_sql(explain + statement, parameters)]
    return "\n".join(lines)


@pytest.mark.parametrize("what", list(ASKED))
def test_no_page_is_found_by_reading_a_whole_table(site: Site, what: str) -> None:
    ask, index = ASKED[what]
    with site.database.reading() as connection:
        if connection.dialect.name == "sqlite":
            plan = plans(connection, ask)
            # A walk along the key of a table without row numbers bears SQLite's own name.
            names = {index, "PRIMARY KEY", "sqlite_autoindex"} if index.startswith(("pk_", "uq_")) else {index}
            assert not re.search(r"SCAN (?!\(|anon|CONSTANT)(?!.*USING (COVERING )?INDEX)", plan), plan
            long = "scores|reasons|summaries|changes|visits|clues|clue_evidence|notes|note_demands|tokens|lists|import_jobs|import_findings"
            assert not re.search(rf"SCAN ({long})", plan), plan
            assert any(name in plan for name in names), plan
        else:
            # So few rows are read faster without an index; whether one would serve is what is asked here.
            for way in ("seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin"):
                connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
            plan = plans(connection, ask)
            assert "Seq Scan" not in plan, plan
            assert index in plan, plan
            assert "Index Cond" in plan, plan


def steps(connection: Connection, ask: Callable[[Connection], Any]) -> int:
    """How many steps SQLite takes to find what is asked for, whatever else the machine does."""
    taken = [0]

    def step() -> None:
        taken[0] += 1

    driver: Any = connection.connection.driver_connection
    driver.set_progress_handler(step, 1)
    ask(connection)
    driver.set_progress_handler(None, 0)
    return taken[0]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_every_page_of_the_findings_costs_the_same_however_many_there_are(own_site: Site) -> None:
    asked = Asked("a.zip", dry_run=False, mode="update", months=36, score=False, region=made_up.COUNTY, asked_by="test")
    few, many = 100, 8_000
    with own_site.database.writing() as connection:
        jobs = {count: add_job(connection, asked, "2024-03-01T00:00:00Z", 10) for count in (few, many)}
        for count, job in jobs.items():
            keep_findings(connection, job, [Problem("incomes", row, "amount", "is missing", "fill it in") for row in range(count)])
    with own_site.database.reading() as connection:
        pages = [steps(connection, lambda c, at=at: findings(c, jobs[many], 20, after=at)) for at in (0, 20, many // 2, many - 20)]
        pages.append(steps(connection, lambda c: findings(c, jobs[few], 20, after=20)))
        counting = {steps(connection, lambda c, job=job: count_findings(c, job)) for job in jobs.values()}
        assert [count_findings(connection, job) for job in jobs.values()] == [few, many]
    assert min(pages) > 20
    assert max(pages) <= min(pages) * 1.1
    assert max(counting) <= min(counting) * 1.1
