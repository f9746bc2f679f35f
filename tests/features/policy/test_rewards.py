"""One-off money never counts as stable income: neither rewards, nor grants, nor loans."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from features.errors import PolicyError
from features.policy.shipped import read
from tests.features.policy.cases import judged, register, rows

DAY = dt.date(2020, 6, 30)
INCOMES = ("pc_net_income", "pc_market_income", "dibao_income", "reference_income", "income_fall", "half_year_income")


def test_a_reward_a_grant_and_a_loan_are_no_income() -> None:
    one_off = {
        "measures": [{"measure_kind": kind, "amount": 9000} for kind in ("housing", "industry", "education")],
        "benefits": [{"member_id": "1", "benefit": "education_help", "amount": 250}],
        "debts": [{"lender": "microcredit", "balance": 50000}],
    }
    without, with_it = (judged(register(rows(household, "450422", DAY)), DAY) for household in ({}, one_off))
    for name in INCOMES:
        assert with_it.fact(name, 0) == without.fact(name, 0), name
    assert without.fact("pc_net_income", 0) == (20000, 20000)


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        ("{until: 2020-06-11}", "exactly one of amount, uplift"),
        ("{until: 2020-06-11, amount: 1}, {until: 2020-06-01, amount: 2}", "must ascend"),
        ("{until: 2020-06-11, amount: 1}, {until: 2020-06-21, uplift: 0.5}", "either all steps"),
    ],
)
def test_steps_that_make_no_sense_are_refused_with_their_line(tmp_path: Path, steps: str, fault: str) -> None:
    reward = f"{{zh: 虚构, en: Made up, unit: yuan/person, reference: 虚构, grade: synthetic, steps: [{steps}]}}"
    (tmp_path / "990009.yaml").write_text(f'region: "990009"\nzh: 某县\nen: A county\nrewards:\n  r: {reward}\n', encoding="utf-8")
    with pytest.raises(PolicyError, match=rf"990009\.yaml:5: .*{fault}"):
        read(counties=tmp_path)
