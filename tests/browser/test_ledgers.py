"""From a ledger's count to the households behind it, in a county whose own policy file keeps ledgers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, expect

from service.auth import Role
from service.bundles import ActiveBundle
from service.new_list import score_stored
from service.settings import Settings
from service.storage.database import Database
from tests.browser import chromium
from tests.browser.conftest import Token
from tests.browser.test_for_everybody import FAULTS, SIZES
from tests.service import made_up
from tests.service.sites import Backend, now

OWN = """
region: "520523"
zh: 金沙县
en: Jinsha
cohorts:
  - {id: many, zh: 四人以上户, en: Four or more members, when: {fact: members, at_least: 4}, reference: 虚构 made up, grade: synthetic}
  - {id: nobody, zh: 百人户, en: A hundred members, when: {fact: members, at_least: 100}, reference: 虚构 made up, grade: synthetic}
"""
TOWN, VILLAGE = made_up.VILLAGES[0][:9], made_up.VILLAGES[0]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, backend: Backend, scored: Settings) -> Iterator[Settings]:
    """A service whose county keeps two ledgers and has named a town and a village."""
    folder = tmp_path_factory.mktemp("ledgers")
    (folder / "520523.yaml").write_text(OWN, encoding="utf-8")
    names = folder / "regions.csv"
    names.write_text(f"code,zh,en\n{TOWN},龙坝镇,Longba\n{VILLAGE},春山村,Chunshan\n", encoding="utf-8")
    with backend.copy(scored, folder / "copy") as copied, closing(Database(copied.database_url)) as database:
        score_stored(database, ActiveBundle(copied.bundle_dir).current(), None, threads=1, clock=now, counties=folder)
        yield copied.model_copy(update={"policy_dir": folder, "regions": names})


def test_a_count_leads_to_its_households_and_one_of_them_to_its_page(desk: chromium.Desk, token: Token) -> None:
    page = desk.page
    desk.sign_in(token(Role.COUNTY, made_up.COUNTY))
    page.get_by_role("link", name="预警概况").click()
    page.get_by_role("link", name="重点人群台账").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("重点人群台账")
    row = page.get_by_role("row").filter(has_text="龙坝镇")
    count = row.locator("td a").first
    told = int(count.inner_text().replace(",", ""))
    assert row.locator("td").nth(1).inner_text().strip() == "0"
    count.click()
    expect(page.get_by_role("heading", name="四人以上户")).to_contain_text(f"龙坝镇 {TOWN}")
    assert page.locator("table.list .mark").count() == told > 0
    page.locator("table.list th a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("农户")


def test_a_township_chooses_a_village_and_a_ledger_by_name(desk: chromium.Desk, token: Token) -> None:
    page = desk.page
    desk.sign_in(token(Role.TOWNSHIP, TOWN))
    desk.go("/ledgers?lang=en")
    page.get_by_role("combobox", name="area").select_option(label="Chunshan 001")  # a choice is sent at once
    page.wait_for_url("**region=*")
    page.get_by_role("combobox", name="ledger").select_option("Four or more members")
    page.wait_for_url("**ledger=many*")
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"Chunshan, Longba {VILLAGE}")
    assert set(page.locator("table.list td.where").all_inner_texts()) == {f"Chunshan, Longba {VILLAGE}"}
    page.emulate_media(media="print")
    assert not page.locator("form.filters").is_visible()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_ledgers_and_names_are_usable_by_everybody_at_every_size(found: Browser, url: str, token: Token, size: tuple[int, int]) -> None:
    with chromium.desk(found, url, viewport={"width": size[0], "height": size[1]}) as desk:
        desk.sign_in(token(Role.COUNTY, made_up.COUNTY))
        faults = {}
        for language in ("zh", "en"):
            for path in ("/", "/overview", "/ledgers", f"/ledgers?region={TOWN}&ledger=many"):
                desk.go(f"{path}{'&' if '?' in path else '?'}lang={language}")
                assert ("龙坝" if language == "zh" else "Longba") in desk.page.content()
                faults[f"{path} {language}"] = desk.page.evaluate(FAULTS)
        assert {path: found for path, found in faults.items() if found} == {}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_village_has_the_longest_name_and_room_to_sign_out_beside_it(
    found: Browser, url: str, token: Token, size: tuple[int, int]
) -> None:
    with chromium.desk(found, url, viewport={"width": size[0], "height": size[1]}) as desk:
        desk.sign_in(token(Role.VILLAGE, VILLAGE))
        for path in ("/", "/overview", "/ledgers"):
            desk.go(f"{path}?lang=en")
            assert desk.page.evaluate(FAULTS) == []
            expect(desk.page.get_by_role("button", name="Sign out")).to_be_in_viewport(ratio=1)


def test_a_screen_on_a_wall_shows_names_and_fits(found: Browser, url: str, token: Token) -> None:
    with chromium.desk(found, url, viewport={"width": 1920, "height": 1080}) as desk:
        desk.sign_in(token(Role.KIOSK, made_up.COUNTY))
        expect(desk.page.get_by_role("rowheader", name="龙坝镇")).to_be_visible()
        assert desk.page.evaluate("document.documentElement.scrollHeight") <= 1080
