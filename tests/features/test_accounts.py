"""Income arithmetic against examples worked by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from features.accounts import SOURCES, accounts, income_between
from features.register import View
from features.tables import TABLES
from tests.features.generated import register

HOUSEHOLD = {column.name: None for column in TABLES["households"].columns} | {
    "household_id": "h1", "village_code": "520523100001", "registry_status": "ordinary",
    "sharing_size": 4.0, "valid_from": dt.date(2020, 1, 1), "known_on": dt.date(2020, 1, 1),
}  # fmt: skip
QUARTER_ENDS = {1: "03", 2: "06", 3: "09", 4: "12"}


def quarter(source: str, year: int, number: int, amount: float | None, known: dt.date | None = None) -> dict[str, Any]:
    end = int(QUARTER_ENDS[number])
    return income(source, f"{year}-{end - 2:02}", f"{year}-{end:02}", amount, known)


def income(source: str, start: str, end: str, amount: float | None, known: dt.date | None = None) -> dict[str, Any]:
    known = known or dt.date(int(end[:4]) + (end[5:] == "12"), int(end[5:]) % 12 + 1, 10)
    return {"household_id": "h1", "source": source, "period_start": start, "period_end": end, "amount": amount, "known_on": known}


def seen(as_of: dt.date, *incomes: dict[str, Any]) -> View:
    return register({"households": [HOUSEHOLD], "incomes": list(incomes)}).at(as_of)


def wages(*quarters: tuple[int, int], amount: float = 3000.0) -> list[dict[str, Any]]:
    return [quarter("wage", year, number, amount) for year, number in quarters]


def test_last_twelve_known_months_of_quarters_and_the_last_year_of_yearly_sources() -> None:
    view = seen(
        dt.date(2023, 12, 31),
        *wages((2022, 4), (2023, 1), (2023, 2), (2023, 3)),
        income("business", "2022-01", "2022-12", 8000.0),
    )
    book = accounts(view)
    assert book.by_source[0, SOURCES.index("wage")] == 12000
    assert book.by_source[0, SOURCES.index("business")] == 8000
    assert book.net[0] == 20000
    assert book.last_month[0] == (2023 - 1970) * 12 + 8


def test_two_known_quarters_stand_for_a_year() -> None:
    book = accounts(seen(dt.date(2023, 12, 31), *wages((2023, 2), (2023, 3))))
    assert book.net[0] == 12000
    assert book.covered[0] == 6


@pytest.mark.parametrize("source", ["business_expense", "business"])
def test_a_blank_year_of_one_source_leaves_the_whole_unknown(source: str) -> None:
    """What is known of a source of the same months does not stand for another, as it does for a blank quarter of its own."""
    rows = [*wages((2022, 4), (2023, 1), (2023, 2), (2023, 3)), income("property", "2022-10", "2023-09", 500.0)]
    day, year_before, year = dt.date(2023, 12, 31), ("2021-10", "2022-09"), ("2022-10", "2023-09")
    assert accounts(seen(day, *rows)).net[0] == 12500
    book = accounts(seen(day, *rows, income(source, *year, None), income(source, *year_before, 7000.0)))
    assert np.isnan(book.net[0])
    assert np.isnan(book.by_source[0, SOURCES.index(source)])
    assert book.by_source[0, SOURCES.index("wage")] == 12000
    assert accounts(seen(day, *rows, income(source, *year_before, None))).net[0] == 12500
    alone = accounts(seen(day, income(source, *year, None)))
    assert np.isnan(alone.net[0])
    assert alone.last_month[0] == -1


def test_expenses_are_taken_off() -> None:
    rows = [*wages((2023, 1), (2023, 2), (2023, 3), (2023, 4)), quarter("business_expense", 2023, 4, 1000.0)]
    assert accounts(seen(dt.date(2024, 1, 31), *rows)).net[0] == 11000


def test_a_quarter_not_yet_known_is_not_counted_as_zero() -> None:
    rows = [*wages((2023, 1), (2023, 2), (2023, 3)), quarter("wage", 2023, 4, 0.0, known=dt.date(2024, 3, 1))]
    assert accounts(seen(dt.date(2024, 2, 28), *rows)).net[0] == 12000
    assert accounts(seen(dt.date(2024, 3, 1), *rows)).net[0] == 9000


def test_a_blank_amount_is_not_zero() -> None:
    """Of 2023Q3 it is only known that something was earned: the three quarters around it stand for the year."""
    rows = [*wages((2022, 4), (2023, 1), (2023, 2), (2023, 4)), quarter("wage", 2023, 3, None)]
    book = accounts(seen(dt.date(2024, 1, 31), *rows))
    assert book.covered[0] == 9
    assert book.net[0] == 12000


def test_a_correction_replaces_the_amount_from_the_day_it_is_known() -> None:
    rows = [*wages((2023, 1), (2023, 2), (2023, 3), (2023, 4)), quarter("wage", 2023, 4, 6000.0, known=dt.date(2024, 2, 10))]
    assert accounts(seen(dt.date(2024, 2, 9), *rows)).net[0] == 12000
    assert accounts(seen(dt.date(2024, 2, 10), *rows)).net[0] == 15000


def test_income_older_than_two_years_says_nothing_of_today() -> None:
    assert np.isnan(accounts(seen(dt.date(2023, 12, 31), *wages((2021, 3), (2021, 4)))).net[0])
    assert accounts(seen(dt.date(2023, 11, 30), *wages((2021, 3), (2021, 4)))).net[0] == 12000


def test_no_income_row_is_not_evaluable() -> None:
    book = accounts(seen(dt.date(2023, 12, 31)))
    assert np.isnan(book.net[0])
    assert book.last_month[0] == -1


@pytest.mark.parametrize(("first", "last", "amount", "months"), [("2023-01", "2023-12", 12000, 12), ("2023-03", "2024-02", 10000, 10)])
def test_income_of_a_span_is_prorated_by_months_inside_it(first: str, last: str, amount: float, months: int) -> None:
    view = seen(dt.date(2024, 6, 30), *wages((2023, 1), (2023, 2), (2023, 3), (2023, 4)))
    sums, covered = income_between(view, *(((int(month[:4]) - 1970) * 12 + int(month[5:]) - 1) for month in (first, last)))
    assert sums[0, SOURCES.index("wage")] == pytest.approx(amount)
    assert covered[0] == months
