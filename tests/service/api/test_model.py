"""Which model answers is told to whoever may know, with what was refused and why."""

from __future__ import annotations

from typing import Any

from models.pointer import point
from service.auth import Role
from service.bundles import ActiveBundle
from tests.service import made_up
from tests.service.sites import Site


def ask(site: Site, path: str = "", role: Role = Role.DASHBOARD, **query: Any) -> Any:
    answer = site.client.get(f"/api/v1/model{path}", headers=site.headers(role), params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def bundle_of(site: Site) -> ActiveBundle:
    active: ActiveBundle = site.client.app.state.service.bundle
    return active


def test_the_model_in_use_is_described_in_short(site: Site) -> None:
    told = ask(site)
    used = told["in_use"]
    assert (used["name"], used["synthetic"], used["card"]) == ("falls_below", True, {"county": made_up.COUNTY})
    assert 0 <= used["cutoffs"]["yellow"] <= used["cutoffs"]["orange"] <= used["cutoffs"]["red"] <= 1
    assert len(used["features"]) > 10
    assert told["list"] == {"list_version": 1, "model_version": used["version"], "same": True}
    assert (told["promoted"], told["previous"], told["refused"]) == (used["version"], None, None)


def test_a_kiosk_is_not_told(site: Site) -> None:
    for path in ("", "/history"):
        answer = site.client.get(f"/api/v1/model{path}", headers=site.headers(Role.KIOSK))
        assert answer.status_code == 403


def test_after_a_promotion_the_list_is_still_the_old_models(own_site: Site, households: list[made_up.Household]) -> None:
    old = ask(own_site)["in_use"]["version"]
    new = made_up.promote(made_up.train(households, seed=21), own_site.settings.bundle_dir)
    bundle_of(own_site).look()
    told = ask(own_site)
    assert (told["in_use"]["version"], told["previous"]) == (new, old)
    assert told["list"] == {"list_version": 1, "model_version": old, "same": False}


def test_a_refused_model_is_told_with_its_reason_and_the_old_one_answers(own_site: Site, households: list[made_up.Household]) -> None:
    old = ask(own_site)["in_use"]["version"]
    bundle_of(own_site).stop()
    new = made_up.promote(made_up.train(households, seed=22), own_site.settings.bundle_dir)
    made_up.tamper(own_site.settings.bundle_dir / new)
    bundle_of(own_site).look()
    told = ask(own_site)
    assert (told["in_use"]["version"], told["promoted"]) == (old, new)
    assert told["refused"]["version"] == new
    assert "00.txt" in told["refused"]["reason"]
    assert own_site.client.get("/readyz").status_code == 200


def test_without_any_model_the_answer_says_what_to_do(empty_site: Site) -> None:
    told = ask(empty_site)
    assert (told["in_use"], told["promoted"], told["previous"], told["list"]) == (None, None, None, None)
    assert "promote" in told["refused"]["reason"]
    assert ask(empty_site, "/history")["items"] == []


def test_the_history_is_paged_the_last_first(own_site: Site, households: list[made_up.Household]) -> None:
    bundle, folder = bundle_of(own_site), own_site.settings.bundle_dir
    bundle.stop()
    versions = [made_up.promote(made_up.train(households, seed=seed), folder) for seed in (23, 24)]
    for version in versions * 2:
        point(folder, version, "to and fro")
        bundle.look()
    bundle.watch(60)
    bundle.stop()
    first = ask(own_site, "/history", limit=3)
    rest = ask(own_site, "/history", limit=3, cursor=first["next_cursor"])
    items = first["items"] + rest["items"]
    assert [item["model_version"] for item in items[:4]] == [*reversed(versions)] * 2
    assert len(items) == 5  # the last is the one that the service started with
    assert {item["event"] for item in items} == {"in_use"}
    assert rest["next_cursor"] is None
    assert items[0]["reason"] == "to and fro"
