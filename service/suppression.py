"""Counts for a screen that anybody may see: none under eight is shown, and none can be worked out from those that are.

Counts form a tree, county → towns → villages, in which what lies below adds up to what lies above; and the tiers of a place, like its
states and its cells, add up to its households. Whoever knows all parts of a sum but one knows that one too. So

* a count under eight is hidden;
* of the parts of a shown sum never just one is hidden, and those hidden come to eight at least: else the next smallest goes with them;
* of a hidden sum at least one part is hidden;
* where a tier is hidden, the largest, `none`, is hidden beside it (of the states `scored`, of the cells `neither`);
  where that one itself is under eight, all are;
* a household in a tier has three reasons, so those of a place come to three times as many: where one is hidden, or a tier, the rarest that
  comes to eight in the county is hidden beside it; and where no tier is hidden, those hidden come to eight at least;
* where the number of households is hidden, everything is.

So every hidden count could be one more, if another place and the kind hidden beside it made up for it, and no shown number would be
another: what is shown does not give it away. The whole county is looked at, whichever part is asked for, so that two answers never make up
for what each of them hides. Other counts (candidates) are no parts of one another; each follows the tree alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from features.catalog import CAUSES

FEWEST = 8
PARTITIONS = (
    ("scored", "below_line", "insufficient_data"),
    ("none", "red", "orange", "yellow"),
    ("cell_neither", "cell_rule_and_model", "cell_model_only", "cell_rule_only", "cell_undetermined"),
)
"""Kinds that add up to all households; the first makes up for the others."""
REASONS = tuple(f"cause_{cause}" for cause in CAUSES)
"""Kinds that add up to three for each household in a tier."""

Region = str
Tree = Mapping[Region, Sequence[Region]]


def shown(counts: Mapping[Region, Mapping[str, int]], tree: Tree, root: Region) -> dict[Region, dict[str, int | None]]:
    """The counts as they may be shown: None is hidden.

    Args:
        counts: of every region in the tree: by name, `households` and the names of `PARTITIONS` among them.
        tree: the parts of each region; parents come before their parts.
        root: of the tree.
    """
    names = list(counts[root])
    all_hidden = _pattern({region: row["households"] for region, row in counts.items()}, tree, root, frozenset())
    hidden: dict[str, frozenset[Region]] = {"households": all_hidden}
    for largest, *others in PARTITIONS:
        given = all_hidden | {region for region, row in counts.items() if row[largest] < FEWEST}
        while True:
            for name in others:
                hidden[name] = _pattern({region: row[name] for region, row in counts.items()}, tree, root, given)
            beside = frozenset[Region]().union(*(hidden[name] for name in others))
            hidden[largest] = _pattern({region: row[largest] for region, row in counts.items()}, tree, root, beside)
            if hidden[largest] == beside:
                break
            given |= hidden[largest] - beside  # hidden alone it would be what its place's other kinds lack
    hidden |= _reasons(counts, tree, root, all_hidden, hidden["none"])
    for name in names:
        if name not in hidden:
            hidden[name] = _pattern({region: row[name] for region, row in counts.items()}, tree, root, all_hidden)
    return {region: {name: None if region in hidden[name] else row[name] for name in names} for region, row in counts.items()}


def _reasons(
    counts: Mapping[Region, Mapping[str, int]], tree: Tree, root: Region, given: frozenset[Region], untold: frozenset[Region]
) -> dict[str, frozenset[Region]]:
    """Where each reason is hidden; all of them where `given`, some of them where the households in a tier are `untold`."""
    rarest = sorted(REASONS, key=lambda name: (counts[root][name], name))
    beside = next((name for name in rarest if counts[root][name] >= FEWEST), rarest[-1])
    order = [beside, *(name for name in rarest if name != beside)]
    hidden = dict.fromkeys(order, given)
    while True:
        before = hidden
        hidden = {name: _pattern({region: row[name] for region, row in counts.items()}, tree, root, hidden[name]) for name in order}
        for region in untold.union(*hidden.values()):
            mine = [name for name in order if region in hidden[name]]
            rest = [name for name in order if region not in hidden[name]]
            while rest and (rest[0] == beside or _gives_away(region in untold, [counts[region][name] for name in mine])):
                mine.append(rest.pop(0))
                hidden[mine[-1]] |= {region}
        if hidden == before:
            return hidden


def _pattern(value: Mapping[Region, int], tree: Tree, root: Region, given: frozenset[Region]) -> frozenset[Region]:
    """Where a count is hidden: where it is small, where it must be, and where it would give away another."""
    hidden = {region for region, number in value.items() if number < FEWEST} | given
    waiting = [root]
    while waiting:
        region = waiting.pop()
        parts = tree.get(region, ())
        waiting += parts
        rest = sorted((part for part in parts if part not in hidden), key=lambda part: (value[part], part))
        mine = [part for part in parts if part in hidden]
        while rest and _gives_away(region in hidden, [value[part] for part in mine]):
            mine.append(rest.pop(0))
            hidden.add(mine[-1])
    return frozenset(hidden)


def _gives_away(sum_hidden: bool, parts: Sequence[int]) -> bool:
    """Whether hidden parts of a sum could be worked out, or the hidden sum from its parts."""
    if sum_hidden:
        return not parts
    return bool(parts) and (len(parts) == 1 or sum(parts) < FEWEST)
