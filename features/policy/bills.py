"""The bills of one patient, settled one after another: what each layer of insurance pays, and what remains.

Deductibles that are borne once a year and yearly caps are carried from bill to bill, and begin anew on 1 January.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.errors import PolicyError, not_among
from features.policy.registry import Policy
from features.policy.reimbursement import YearState, new_year, scheme_on, schemes, settle
from features.policy.scheme import Scheme

UNINSURED = "uninsured"


@dataclass(frozen=True, slots=True)
class Bill:
    """A stay in hospital: yuan inside the insurer's list and outside it."""

    date: dt.date
    in_list: float
    outside: float


@dataclass(frozen=True, slots=True)
class Paid:
    """A bill as it was settled; yuan.

    Attributes:
        layers: what each layer paid, by its name, in the order in which they pay.
        left_in_list: what remains inside the list, the compliant out-of-pocket expenditure.
        left: what remains in all.
    """

    bill: Bill
    scheme: Scheme
    layers: dict[str, float]
    left_in_list: float
    left: float


def groups(policy: Policy, county: str) -> tuple[str, ...]:
    """The groups of insured people of a county's schemes, and those who are not insured."""
    return (*dict.fromkeys(name for scheme in schemes(policy, county) for layer in scheme.layers for name in layer.terms), UNINSURED)


def settled(policy: Policy, county: str, group: str, bills: Sequence[Bill], *, borne: float = 0.0) -> list[Paid]:
    """Settles a patient's bills.

    Args:
        policy: with its schemes.
        county: 6-digit area code.
        group: of insured people.
        bills: in the order of their days.
        borne: yuan of each yearly deductible that the patient bore before the first bill, in that year.

    Raises:
        PolicyError: there is no scheme, group or day like that, an amount is negative, or the days do not ascend.
    """
    known = groups(policy, county)
    if group not in known:
        raise PolicyError(not_among(f"{county} 没有此类参保人 {group!r}", "there is no such group", known))
    found: list[Paid] = []
    state: YearState | None = None
    for at, bill in enumerate(bills):
        before = found[-1] if found else None
        if before is not None and bill.date < before.bill.date:
            raise PolicyError(f"bill {at + 1} of {bill.date} lies before the one above it 账单须按日期先后排列: sort the bills by day")
        if not (0 <= bill.in_list < np.inf and 0 <= bill.outside < np.inf and 0 <= borne < np.inf):
            raise PolicyError(f"bill {at + 1}: amounts are yuan, 0 or more 金额不得为负")
        scheme = scheme_on(policy, county, bill.date)
        if scheme is None:
            days = " ".join(f"{one.start} – {one.until or ''}" for one in schemes(policy, county))
            raise PolicyError(f"no scheme in county {county} on {bill.date} 当日没有报销方案; there are those of 现有: {days}")
        if state is None or before is None or before.bill.date.year != bill.date.year or before.scheme is not scheme:
            state = new_year(scheme, 1)
            if before is None:
                state.borne += borne
        done = settle(scheme, np.array([group]), np.array([bill.in_list]), np.array([bill.outside]), state)
        layers = {layer.name: float(paid) for layer, paid in zip(scheme.layers, done.paid[:, 0], strict=True)}
        found.append(Paid(bill, scheme, layers, float(done.oop_compliant[0]), float(done.oop[0])))
    return found
