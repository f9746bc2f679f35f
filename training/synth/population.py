"""Who lives in the households when the simulation begins: household types, ages, kinship, schooling."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from features.register import Array, BoolArray, FloatArray
from training.synth.block import FOREVER, SLOTS, Block

# Relations in the order of the register's code list.
HEAD, SPOUSE, CHILD, CHILD_IN_LAW, GRANDCHILD, PARENT, PARENT_IN_LAW, GRANDPARENT, SIBLING, OTHER = range(10)
LEFT, DIED = 1, 2  # codes of `presence`
ILLITERATE, PRIMARY, JUNIOR, SENIOR, COLLEGE, BACHELOR = range(6)
ADULT = 16
NOBODY = np.int16(-1)


@dataclass
class People:
    """All persons of a block, by household and slot; `birth` is −1 where the slot is empty.

    Attributes:
        birth: year of birth.
        birth_month: 0 … 11.
        sex: 0 male, 1 female.
        role: relation to the first head.
        arrive, gone: first month in the household, and first month no longer in it.
        gone_kind: LEFT or DIED.
        attain: final education.
        married: lives with a spouse, or did.
        used: (n,) slots taken.
    """

    birth: Array
    birth_month: Array
    sex: Array
    role: Array
    arrive: Array
    gone: Array
    gone_kind: Array
    attain: Array
    married: BoolArray
    used: Array
    chronic_from: Array = field(init=False)
    serious_from: Array = field(init=False)
    serious_to: Array = field(init=False)
    disabled_from: Array = field(init=False)
    disability: Array = field(init=False)
    level: Array = field(init=False)
    accident_from: Array = field(init=False)
    accident_to: Array = field(init=False)

    def __post_init__(self) -> None:
        shape = self.birth.shape
        for name in ("chronic_from", "serious_from", "serious_to", "disabled_from", "accident_from", "accident_to"):
            setattr(self, name, np.full(shape, FOREVER, dtype=np.int32))
        self.disability = np.full(shape, -1, dtype=np.int8)
        self.level = np.zeros(shape, dtype=np.int8)

    @property
    def exists(self) -> BoolArray:
        """Slots that hold a person."""
        return np.asarray(self.birth >= 0)

    def here(self, month: int) -> BoolArray:
        """Who lives in the household in a month."""
        return np.asarray((self.arrive <= month) & (self.gone > month))

    def add(self, rows: Array, *, birth: Array, sex: Array, role: Array, month: Array) -> Array:
        """Puts one more person into each of these households; returns their slots. Full households must have been left out."""
        slot = self.used[rows]
        self.birth[rows, slot] = birth
        self.sex[rows, slot] = sex
        self.role[rows, slot] = role
        self.arrive[rows, slot] = month
        self.gone[rows, slot] = FOREVER
        self.used[rows] += 1
        return slot


def settle_in(block: Block) -> People:
    """The people of a block in January of the first year."""
    n, year = block.n, block.span.first
    draws, preset = block.draws, block.preset
    shape = (n, SLOTS)
    people = People(
        birth=np.full(shape, NOBODY, dtype=np.int16),
        birth_month=(12 * draws.uniform("birth month", block.person)).astype(np.int8),
        sex=np.zeros(shape, dtype=np.int8),
        role=np.full(shape, OTHER, dtype=np.int8),
        arrive=np.full(shape, FOREVER, dtype=np.int32),
        gone=np.full(shape, FOREVER, dtype=np.int32),
        gone_kind=np.zeros(shape, dtype=np.int8),
        attain=np.zeros(shape, dtype=np.int8),
        married=np.zeros(shape, dtype=np.bool_),
        used=np.zeros(n, dtype=np.int64),
    )
    names = list(preset.get("population.types"))
    number = np.zeros(n, dtype=np.int64)
    for status, column in ((False, 0), (True, 1)):
        types = [preset.get(f"population.types.{name}") for name in names]
        # one number tilts the shares towards smaller or larger households, so that a county's mean size comes out
        tilt = preset.numbers("population.tilt")[column]
        weights = np.array([kind["share"][column] * np.exp(tilt * _usual_size(kind)) for kind in types], dtype=np.float64)
        drawn = draws.choice("household type", block.home, weights)
        number = np.where(block.exited == status, drawn, number)
    for place, name in enumerate(names):
        rows = np.flatnonzero(number == place)
        if len(rows):
            _fill(block, people, rows, preset.get(f"population.types.{name}"), year)
    people.attain[:] = _education(block, people.birth)
    present = people.exists
    people.arrive[present] = 0
    return people


def exit_year(block: Block, people: People) -> FloatArray:
    """Year of leaving poverty of the households that were registered poor, 2014 … 2020; NaN for others. Small ones tend to leave late."""
    years = np.arange(2014, 2021)
    size = (people.exists & people.here(0)).sum(axis=1)
    late = np.exp(block.preset.number("county.exit_lean") * (years - years[0]) * (4 - size[:, None]))
    edges = np.cumsum(block.preset.numbers("county.exit_years") * late, axis=1)
    drawn = block.draws.uniform("exit year", block.home)[:, None] > edges / edges[:, -1:]
    return np.where(block.exited, years[np.minimum(drawn.sum(axis=1), len(years) - 1)].astype(np.float64), np.nan)


def _usual_size(kind: dict[str, list[float]]) -> float:
    """Mean number of persons in households of a type."""
    return 1 + kind["spouse"][0] + kind["child_in_law"][0] + sum(sum(kind[name]) / 2 for name in ("children", "grandchildren", "parents"))


def _fill(block: Block, people: People, rows: Array, kind: dict[str, list[float]], year: int) -> None:
    """Fills households of one type: head, spouse, children, a married child's family, the head's parents."""
    draws = block.draws
    home = block.home[rows]

    def between(name: str, low: float, high: float) -> Array:
        return np.floor(low + (high - low + 1) * draws.uniform(name, home)).astype(np.int64)

    def put(where: Array, age: Array, sex: Array, role: int) -> None:
        some = np.flatnonzero(where & (people.used[rows] < SLOTS - 2))
        people.add(
            rows[some], birth=year - np.maximum(age[some], 0), sex=sex[some], role=np.full(len(some), role), month=np.zeros(len(some))
        )

    ages: list[int] = [int(a) for a in kind["head_age"]]
    head_age = between("head age", ages[0], ages[1])
    head_sex = (draws.uniform("head sex", home) > float(kind["male_head"][0])).astype(np.int64)
    everyone = np.ones(len(rows), dtype=np.bool_)
    put(everyone, head_age, head_sex, HEAD)
    spouse = draws.uniform("has spouse", home) < kind["spouse"][0]
    gap = np.round(2 + 2 * draws.normal("spouse gap", home)).astype(np.int64)
    put(spouse, np.maximum(head_age - np.where(head_sex == 0, gap, -gap), 20), 1 - head_sex, SPOUSE)
    low, high = (int(a) for a in kind["children"])
    children = between("children", low, high)
    # the oldest child's age hangs on the head's, the younger ones follow at intervals
    oldest = head_age - between("age at first child", 22, 28)
    youngest_limit = kind["child_age"]
    for order in range(high):
        child_age = np.clip(oldest - order * between(f"child gap {order}", 2, 4), youngest_limit[0], youngest_limit[1])
        sex = (draws.uniform(f"child sex {order}", home) > 0.54).astype(np.int64)
        if kind["child_in_law"][0] and order == 0:
            sex = np.zeros_like(sex)
        put(children > order, child_age, sex, CHILD)
    if kind["child_in_law"][0]:
        son_age = np.clip(oldest, youngest_limit[0], youngest_limit[1])
        put(everyone, np.maximum(son_age - np.abs(gap), 20), np.ones(len(rows), dtype=np.int64), CHILD_IN_LAW)
    low, high = (int(a) for a in kind["grandchildren"])
    grandchildren = between("grandchildren", low, high)
    for order in range(high):
        limit = np.where(kind["child_in_law"][0] > 0, np.clip(oldest, youngest_limit[0], youngest_limit[1]) - 22, 15)
        age = np.clip(between("grandchild age", 0, 14) - 3 * order, 0, np.maximum(limit, 0))
        put(grandchildren > order, age, (draws.uniform(f"grandchild sex {order}", home) > 0.53).astype(np.int64), GRANDCHILD)
    low, high = (int(a) for a in kind["parents"])
    parents = between("parents", low, high)
    for order in range(high):
        sex = np.full(len(rows), 1) if order == 0 else np.zeros(len(rows), dtype=np.int64)  # widows are more common
        put(parents > order, head_age + between(f"parent gap {order}", 22, 30), sex, PARENT)
    family = people.role[rows]
    paired = (family == SPOUSE) | (family == CHILD_IN_LAW) | ((family == HEAD) & spouse[:, None])
    if kind["child_in_law"][0]:
        paired |= (family == CHILD) & (np.arange(SLOTS) == _first(family == CHILD)[:, None])
    people.married[rows] = paired & (people.birth[rows] >= 0)


def _first(which: BoolArray) -> Array:
    return np.where(which.any(axis=1), which.argmax(axis=1), SLOTS)


def _education(block: Block, birth: Array) -> Array:
    """Final education by birth cohort; households with more productivity have a little more of it."""
    edges = block.preset.numbers("population.education.cohorts")
    table = np.cumsum(np.asarray(block.preset.get("population.education.shares"), dtype=np.float64), axis=1)
    cohort = np.searchsorted(edges, birth, side="right")
    shift = 0.12 * np.clip(block.draws.normal("productivity", block.home), -2, 2)[:, None] - 0.06 * block.exited[:, None]
    drawn = np.clip(block.draws.uniform("education", block.person) + shift, 0.0, 0.9999)
    drawn = drawn * table[cohort, -1]
    out: Array = (drawn[..., None] > table[cohort]).sum(axis=-1).astype(np.int8)
    return out


def grown_education(block: Block, rows: Array, slots: Array, birth: Array) -> Array:
    """Final education of persons who come later."""
    everyone = np.full((block.n, SLOTS), NOBODY, dtype=np.int16)
    everyone[rows, slots] = birth
    return np.asarray(_education(block, everyone)[rows, slots])
