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
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import yaml

from features.errors import PolicyError
from features.policy.language import Grade
from features.register import Array, FloatArray

SCHEMES = Path(__file__).parent / "schemes"


@dataclass(frozen=True, slots=True)
class Terms:
    """What one layer grants one group of insured people.

    Attributes:
        deductible: yuan that the patient bears first, of the part inside the list.
        rate: share paid of the part inside the list, above the deductible.
        outside_rate: share paid of the part outside the list.
        cap: yuan that the layer pays at most in a year.
    """

    deductible: float
    rate: float
    outside_rate: float
    cap: float


@dataclass(frozen=True, slots=True)
class Layer:
    """One insurance: its name, whether its deductible is taken once a year or of every bill, and its terms by group.

    A group without terms gets nothing from this layer.
    """

    name: str
    zh: str
    yearly_deductible: bool
    terms: Mapping[str, Terms]


@dataclass(frozen=True, slots=True)
class Scheme:
    """The layers in force from a day on, in the order in which they pay.

    Attributes:
        outpatient_rate: share of small outpatient bills that is paid, by group.
    """

    county: str
    start: dt.date
    layers: tuple[Layer, ...]
    outpatient_rate: Mapping[str, float]
    grade: str
    reference: str


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


@lru_cache(maxsize=16)
def schemes(county: str) -> tuple[Scheme, ...]:
    """The dated schemes of a county, ascending by start.

    Args:
        county: 6-digit area code.

    Raises:
        PolicyError: there is no file for the county, or it has faults.
    """
    path = SCHEMES / f"{county}.yaml"
    if not path.exists():
        have = ", ".join(sorted(file.stem for file in SCHEMES.glob("*.yaml")))
        raise PolicyError(f"no reimbursement scheme for county {county} 无该县报销方案; there are {have}")
    text = yaml.safe_load(path.read_text(encoding="utf-8"))
    read = tuple(_scheme(path, county, entry) for entry in text["schemes"])
    starts = [scheme.start for scheme in read]
    if starts != sorted(set(starts)):
        raise PolicyError(f"{path.name}: start dates must ascend without repeats 起始日期须递增且不重复")
    return read


def scheme_on(county: str, date: dt.date) -> Scheme | None:
    """The scheme in force in a county on a day; None before the first."""
    found = None
    for scheme in schemes(county):
        if scheme.start <= date:
            found = scheme
    return found


def _scheme(path: Path, county: str, entry: Mapping[str, Any]) -> Scheme:
    where = f"{path.name}: {entry.get('from')}"
    if entry.get("grade") not in get_args(Grade) or not entry.get("reference"):
        raise PolicyError(f"{where}: needs a grade of {sorted(get_args(Grade))} and a reference 需注明等级与依据")
    layers = []
    for layer in entry["layers"]:
        terms = {}
        for group, values in layer["groups"].items():
            term = Terms(**{part: float(values[part]) for part in ("deductible", "rate", "outside_rate", "cap")})
            if not (0 <= term.rate <= 1 and 0 <= term.outside_rate <= 1 and term.deductible >= 0 and term.cap >= 0):
                raise PolicyError(f"{where}: {layer['name']} {group}: rates lie in 0…1, amounts are not negative 比例须在 0–1")
            terms[group] = term
        layers.append(Layer(layer["name"], layer["zh"], bool(layer["yearly_deductible"]), terms))
    return Scheme(county, entry["from"], tuple(layers), dict(entry["outpatient_rate"]), entry["grade"], entry["reference"])
