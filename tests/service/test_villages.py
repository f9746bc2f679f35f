"""A county's own tiers of villages stand beside the counts of each village, and on the overview; nobody else is told of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from service.auth import Role
from service.storage.register_store import load_register
from tests.service import made_up
from tests.service.sites import Site

JINSHA = {"high": lambda share: share > 0.1, "ten_and_over": lambda share: share >= 0.1, "one_plan": lambda share: share >= 0.05,
          "extra_cadre": lambda share: share > 0.05}  # fmt: skip


def counts(site: Site, role: Role = Role.COUNTY, **query: Any) -> dict[str, Any]:
    answer: dict[str, Any] = site.client.get("/api/v1/summary", params=query, headers=site.headers(role)).json()
    return answer


def test_a_village_is_told_by_the_share_of_its_monitored_households(site: Site, households: list[made_up.Household]) -> None:
    with site.database.reading() as connection:
        register = load_register(connection)
    assert len(set(register.tables["monitoring"].household.tolist())) == 10  # the first ten of the made-up county
    monitored = Counter(one["village_code"] for one in households[:10])
    items = counts(site, by="village")["items"]
    assert {item["region"]: item["village"]["counted"] for item in items} == {village: monitored[village] for village in made_up.VILLAGES}
    for item in items:
        village, share = item["village"], monitored[item["region"]] / item["households"]
        assert village["incidence"] == share
        assert [tier["id"] for tier in village["tiers"]] == [name for name, holds in JINSHA.items() if holds(share)]
        assert all("JS12" in tier["reference"] for tier in village["tiers"])
        assert counts(site, region=item["region"])["total"]["village"] == village
    assert any(item["village"]["tiers"] for item in items)


def test_towns_have_no_tiers_and_a_screen_that_anybody_may_see_shows_none(site: Site) -> None:
    assert all(item["village"] is None for item in counts(site, by="town")["items"])
    assert all(item["village"] is None for item in counts(site, Role.KIOSK, by="village")["items"])


def test_the_overview_names_the_villages_in_a_tier(site: Site) -> None:
    item = next(item for item in counts(site, by="village")["items"] if item["village"]["tiers"])
    page = site.client.get("/overview?lang=zh", headers=site.headers()).text
    assert "村级分级" in page
    assert item["village"]["tiers"][0]["zh"] in page
    assert "村级分级" not in site.client.get("/overview", headers=site.headers(Role.KIOSK) | {"Accept-Language": "zh"}).text


def test_policy_says_the_bounds_as_they_are_written(site: Site) -> None:
    said = site.client.get("/api/v1/policy", headers=site.headers()).json()["villages"]
    assert (said["incidence"], said["grade"]) == ("monitored", "proposal")
    assert {tier["id"]: tier["share"] for tier in said["tiers"]} == {
        "high": "> 10 %",
        "ten_and_over": "≥ 10 %",
        "one_plan": "≥ 5 %",
        "extra_cadre": "> 5 %",
    }
