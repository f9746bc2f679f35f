"""POST /api/v1/policy/reimbursement: a year's bills, layer by layer, with the scheme's source; clear words where it cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from service.auth import Role
from tests.service import made_up
from tests.service.sites import Site

BILLS = [{"date": "2023-03-01", "in_list": 18000, "outside": 2000}, {"date": "2023-06-01", "in_list": 18000, "outside": 2000}]


def ask(site: Site, role: Role = Role.COUNTY, held: str = made_up.COUNTY, **body: Any) -> Any:
    return site.client.post("/api/v1/policy/reimbursement", json={"bills": BILLS, **body}, headers=site.headers(role, held))


def test_bills_are_settled_one_after_another_and_add_up(site: Site) -> None:
    told = ask(site).json()
    assert told["county"] == made_up.COUNTY
    first, second = told["bills"]
    assert [layer["layer"] for layer in first["layers"]] == ["basic", "serious_illness", "assistance"]
    assert (first["layers"][1]["zh"], first["layers"][1]["en"]) == ("大病保险", "Serious-illness insurance")
    assert second["left"] < first["left"]  # the yearly deductible is borne already
    for bill in told["bills"]:
        assert sum(layer["paid"] for layer in bill["layers"]) + bill["left"] == pytest.approx(20000, abs=0.02)
        assert bill["scheme"]["grade"] == "calibrated"
        assert "15.5 %" in bill["scheme"]["reference"]
    assert told["cost"] == 40000
    assert told["left"] == pytest.approx(first["left"] + second["left"], abs=0.02)
    assert told["left_share"] == pytest.approx(told["left"] / 40000, abs=1e-4)


def test_a_village_asks_by_the_scheme_of_its_county_and_of_no_other(site: Site) -> None:
    village = made_up.VILLAGES[0]
    assert ask(site, Role.VILLAGE, village).json()["county"] == made_up.COUNTY
    assert ask(site, Role.VILLAGE, village, region="360821").status_code == 403


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"group": "rich"}, "registered, ordinary, uninsured"),
        ({"bills": BILLS[::-1]}, "sort the bills by day"),
        ({"bills": [{"date": "2001-01-01", "in_list": 1}]}, "2015-01-01 – 2026-01-01"),
        ({"bills": [{"date": "2023-01-01", "in_list": -1}]}, "bills.0.in_list"),
        ({"bills": []}, "bills"),
    ],
)
def test_what_cannot_be_settled_is_refused_with_what_to_do(site: Site, body: dict[str, Any], said: str) -> None:
    answer = ask(site, **body)
    assert answer.status_code == 422
    assert said in answer.text
