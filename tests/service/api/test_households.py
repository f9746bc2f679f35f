"""One household: its score, why, its past, and what is known of it, to those who may see it and to nobody else."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from features.build import build
from features.policy.shipped import load
from features.pseudonym import pseudonym
from features.tables import TABLES
from service.api.households import HouseholdAnswer
from service.auth import Role
from service.bundles import ActiveBundle
from service.importing import import_register
from service.new_list import score_stored
from service.storage.household_store import load_household
from service.storage.register_store import load_register
from service.storage.tables import scores
from tests.service import made_up
from tests.service.later_lists import add_list, later
from tests.service.sites import Site, now


def rows(site: Site, *where: Any) -> list[Any]:
    with site.database.reading() as connection:
        return list(connection.execute(select(scores).where(scores.c.list_version == 1, *where).order_by(scores.c.rank_county)).all())


def ask(site: Site, household_id: str, role: Role = Role.COUNTY, region: str = made_up.COUNTY) -> Any:
    return site.client.get(f"/api/v1/households/{household_id}", headers=site.headers(role, region))


def test_a_household_has_the_documented_shape(site: Site) -> None:
    for row in (rows(site)[0], rows(site, scores.c.tier == "red")[-1], rows(site, scores.c.tier == "none")[5], rows(site)[-1]):
        for role in (Role.COUNTY, Role.DASHBOARD):
            answer = ask(site, row.household_id, role)
            assert answer.status_code == 200, answer.text
            HouseholdAnswer.model_validate_json(answer.content, strict=True)


def test_reasons_lead_from_the_mean_household_to_this_one(site: Site) -> None:
    for row in (
        rows(site, scores.c.tier == "red", scores.c.state == "scored")[0],
        rows(site, scores.c.tier == "none", scores.c.state == "scored")[3],
    ):
        answer = ask(site, row.household_id).json()
        told = answer["household"]
        assert told["explained"]
        reached = answer["base_margin"] + sum(cause["contribution"] for cause in told["causes"])
        assert reached == pytest.approx(row.risk, abs=1e-4)  # of a household above the line, risk is the margin
        assert sum(answer["figures"]["waterfall"]["data"][0]["x"]) == pytest.approx(row.risk, abs=1e-4)


def test_one_household_read_by_key_has_the_features_it_has_in_the_county(site: Site) -> None:
    policy = load(synthetic=True)
    with site.database.reading() as connection:
        whole = build(load_register(connection), made_up.AS_OF, policy)
        for place in range(0, 400, 37):
            register = load_household(connection, str(whole.household_id[place]), 1)
            assert register is not None
            alone = build(register, made_up.AS_OF, policy)
            np.testing.assert_array_equal(alone.values[0], whole.values[place])
        assert load_household(connection, "nobody", 1) is None
        assert load_household(connection, str(whole.household_id[0]), 99) is None


def test_facts_are_those_of_the_register_and_nothing_later(site: Site, households: list[made_up.Household]) -> None:
    key = bytes.fromhex(site.settings.pseudonym_key.read_text())
    for one in households[:8]:
        facts = ask(site, pseudonym(key, one["household_id"])).json()["facts"]
        ages = sorted(made_up.AS_OF.year - member["birth_year"] for member in one["members"])
        assert [member["age"] for member in facts["members"]["shown"]] == sorted((age for age in ages if age >= 15), reverse=True)
        assert facts["members"]["children"] == sum(age < 15 for age in ages)
        for entry in facts["income"]["years"]:
            said = [row for row in one["incomes"] if row["period_start"].startswith(str(entry["year"])) and row["source"] == "wage"]
            blank = any(row["amount"] is None for row in one["incomes"] if row["period_start"].startswith(str(entry["year"])))
            assert entry["sources"]["wage"] == pytest.approx(sum(row["amount"] or 0 for row in said), abs=0.05)
            assert blank or entry["pc_market_income"] <= entry["pc_net_income"]
        assert len(facts["time_line"]) >= len(one["events"])
        assert all(entry["on"] <= "2023-12-31" for entry in facts["time_line"])
        assert 9e5 not in [entry["sources"]["wage"] for entry in facts["income"]["years"]]


def test_neither_ids_of_members_nor_anything_of_children_goes_out(site: Site, households: list[made_up.Household]) -> None:
    key = bytes.fromhex(site.settings.pseudonym_key.read_text())
    for one in households[:20]:
        text = ask(site, pseudonym(key, one["household_id"])).text
        facts = json.loads(text)["facts"]
        names = re.findall(r'"([a-z_0-9]+)":', json.dumps(facts["members"]["shown"]))
        assert not {"member_id", "birth_year"} & set(names)
        assert all(member["age"] >= 15 for member in facts["members"]["shown"])
        assert not any(member["member_id"] in text or pseudonym(key, member["member_id"]) in text for member in one["members"])
        assert one["household_id"] not in text


def test_a_dashboard_sees_the_score_and_no_facts(site: Site) -> None:
    answer = ask(site, rows(site)[0].household_id, Role.DASHBOARD).json()
    assert answer["facts"] is None
    assert answer["visits"] is None
    assert "income" not in answer["figures"]
    assert all(cause["facts"] == [] for cause in answer["household"]["causes"])
    assert answer["household"]["verify"] == []
    assert answer["household"]["pc_net_income"] is None
    assert all(point["pc_net_income"] is None for point in answer["history"])


def test_a_household_elsewhere_is_as_unknown_as_one_that_does_not_exist(site: Site) -> None:
    elsewhere = rows(site, scores.c.village == made_up.VILLAGES[1])[0].household_id
    answers = [ask(site, name, Role.VILLAGE, made_up.VILLAGES[0]) for name in (elsewhere, "f" * 20, "%00", "x" * 200, "' OR 1=1")]
    assert {answer.status_code for answer in answers} == {404}
    bodies = [{name: value for name, value in answer.json().items() if name not in {"instance", "request_id"}} for answer in answers]
    assert all(body == bodies[0] for body in bodies)
    for village in made_up.VILLAGES:
        for row in rows(site)[::40]:
            assert ask(site, row.household_id, Role.VILLAGE, village).status_code == (200 if row.village == village else 404)


def test_history_tells_every_list_that_is_kept(own_site: Site, households: list[made_up.Household], tmp_path: Path) -> None:
    add_list(own_site, later(households, 1), tmp_path / "second")
    made_up.promote(made_up.train(households, seed=3), own_site.settings.bundle_dir)
    bundle = ActiveBundle(own_site.settings.bundle_dir).current()
    score_stored(own_site.database, bundle, dt.date(2023, 12, 30), threads=1, clock=now)
    with own_site.database.reading() as connection:
        first = select(scores.c.household_id).where(scores.c.list_version == 1)
        both = select(scores.c.household_id).where(scores.c.list_version == 3, scores.c.household_id.in_(first))
        stays = connection.execute(both).scalars().all()
    answer = ask(own_site, stays[0]).json()
    assert [point["list_version"] for point in answer["history"]] == [1, 2, 3]
    assert len({point["model_version"] for point in answer["history"]}) == 2
    assert {point["policy_version"] for point in answer["history"]} == {answer["policy_version"]}
    page = own_site.client.get(f"/households/{stays[0]}", headers=own_site.headers() | {"Accept": "text/html"}).text
    table = page.partition('id="history"')[2].partition("</section>")[0].partition("<tbody>")[2]
    past = [row for row in table.rpartition("<tbody>")[2].split("<tr>") if 'scope="row"' in row]
    assert [re.findall(r'scope="row" class="number">(\d+)<', row) for row in past] == [["3"], ["2"], ["1"]]
    for row, point in zip(past, reversed(answer["history"]), strict=True):
        assert point["written_at"] in row
        assert point["model_version"][:8] in row
        assert point["policy_version"] in row
    assert answer["figures"]["history"]["data"][2]["y"] == [point["probability"] for point in answer["history"]]
    moved = next(name for name in stays if len({row.village for row in own_rows(own_site, name)}) > 1)
    last = own_rows(own_site, moved)[-1].village
    seen = ask(own_site, moved, Role.VILLAGE, last).json()["history"]
    assert [point["list_version"] for point in seen] == [row.list_version for row in own_rows(own_site, moved) if row.village == last]


def own_rows(site: Site, household_id: str) -> list[Any]:
    with site.database.reading() as connection:
        return list(connection.execute(select(scores).where(scores.c.household_id == household_id).order_by(scores.c.list_version)).all())


def test_facts_of_a_list_stay_those_it_was_made_from(own_site: Site, households: list[made_up.Household], tmp_path: Path) -> None:
    """An import that no list was made from yet changes nothing of what is told."""
    from service.importing import import_register

    household_id = rows(own_site)[0].household_id
    before = ask(own_site, household_id).json()
    folder = made_up.write_register(tmp_path / "later", later(households, 4))
    key = bytes.fromhex(own_site.settings.pseudonym_key.read_text())
    import_register(own_site.database, folder, key, months=36, uploads=tmp_path, clock=now, mode="replace")
    assert ask(own_site, household_id).json() == before


def test_every_table_of_the_register_is_told_or_left_out_on_purpose(site: Site) -> None:
    facts = ask(site, rows(site)[0].household_id).json()["facts"]
    told = {"household": "households", "income": "incomes", "medical": "events"}
    covered = {told.get(name, name) for name in facts} | {
        "measures",
        "benefits",
        "monitoring",
        "visits",
        "events",
        "findings",
    }  # these six on the time line
    assert set(TABLES) <= covered


def test_a_small_chance_of_being_drawn_is_told_with_the_digits_that_matter(
    own_site: Site, households: list[made_up.Household], tmp_path: Path
) -> None:
    drawn = {"household_id": households[0]["household_id"], "visited_on": "2023-06-01", "reason": "audit", "found": "no_risk"}
    written = made_up.write_register(
        tmp_path / "in", households, {"visits": [drawn | {"probability": 0.00123456, "known_on": "2023-06-02"}]}
    )
    key = bytes.fromhex(own_site.settings.pseudonym_key.read_text())
    import_register(own_site.database, written, key, months=36, uploads=tmp_path, clock=now, mode="replace")
    score_stored(own_site.database, ActiveBundle(own_site.settings.bundle_dir).current(), None, threads=1, clock=now)
    page = own_site.client.get(f"/households/{pseudonym(key, households[0]['household_id'])}", headers=own_site.headers()).text
    assert re.search(r"抽取概率 <b>\s*0\.00123\s*</b>", page)
