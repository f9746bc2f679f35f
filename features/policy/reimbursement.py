"""What a patient pays of a hospital bill after all layers of insurance have paid their part, bill after bill through a year.

The layers pay one after another, each on what the one before left over: basic insurance, serious-illness insurance, medical assistance
(and in some counties more). A bill has a part inside the insurer's list and a part outside it. What is left of the part inside the list is
the compliant out-of-pocket expenditure (合规自付); what is left of both is what the household really paid.

Worked example: a bill of 20,000, of which 18,000 in the list; one layer pays 80 % above a deductible of 500 that is taken once a year.
The layer pays (18,000 − 500) × 0.8 = 14,000; 4,000 remain in the list, 2,000 outside it: the household pays 6,000.
A second bill of 1,000 (all in the list) in the same year meets no deductible any more: the layer pays 800, the household 200.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.errors import PolicyError
from features.policy.packs import packs_of
from features.policy.registry import Policy
from features.policy.scheme import Scheme
from features.register import Array, FloatArray


@dataclass(slots=True)
class YearState:
    """What each patient has used up in the current year: deductibles borne and benefits drawn, (layers, patients) yuan."""

    borne: FloatArray
    drawn: FloatArray


@dataclass(frozen=True, slots=True)
class Settlement:
    """One bill a patient, settled; yuan.

    Attributes:
        paid: (layers, patients) what each layer paid.
        oop_compliant: what remains inside the list.
        oop: what remains in all: never negative, never above the bill.
    """

    paid: FloatArray
    oop_compliant: FloatArray
    oop: FloatArray


def new_year(scheme: Scheme, patients: int) -> YearState:
    """The state on 1 January: nothing borne, nothing drawn."""
    shape = (len(scheme.layers), patients)
    return YearState(np.zeros(shape), np.zeros(shape))


def settle(scheme: Scheme, group: Array, in_list: FloatArray, outside: FloatArray, state: YearState) -> Settlement:
    """Settles one bill of each patient and brings the year's state forward.

    Args:
        scheme: the layers in force on the day of the bill.
        group: (patients,) name of each patient's group as text.
        in_list: (patients,) yuan inside the insurer's list; 0 where the patient has no bill.
        outside: (patients,) yuan outside it.
        state: changed in place.

    Returns:
        what each layer paid and what remained.

    Raises:
        ValueError: a negative or unreadable amount.
    """
    inside = np.array(in_list, dtype=np.float64)
    beyond = np.array(outside, dtype=np.float64)
    if not (np.all(inside >= 0) and np.all(beyond >= 0)):
        raise ValueError("a bill is a positive amount")
    paid = np.zeros((len(scheme.layers), len(inside)))
    for k, layer in enumerate(scheme.layers):
        terms = {name: layer.terms.get(name) for name in np.unique(group)}
        deductible, rate, outside_rate, cap = (
            np.select([group == name for name in terms], [0.0 if t is None else getattr(t, part) for t in terms.values()])
            for part in ("deductible", "rate", "outside_rate", "cap")
        )
        covered = np.isin(group, [name for name, t in terms.items() if t is not None])
        left = np.maximum(0.0, deductible - state.borne[k]) if layer.yearly_deductible else deductible
        own = np.where(covered, np.minimum(inside, left), inside)
        state.borne[k] += np.where(covered, own, 0.0)
        pay_inside = (inside - own) * rate
        pay_beyond = beyond * outside_rate
        room = np.maximum(0.0, cap - state.drawn[k])
        share = np.minimum(1.0, room / np.maximum(pay_inside + pay_beyond, 1e-9))
        pay_inside, pay_beyond = pay_inside * share, pay_beyond * share
        paid[k] = pay_inside + pay_beyond
        state.drawn[k] += paid[k]
        inside = np.maximum(0.0, inside - pay_inside)
        beyond = np.maximum(0.0, beyond - pay_beyond)
    return Settlement(paid, inside, inside + beyond)


def schemes(policy: Policy, county: str) -> Sequence[Scheme]:
    """The dated schemes of a county, its own or those of a wider region, ascending by start.

    Args:
        policy: with its rules.
        county: area code of 6 digits or more.

    Raises:
        PolicyError: nobody has written one.
    """
    found = packs_of(policy).at(county).schemes
    if not found:
        raise PolicyError(f"no reimbursement scheme for county {county} 无该县报销方案: write one in its policy file, see docs/counties.md")
    return found


def scheme_on(policy: Policy, county: str, date: dt.date) -> Scheme | None:
    """The scheme in force in a county on a day; None before the first, and after the last of which an end is told."""
    begun = [scheme for scheme in schemes(policy, county) if scheme.start <= date]
    return begun[-1] if begun and begun[-1].in_force(date) else None
