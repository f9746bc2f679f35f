"""What is left of a bill after every layer of insurance."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import PolicyError
from features.policy.registry import Policy
from features.policy.reimbursement import new_year, scheme_on, schemes, settle
from features.policy.scheme import Layer, Scheme
from features.policy.shipped import load


def layer(name: str, zh: str, yearly: bool, **groups: tuple[float, float, float, float]) -> Layer:
    names = ("deductible", "rate", "outside_rate", "cap")
    terms = {group: dict(zip(names, values, strict=True)) for group, values in groups.items()}
    return Layer.model_validate({"name": name, "zh": zh, "en": name, "yearly_deductible": yearly, "groups": terms})


BASIC = layer("basic", "基本医疗保险", False, registered=(100, 0.8, 0.0, 1e6), ordinary=(500, 0.6, 0.0, 1e6))
SERIOUS = layer("serious", "大病保险", True, registered=(1000, 0.5, 0.0, 1e6))
EXTRA = layer("extra", "补充保险", False, registered=(0, 0.9, 0.8, 2000))


def scheme(*layers: Layer) -> Scheme:
    return Scheme.model_validate(
        {
            "zh": "虚构",
            "en": "made up",
            "from": dt.date(2016, 1, 1),
            "layers": list(layers),
            "outpatient_rate": {},
            "grade": "synthetic",
            "reference": "test",
        }
    )


def one(chosen: Scheme, in_list: float, outside: float = 0.0, group: str = "registered", state=None):
    settled = settle(chosen, np.array([group]), np.array([in_list]), np.array([outside]), state or new_year(chosen, 1))
    return settled.paid[:, 0], settled.oop_compliant[0], settled.oop[0]


def test_layers_pay_one_after_another_on_what_is_left():
    paid, compliant, oop = one(scheme(BASIC, SERIOUS), 10_100, 900)
    assert paid == pytest.approx([8000, 550])  # (10,100 − 100) × 0.8; (2,100 − 1,000) × 0.5
    assert compliant == pytest.approx(1550)
    assert oop == pytest.approx(2450)


def test_yearly_deductible_is_taken_once_a_year_and_a_bill_deductible_of_every_bill():
    chosen = scheme(BASIC, SERIOUS)
    state = new_year(chosen, 1)
    one(chosen, 10_100, state=state)
    paid, _, oop = one(chosen, 10_100, state=state)
    assert paid == pytest.approx([8000, 1050])
    assert oop == pytest.approx(1050)


def test_two_small_bills_use_up_a_yearly_deductible_together():
    chosen = scheme(SERIOUS)
    state = new_year(chosen, 1)
    assert one(chosen, 600, state=state)[2] == pytest.approx(600)
    assert one(chosen, 600, state=state)[2] == pytest.approx(500)  # 400 more to bear, half of the other 200


def test_a_group_without_terms_gets_nothing_from_a_layer():
    paid, _, oop = one(scheme(BASIC, SERIOUS), 2500, group="ordinary")
    assert paid == pytest.approx([1200, 0])
    assert oop == pytest.approx(1300)
    assert one(scheme(BASIC, SERIOUS), 2500, 100, group="uninsured")[2] == pytest.approx(2600)


def test_outside_the_list_only_a_layer_that_covers_it_pays_and_the_yearly_cap_holds():
    paid, _, oop = one(scheme(EXTRA), 1000, 500)
    assert paid == pytest.approx([1300])
    assert oop == pytest.approx(200)
    chosen = scheme(EXTRA)
    state = new_year(chosen, 1)
    one(chosen, 2000, state=state)
    assert one(chosen, 2000, state=state)[0] == pytest.approx([200])


def test_patients_do_not_share_their_deductibles():
    chosen = scheme(SERIOUS)
    state = new_year(chosen, 2)
    settle(chosen, np.array(["registered"] * 2), np.array([5000.0, 0.0]), np.zeros(2), state)
    settled = settle(chosen, np.array(["registered"] * 2), np.array([1000.0, 1000.0]), np.zeros(2), state)
    assert settled.oop == pytest.approx([500, 1000])


amounts = st.floats(0, 1e6, allow_nan=False)


@settings(deadline=None)
@given(bills=st.lists(st.tuples(amounts, amounts), min_size=1, max_size=5), group=st.sampled_from(["registered", "ordinary", "uninsured"]))
@pytest.mark.parametrize("county", ["360821", "450422", "520523", "610827", "611025"])
def test_nobody_pays_less_than_nothing_or_more_than_the_bill(county, bills, group):
    chosen = scheme_on(load(), county, dt.date(2020, 6, 1))
    assert chosen is not None
    state = new_year(chosen, 1)
    for in_list, outside in bills:
        paid, compliant, oop = one(chosen, in_list, outside, group, state)
        bill = in_list + outside
        assert -1e-6 <= compliant <= oop + 1e-6
        assert oop <= bill + 1e-6
        assert (paid >= 0).all()
        assert paid.sum() + oop == pytest.approx(bill, rel=1e-9, abs=1e-6)


def test_the_four_reimbursements_of_jian_pay_in_order_and_the_serious_illness_deductible_is_borne_once_a_year():
    chosen = scheme_on(load(), "360821", dt.date(2016, 12, 31))
    assert chosen is not None
    assert [layer.name for layer in chosen.layers] == ["basic", "serious_illness", "commercial", "assistance"]
    state = new_year(chosen, 1)
    first = one(chosen, 30_000, 2_000, state=state)
    second = one(chosen, 30_000, 2_000, state=state)
    deductible = {group: terms.deductible for group, terms in chosen.layers[1].terms.items()}
    assert deductible["registered"] == deductible["ordinary"] / 2
    rate = chosen.layers[1].terms["registered"].rate
    assert second[0][1] - first[0][1] == pytest.approx(deductible["registered"] * rate)  # no deductible the second time
    for paid, _, _ in (first, second):
        left = 30_000 - paid[0] - paid[1]
        assert paid[2] == pytest.approx(left * 0.9 + 2_000 * 0.8)
        assert paid[3] < left * 0.1  # civil affairs pays of what the supplement has left


def test_a_negative_bill_is_refused():
    with pytest.raises(ValueError, match="positive"):
        one(scheme(BASIC), -1)


def test_schemes_are_dated_and_a_county_without_any_is_named():
    assert scheme_on(load(), "520523", dt.date(2000, 1, 1)) is None
    assert scheme_on(load(), "520523", dt.date(2025, 12, 31)) is not None
    assert scheme_on(load(), "520523", dt.date(2031, 1, 1)) is None  # it was fitted for other years
    assert [layer.name for layer in schemes(load(), "520523")[0].layers] == ["basic", "serious_illness", "assistance"]
    with pytest.raises(PolicyError, match="999999"):
        schemes(Policy([]), "999999")


@pytest.mark.parametrize("county", ["450422", "610827", "611025"])
def test_a_county_whose_report_names_no_insurance_has_the_fitted_scheme_of_the_nation(county):
    (chosen,) = schemes(load(), county)
    assert chosen in schemes(load(), "")
    assert chosen.grade == "calibrated"
    assert "no text gives" in chosen.reference
