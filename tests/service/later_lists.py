"""The made-up county some weeks on: households gone, new, moved to another village, poorer; imported and scored beside the first list."""

from __future__ import annotations

import copy
from pathlib import Path
from random import Random

from service.bundles import ActiveBundle
from service.importing import import_register
from service.new_list import score_stored
from tests.service import made_up
from tests.service.sites import Site, now

SHOCK = {"event_kind": "illness_bill", "occurred_on": "2023-11-05", "amount": 90000.0, "oop_compliant": 70000.0, "known_on": "2023-12-02"}


def later(households: list[made_up.Household], seed: int) -> list[made_up.Household]:
    """The same county, somewhat changed."""
    random = Random(seed)
    county = copy.deepcopy(households)
    random.shuffle(county)
    for one in county[:12]:
        one["village_code"] = random.choice([village for village in made_up.VILLAGES if village != one["village_code"]])
    for one in county[12:60]:
        one["incomes"] = [row | {"amount": (row["amount"] or 0.0) * random.choice((0.2, 0.5, 2.0))} for row in one["incomes"]]
    for number, one in enumerate(county[60:90]):
        one["events"] = [*one["events"], {"event_id": f"late-{seed}-{number}", **SHOCK}]
    return county[:-15] + [made_up.household(seed * 1000 + number, random) for number in range(9)]


def add_list(site: Site, households: list[made_up.Household], folder: Path) -> int:
    """Imports households in the place of what is stored and scores them; the new list's version."""
    made_up.write_register(folder, households)
    key = bytes.fromhex(site.settings.pseudonym_key.read_text())
    import_register(site.database, folder, key, months=36, uploads=site.settings.uploads_dir, clock=now, mode="replace")
    return score_stored(site.database, ActiveBundle(site.settings.bundle_dir).current(), None, threads=1, clock=now).version
