"""What changed is told completely, once, and to those only who may see it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from service.auth import Role
from service.bundles import ActiveBundle
from service.new_list import score_stored
from service.settings import Settings
from service.storage.change_store import REASONS
from service.storage.list_writer import remove_list
from service.storage.tables import reasons, scores
from service.wire import Item
from tests.service import made_up
from tests.service.later_lists import add_list, later
from tests.service.sites import Backend, Originals, Site, now, running

TOWN, VILLAGE = made_up.VILLAGES[0][:9], made_up.VILLAGES[0]


@pytest.fixture(scope="session")
def with_three_lists(backend: Backend, originals: Originals, scored: Settings, households: list[made_up.Household]) -> Settings:
    """A county with three lists; to be copied, not used."""

    @contextmanager
    def made(folder: Path) -> Iterator[Settings]:
        with backend.copy(scored, folder / "copy") as settings:
            second = later(households, 1)
            with running(settings) as site:
                assert add_list(site, second, folder / "second") == 2
                assert add_list(site, later(second, 2), folder / "third") == 3
            yield settings

    return originals.once(f"three lists {backend.name}", made)


@pytest.fixture
def three_lists(tmp_path: Path, backend: Backend, with_three_lists: Settings) -> Iterator[Site]:
    """A county with three lists, the third in use."""
    with backend.copy(with_three_lists, tmp_path / "copy") as settings, running(settings) as found:
        yield found


def pages(site: Site, path: str, headers: dict[str, str], **query: Any) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = []
    while True:
        answer = site.client.get(f"/api/v1/{path}", params=query, headers=headers)
        assert answer.status_code == 200, answer.text
        answers.append(answer.json())
        if answer.json()["next_cursor"] is None:
            return answers
        query["cursor"] = answer.json()["next_cursor"]


def stored(site: Site, version: int, region: str) -> dict[str, Any]:
    column = scores.c[{6: "county", 9: "town", 12: "village"}[len(region)]]
    with site.database.reading() as connection:
        rows = connection.execute(select(scores).where(scores.c.list_version == version, column == region)).all()
    return {row.household_id: row for row in rows}


@pytest.mark.parametrize("region", [made_up.COUNTY, TOWN, VILLAGE])
@pytest.mark.parametrize("since", [1, 2, 3])
def test_a_copy_that_is_brought_up_to_date_equals_the_list_in_use(three_lists: Site, region: str, since: int) -> None:
    role = {6: Role.COUNTY, 9: Role.TOWNSHIP, 12: Role.VILLAGE}[len(region)]
    headers = three_lists.headers(role, region)
    copy = {name: (row.village, row.tier, row.probability, row.low, row.state) for name, row in stored(three_lists, since, region).items()}
    told: list[str] = []
    for answer in pages(three_lists, "scores", headers, since=since, limit=7):
        assert answer["list_version"] == 3
        for item in answer["items"]:
            low = None if item["interval"] is None else item["interval"][0]
            copy[item["household_id"]] = (item["village_code"], item["tier"], item["probability"], low, item["state"])
        for gone in answer["removed"]:
            del copy[gone]
        told += [item["household_id"] for item in answer["items"]] + answer["removed"]
    now_in_use = stored(three_lists, 3, region)
    assert copy == {name: (row.village, row.tier, row.probability, row.low, row.state) for name, row in now_in_use.items()}
    assert len(told) == len(set(told))
    assert (since == 3) == (told == [])


def test_what_did_not_change_is_not_told(three_lists: Site) -> None:
    told = [item["household_id"] for answer in pages(three_lists, "scores", three_lists.headers(), since=2) for item in answer["items"]]
    assert 20 < len(told) < 200


@pytest.mark.parametrize("what", ["cell", *REASONS])
def test_a_household_of_which_only_something_else_is_said_is_told(own_site: Site, what: str) -> None:
    table = scores if what == "cell" else reasons
    with own_site.database.writing() as connection:  # the first list said something else of two households, and is as the second otherwise
        ids = connection.execute(select(table.c.household_id).limit(2)).scalars().all()
        connection.execute(update(table).where(table.c.household_id == ids[0]).values({what: "other"}))
        gone = update(scores).values(cell="") if what == "cell" else delete(reasons)
        connection.execute(gone.where(table.c.household_id == ids[1]))
    score_stored(own_site.database, ActiveBundle(own_site.settings.bundle_dir).current(), None, threads=1, clock=now, again=True)
    told = [item["household_id"] for answer in pages(own_site, "scores", own_site.headers(), since=1) for item in answer["items"]]
    assert sorted(told) == sorted(ids)


@pytest.mark.parametrize(("older", "newer"), [(1, 2), (2, 3), (1, 3)])
def test_differences_are_those_of_the_two_lists(three_lists: Site, older: int, newer: int) -> None:
    before, after = stored(three_lists, older, made_up.COUNTY), stored(three_lists, newer, made_up.COUNTY)
    answers = pages(three_lists, "lists/diff", three_lists.headers(), **{"from": older, "to": newer, "limit": 11})
    items = {item["household_id"]: item for answer in answers for item in answer["items"]}
    assert sum(len(answer["items"]) for answer in answers) == len(items)
    assert {name for name, item in items.items() if item["kind"] == "new"} == set(after) - set(before)
    assert {name for name, item in items.items() if item["kind"] == "left"} == set(before) - set(after)
    both = set(before) & set(after)
    assert {name for name, item in items.items() if item["kind"] == "moved"} == {
        name for name in both if before[name].tier != after[name].tier
    }
    assert all(before[name].tier == item["tier_before"] for name, item in items.items() if item["kind"] != "new")
    for name in both & set(items):
        fresh = after[name].causes_mask & ~before[name].causes_mask
        assert len(items[name]["causes_new"]) == fresh.bit_count()
    assert any(item["causes_new"] for item in items.values())
    assert [why["why"] for why in answers[0]["why"]] == ["data"]


def test_a_household_that_moved_left_the_one_village_and_is_new_in_the_other(three_lists: Site) -> None:
    first, second = stored(three_lists, 1, made_up.COUNTY), stored(three_lists, 2, made_up.COUNTY)
    moved = next(name for name in sorted(first) if name in second and first[name].village != second[name].village)
    kinds = {}
    for region in (first[moved].village, second[moved].village):
        headers = three_lists.headers(Role.VILLAGE, region)
        items = [item for answer in pages(three_lists, "lists/diff", headers, **{"from": 1, "to": 2}) for item in answer["items"]]
        kinds[region] = {item["kind"] for item in items if item["household_id"] == moved}
    assert kinds == {first[moved].village: {"left"}, second[moved].village: {"new"}}
    answers = pages(three_lists, "lists/diff", three_lists.headers(), **{"from": 1, "to": 2})
    kind = next(item["kind"] for answer in answers for item in answer["items"] if item["household_id"] == moved)
    assert kind in {"moved", "changed"}


def test_a_model_that_changed_is_named_as_the_reason(own_site: Site, households: list[made_up.Household]) -> None:
    made_up.promote(made_up.train(households, seed=5), own_site.settings.bundle_dir)
    score_stored(own_site.database, ActiveBundle(own_site.settings.bundle_dir).current(), None, threads=1, clock=now)
    answer = own_site.client.get("/api/v1/lists/diff?from=1", headers=own_site.headers()).json()
    assert [why["why"] for why in answer["why"]] == ["model"]
    assert answer["items"]
    only = own_site.client.get("/api/v1/lists/diff?from=1&kind=moved", headers=own_site.headers()).json()["items"]
    assert {item["kind"] for item in only} == {"moved"}


def test_a_score_that_is_again_what_it_was_is_no_change(own_site: Site, households: list[made_up.Household]) -> None:
    bundles = own_site.settings.bundle_dir
    first = ActiveBundle(bundles).current()
    made_up.promote(made_up.train(households, seed=5), bundles)
    for bundle in (ActiveBundle(bundles).current(), first):
        score_stored(own_site.database, bundle, None, threads=1, clock=now)
    headers = own_site.headers()
    assert own_site.client.get("/api/v1/lists/diff?from=2", headers=headers).json()["items"]
    assert own_site.client.get("/api/v1/lists/diff?from=1", headers=headers).json()["items"] == []
    since = own_site.client.get("/api/v1/scores?since=1", headers=headers).json()
    assert (since["items"], since["removed"]) == ([], [])


def test_a_list_that_is_gone_is_answered_with_what_to_do(three_lists: Site) -> None:
    remove_list(three_lists.database, 1)
    remove_list(three_lists.database, 2)
    headers = three_lists.headers()
    gone = three_lists.client.get("/api/v1/scores?since=1", headers=headers)
    assert gone.status_code == 410
    assert "/api/v1/risk-list" in gone.json()["errors"][0]["message"]
    assert three_lists.client.get("/api/v1/scores?since=2", headers=headers).status_code == 200  # the third tells what it changed
    assert three_lists.client.get("/api/v1/lists/diff?from=2", headers=headers).status_code == 410
    unknown = three_lists.client.get("/api/v1/scores?since=4", headers=headers)
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "since")
    kept = three_lists.client.get("/api/v1/lists", headers=headers).json()["items"]
    assert [(item["list_version"], item["in_use"]) for item in kept] == [(3, True)]


def test_lists_tell_what_they_were_made_of(three_lists: Site) -> None:
    items = three_lists.client.get("/api/v1/lists", headers=three_lists.headers()).json()["items"]
    assert [(item["list_version"], item["previous"], item["in_use"]) for item in items] == [(3, 2, True), (2, 1, False), (1, None, False)]
    assert len({item["data_version"] for item in items}) == 3


def test_nobody_is_told_of_changes_elsewhere(three_lists: Site) -> None:
    @cache
    def own(region: str) -> set[str]:
        return {name for version in (1, 2, 3) for name in stored(three_lists, version, region)}

    # Pages of one household are walked in a village, where that takes few of them.
    @settings(max_examples=40, deadline=None)
    @given(st.sampled_from(made_up.VILLAGES), st.sampled_from([9, 12]), st.integers(1, 3), st.integers(4, 60), st.booleans())
    @example(VILLAGE, 12, 1, 1, True)
    @example(VILLAGE, 12, 1, 1, False)
    def ask(village: str, digits: int, since: int, limit: int, diff: bool) -> None:
        region = village[:digits]
        headers = three_lists.headers({9: Role.TOWNSHIP, 12: Role.VILLAGE}[digits], region)
        mine = own(region)
        for answer in pages(
            three_lists, "lists/diff" if diff else "scores", headers, **{"from" if diff else "since": since, "limit": limit}
        ):
            assert len(answer["items"]) + len(answer.get("removed", ())) <= limit
            assert {item["household_id"] for item in answer["items"]} | set(answer.get("removed", ())) <= mine
            assert all(item["village_code"].startswith(region) for item in answer["items"])

    ask()


def test_a_changed_score_has_the_shape_of_the_list(three_lists: Site) -> None:
    items = pages(three_lists, "scores", three_lists.headers(), since=2)[0]["items"]
    for item in items:
        Item.model_validate(item, strict=True)
    listed = three_lists.client.get("/api/v1/risk-list?limit=500", headers=three_lists.headers()).json()["items"]
    by_id = {item["household_id"]: item for item in listed}
    # A visit makes no score a different one, so only the list itself tells of visits.
    assert all(item | {"visited": False} == by_id[item["household_id"]] for item in items)


def test_a_village_is_told_only_of_its_own_households_on_the_lists(site: Site) -> None:
    def told(role: Role, region: str) -> list[int]:
        return [item["households"] for item in site.client.get("/api/v1/lists", headers=site.headers(role, region)).json()["items"]]

    whole = told(Role.COUNTY, made_up.COUNTY)
    parts = [told(Role.VILLAGE, village) for village in made_up.VILLAGES]
    assert [sum(numbers) for numbers in zip(*parts, strict=True)] == whole
    assert all(part < all_ for numbers in parts for part, all_ in zip(numbers, whole, strict=True))
