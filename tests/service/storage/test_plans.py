"""No page of anything is found by reading a whole table: the database says so itself, of the very statements that are sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, event

from service.storage.change_store import changes_between
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
    "changes of a county": (lambda c: changes_between(c, [1], made_up.COUNTY, 20, "a"), "ix_changes_county"),
    "changes of a village": (lambda c: changes_between(c, [1], VILLAGE, 20, "a"), "ix_changes_village"),
    "visits of a county": (lambda c: recent(c, made_up.COUNTY, 20, before=1000), "ix_visits_county"),
    "visits of a village": (lambda c: recent(c, VILLAGE, 20, before=1000), "ix_visits_village"),
    "visits of a household": (lambda c: visits_of(c, 1, "a", TOWN), "uq_visits_household_id"),
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
            assert not re.search(r"SCAN (scores|reasons|summaries|changes|visits|tokens|lists)", plan), plan
            assert any(name in plan for name in names), plan
        else:
            # So few rows are read faster without an index; whether one would serve is what is asked here.
            for way in ("seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin"):
                connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
            plan = plans(connection, ask)
            assert "Seq Scan" not in plan, plan
            assert index in plan, plan
            assert "Index Cond" in plan, plan
