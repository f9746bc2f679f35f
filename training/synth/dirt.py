"""Missing cells, and the faults that real registers are known to have, each at the chosen rate.

Nothing here keeps a row from loading: the faults are contradictions, blanks, slips and doublets, such as checks of county exports look
for. They are put in after the truth is written down, and hit whom chance will.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from features.register import Array, BoolArray
from training.synth.block import Block
from training.synth.draws import Keys
from training.synth.rows import Rows, row_keys, together

# Cells that are often left empty; the others are asked for by the form.
OFTEN_EMPTY = {
    "members": ("education", "labour_ability", "pension_insured", "disability_level"),
    "living": ("house_area", "sanitary_toilet", "road_distance", "forest", "orchard", "farmland"),
    "employment": ("work_region", "monthly_wage", "work_kind"),
    "households": ("sharing_size", "relocated"),
    "debts": ("balance",),
    "events": ("oop_compliant", "amount", "member_id", "subsidy"),
    "visits": ("found",),
}
Fault = Callable[[Rows, BoolArray, Array], None]


def soil(block: Block, table: Rows, rate: float) -> Rows:
    """A table with cells missing as usual and faults at a rate; rows must be ordered.

    Args:
        block: the households, for what is drawn.
        table: rows as they should be.
        rate: chance that a row has any one of the faults of its table.

    Returns:
        the table as the office keeps it, ordered again.
    """
    who = row_keys(block, table)
    _empty(block, table, who)
    faults = _FAULTS.get(table.table, ())
    for fault in faults:
        name = fault.__name__
        hit = block.draws.uniform(f"dirt {name}", who) < rate / len(faults)
        if table.table == "members":
            hit &= table["sex"] >= 0  # of children nothing is held that could be wrong
        if hit.any():
            fault(table, hit, block.draws.uniform(f"dirt {name} how", who))
    if table.table in _DOUBLED:
        table = _double(block, table, who, rate / 4)
    return table


def _empty(block: Block, table: Rows, who: Keys) -> None:
    ordinary, exited = block.preset.numbers("reporting.cell_missing")
    share = np.where(block.exited[table.row], exited, ordinary)
    for column in OFTEN_EMPTY.get(table.table, ()):
        if column in table.columns:
            table.blank(column, block.draws.uniform(f"empty {column}", who) < share)


_DOUBLED = ("employment", "events", "visits")


def _double(block: Block, table: Rows, who: Keys, rate: float) -> Rows:
    """Some rows are entered twice, some weeks apart. Events get no number the second time, so nothing shows that it is the same one."""
    again = block.draws.uniform("dirt doubled", who) < rate
    if not again.any():
        return table
    copy = table.where(again)
    copy.columns = {name: values.copy() for name, values in copy.columns.items()}
    copy.columns["known_on"] = copy["known_on"] + np.floor(5 + 60 * block.draws.uniform("dirt doubled when", who[again])).astype(np.int32)
    if table.table == "events":
        copy.columns["event_id"] = np.where(block.draws.uniform("dirt doubled how", who[again]) < 0.5, copy["event_id"], -1).astype(
            np.int32
        )
    return together([table, copy]).ordered()


def old_and_able(table: Rows, hit: BoolArray, _: Array) -> None:
    """Past sixty or severely disabled and still entered as an ordinary labourer."""
    weak = hit & (table["labour_ability"] > 1) & ((table["disability_level"] <= 2) | (table["birth_year"] < 1960))
    table["labour_ability"][weak] = 0


def schooled_pupil(table: Rows, hit: BoolArray, _: Array) -> None:
    """At school and yet with a final education."""
    table["education"][hit & (table["school_status"] > 2)] = 2


def no_relation(table: Rows, hit: BoolArray, _: Array) -> None:
    """Relation to the head left blank."""
    table.blank("relation_to_head", hit)


def second_head(table: Rows, hit: BoolArray, _: Array) -> None:
    """Two heads in one household."""
    table["relation_to_head"][hit & (table["relation_to_head"] == 1)] = 0


def uninsured_pensioner(table: Rows, hit: BoolArray, _: Array) -> None:
    """Draws a pension and is not insured."""
    table["pension_insured"][hit & (table["pension_receiving"] == 1)] = 0


def slipped_wage(table: Rows, hit: BoolArray, how: Array) -> None:
    """A month's wage in thousands, or with a nought too many."""
    wage = table["monthly_wage"]
    wage[hit] = np.where(how[hit] < 0.5, np.round(wage[hit] / 100), np.minimum(wage[hit] * 10, 200000))


def post_far_away(table: Rows, hit: BoolArray, _: Array) -> None:
    """A public-welfare post outside the province."""
    table["work_region"][hit & (table["work_kind"] == 3)] = 3


def slipped_amount(table: Rows, hit: BoolArray, how: Array) -> None:
    """A bill with a nought too many or too few, or nothing paid of a large bill."""
    amount = table["amount"]
    amount[hit] = np.where(how[hit] < 0.5, np.round(amount[hit] / 10), amount[hit] * 10)


def nothing_paid(table: Rows, hit: BoolArray, _: Array) -> None:
    """Ill, and zero compliant out-of-pocket expenditure."""
    table["oop_compliant"][hit & (table["event_kind"] == 0)] = 0.0


def exit_year_of_ordinary(table: Rows, hit: BoolArray, _: Array) -> None:
    """An ordinary household with a year of leaving poverty."""
    table["exit_year"][hit & (table["registry_status"] == 1)] = 2018


def wrong_size(table: Rows, hit: BoolArray, _: Array) -> None:
    """Fewer persons in the household register than share the budget."""
    some = hit & (table["hukou_size"] > 1)
    table["hukou_size"][some] -= 1


def far_road(table: Rows, hit: BoolArray, _: Array) -> None:
    """Metres written as kilometres."""
    distance = table["road_distance"]
    distance[hit] = np.minimum(distance[hit] * 10, 100)


def no_house(table: Rows, hit: BoolArray, _: Array) -> None:
    """A house of no size."""
    table["house_area"][hit] = 0.0


def unlike_risk(table: Rows, hit: BoolArray, _: Array) -> None:
    """Identified because of disability where nobody is disabled."""
    table["risk_1"][hit] = 2


_FAULTS: dict[str, tuple[Fault, ...]] = {
    "members": (old_and_able, schooled_pupil, no_relation, second_head, uninsured_pensioner),
    "employment": (slipped_wage, post_far_away),
    "events": (slipped_amount, nothing_paid),
    "households": (exit_year_of_ordinary, wrong_size),
    "living": (far_road, no_house),
    "monitoring": (unlike_risk,),
}
