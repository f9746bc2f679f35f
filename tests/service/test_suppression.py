"""What a screen that anybody may see shows: exact numbers, none under eight, and none that can be worked out."""

from __future__ import annotations

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from service.suppression import FEWEST, PARTITIONS, REASONS, shown

NO_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]  # a county is too large a thing to be made smaller in good time


@st.composite
def counties(draw: st.DrawFn) -> tuple[dict[str, dict[str, int]], dict[str, list[str]]]:
    """Counts of a made-up county: households, states, tiers, cells, three reasons for each in a tier, one count that is no part."""
    number = st.integers(0, 12) | st.integers(0, 300)
    rare = draw(st.integers(0, len(REASONS) - 1))
    tree: dict[str, list[str]] = {"c": []}
    counts: dict[str, dict[str, int]] = {}
    for town in range(draw(st.integers(1, 3))):
        tree["c"].append(f"t{town}")
        tree[f"t{town}"] = []
        for place in range(draw(st.integers(1, 4))):
            village = f"v{town}{place}"
            tree[f"t{town}"].append(village)
            tiers = {name: draw(number) for name in PARTITIONS[1]}
            households = sum(tiers.values())
            below = draw(st.integers(0, households))
            lacking = draw(st.integers(0, households - below))
            states = {"scored": households - below - lacking, "below_line": below, "insufficient_data": lacking}
            bounds = sorted(draw(st.lists(st.integers(0, households), min_size=4, max_size=4)))
            cells = dict(zip(PARTITIONS[2], np.diff([0, *bounds, households]).tolist(), strict=True))
            told = 3 * (households - tiers["none"])
            few = draw(st.lists(st.integers(0, min(told, 9)), min_size=rare, max_size=rare))
            shares = sorted(draw(st.lists(st.integers(0, told), min_size=len(REASONS) - 1 - rare, max_size=len(REASONS) - 1 - rare)))
            ends = np.minimum([*np.cumsum(few), *(sum(few) + np.array(shares, int)), told], told)
            reasons = dict(zip(REASONS, np.diff(np.maximum.accumulate([0, *ends])).tolist(), strict=True))
            edge = {"edge": draw(st.integers(0, households))}
            counts[village] = {"households": households, **states, **tiers, **cells, **reasons, **edge}
    for region in [*tree["c"], "c"]:
        counts[region] = {name: sum(counts[part][name] for part in tree[region]) for name in counts["v00"]}
    return counts, tree


def unknowns_given_away(seen: dict[str, dict[str, int | None]], tree: dict[str, list[str]]) -> list[tuple[str, str]]:
    """The hidden numbers that the sums leave no choice for: by elimination, as anybody with pen and paper could."""
    cells = [(region, name) for region, row in seen.items() for name, value in row.items() if value is None]
    place = {cell: at for at, cell in enumerate(cells)}
    equations = []
    for name in next(iter(seen.values())):
        equations += [[(region, name, 1), *((part, name, -1) for part in parts)] for region, parts in tree.items()]
    for region in seen:
        equations += [[(region, "households", 1), *((region, name, -1) for name in partition)] for partition in PARTITIONS]
        equations += [[(region, "households", 3), (region, "none", -3), *((region, name, -1) for name in REASONS)]]
    matrix = np.zeros((len(equations), len(cells)))
    for row, equation in enumerate(equations):
        for region, name, sign in equation:
            if (region, name) in place:
                matrix[row, place[region, name]] = sign
    if not cells:
        return []
    _, sizes, basis = np.linalg.svd(matrix)
    free = basis[int((sizes > 1e-9).sum()) :]  # every way in which the hidden numbers could be others
    return [cell for cell, at in place.items() if np.abs(free[:, at]).max(initial=0.0) < 1e-9]


@settings(max_examples=200, deadline=None, phases=NO_SHRINKING)
@given(counties())
def test_no_hidden_number_can_be_worked_out(county: tuple[dict[str, dict[str, int]], dict[str, list[str]]]) -> None:
    counts, tree = county
    seen = shown(counts, tree, "c")
    for region, row in seen.items():
        for name, value in row.items():
            assert value is None or value == counts[region][name] >= FEWEST
    assert unknowns_given_away(seen, tree) == []


@settings(max_examples=100, deadline=None, phases=NO_SHRINKING)
@given(counties())
def test_what_hidden_parts_of_a_shown_sum_come_to_is_not_small_either(
    county: tuple[dict[str, dict[str, int]], dict[str, list[str]]],
) -> None:
    counts, tree = county
    seen = shown(counts, tree, "c")
    for name in counts["c"]:
        for region, parts in tree.items():
            hidden = [counts[part][name] for part in parts if seen[part][name] is None]
            assert seen[region][name] is None or not hidden or sum(hidden) >= FEWEST
    for region, row in seen.items():
        hidden = [counts[region][name] for name in REASONS if row[name] is None]
        assert not hidden or len(hidden) == len(REASONS) or row["none"] is None or sum(hidden) >= FEWEST


def test_the_elimination_finds_a_number_that_is_given_away() -> None:
    row: dict[str, int | None] = {
        "households": 30,
        "scored": 30,
        "below_line": 0,
        "insufficient_data": 0,
        "none": 10,
        "red": None,
        "orange": 10,
        "yellow": 10,
        **dict.fromkeys(PARTITIONS[2], 6),
        **dict.fromkeys(REASONS, 5),
    }
    assert unknowns_given_away({"v": row}, {}) == [("v", "red")]


def test_a_county_with_enough_of_everything_is_shown_whole() -> None:
    village = {
        "households": 100,
        "scored": 60,
        "below_line": 20,
        "insufficient_data": 20,
        "none": 40,
        "red": 20,
        "orange": 20,
        "yellow": 20,
        **dict.fromkeys(PARTITIONS[2], 20),
        **dict.fromkeys(REASONS, 15),
    }
    county = {name: 2 * number for name, number in village.items()}
    counts = {"c": county, "t": county, "a": village, "b": village}
    assert shown(counts, {"c": ["t"], "t": ["a", "b"]}, "c") == counts
    few = {**village, "red": 7, "none": 53}
    seen = shown({"c": county, "t": county, "a": few, "b": village}, {"c": ["t"], "t": ["a", "b"]}, "c")
    for place in ("a", "b"):  # or the sum would give a's away
        assert [name for name, value in seen[place].items() if value is None] == ["none", "red", "cause_accident"]
