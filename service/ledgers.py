"""How many households stand in each ledger of a county, village by village: counted once, when the list is made."""

from __future__ import annotations

import numpy as np
import orjson

from service.scoring import Scored
from service.storage.database import Cells


def count_ledgers(scored: Scored, villages: Cells) -> list[str]:
    """Of each village its counts as they are stored; a county without ledgers has none."""
    found: list[dict[str, tuple[int, int]]] = [{} for _ in villages]
    place_of, row_of = np.searchsorted(np.asarray(villages), scored.villages), scored.row_of
    for rules, rows, answers in scored.judged.tables("cohorts"):
        here = row_of[rows] >= 0
        places = place_of[row_of[rows[here]]]
        for rule, answer in zip(rules, answers[:, here], strict=True):
            inside, unknown = (np.bincount(places[which], minlength=len(villages)) for which in (answer == 1, np.isnan(answer)))
            for place in np.unique(places).tolist():
                found[place][rule.id] = (int(inside[place]), int(unknown[place]))
    return [orjson.dumps(one).decode() for one in found]
