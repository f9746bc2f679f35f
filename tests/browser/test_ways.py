"""Each role's way through the pages, from signing in to signing out."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from service.auth import Role
from tests.browser import chromium
from tests.browser.conftest import Token
from tests.service import made_up

TOWN, VILLAGE = made_up.VILLAGES[0][:9], made_up.VILLAGES[0]


@pytest.mark.parametrize(("role", "region"), [(Role.COUNTY, made_up.COUNTY), (Role.TOWNSHIP, TOWN), (Role.VILLAGE, VILLAGE)])
def test_staff_find_a_household_record_a_visit_and_see_it_marked(desk: chromium.Desk, token: Token, role: Role, region: str) -> None:
    page = desk.page
    desk.sign_in(token(role, region))
    expect(page.get_by_role("heading", level=1)).to_contain_text("本周名单")
    page.get_by_label("预警等级").select_option("orange")
    page.wait_for_url("**tier=orange*")
    assert set(page.locator("table.list tbody .tier").all_inner_texts()) == {"橙色"}
    assert "candidate" not in page.url
    household = page.locator("table.list tbody th a").first
    short = household.inner_text()
    household.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(short)
    expect(page.get_by_role("img").first).to_be_visible()
    page.get_by_label("存在风险").check()
    page.get_by_label("备注", exact=True).fill("电话 13800000000，近三月无工资")
    page.get_by_role("button", name="保存").click()
    page.wait_for_url("**recorded=*")
    expect(page.get_by_role("status")).to_contain_text("已记录 2024-03-01 的走访")
    expect(page.get_by_role("status")).to_contain_text("已隐去")
    assert "13800000000" not in page.content()
    desk.go("/?visited=true")
    assert short in page.locator("table.list tbody th").all_inner_texts()
    assert set(page.locator("table.list tbody .door").all_inner_texts()) == {"已走访"}
    page.get_by_role("button", name="退出").click()
    page.wait_for_url("**/sign-in")
    desk.go("/")
    assert "/sign-in" in page.url


def test_the_same_visit_twice_is_told_and_can_be_corrected(desk: chromium.Desk, token: Token) -> None:
    page = desk.page
    desk.sign_in(token(Role.COUNTY, made_up.COUNTY))
    desk.go("/?tier=yellow")
    page.locator("table.list tbody th a").last.click()

    def record(outcome: str, revision: str = "") -> None:
        page.get_by_label(outcome).check()
        if revision:
            page.get_by_label("更正第几版").fill(revision)
        page.get_by_role("button", name="保存").click()

    record("无风险")
    expect(page.get_by_role("status")).to_be_visible()
    record("存在风险")
    expect(page.get_by_role("alert")).to_contain_text("已有记录")
    assert page.get_by_label("存在风险").is_checked()
    desk.wrong.clear()  # the browser calls an answer of 409 an error
    record("存在风险", "1")
    expect(page.locator("#visits ~ .timeline li").first).to_contain_text("第 2 版")


def test_paging_leads_to_the_next_households_and_files_hold_the_filtered_list(desk: chromium.Desk, token: Token, tmp_path: Path) -> None:
    page = desk.page
    desk.sign_in(token(Role.COUNTY, made_up.COUNTY))
    first = page.locator("table.list tbody th").all_inner_texts()
    page.get_by_role("link", name="下一页").click()
    page.wait_for_url("**cursor=*")
    second = page.locator("table.list tbody th").all_inner_texts()
    assert len(first) == 50
    assert set(first).isdisjoint(second)
    desk.go("/?tier=red")
    shown = page.locator("table.list tbody tr").count()
    for name in ("CSV 文件", "Excel 台账"):
        with page.expect_download() as download:
            page.get_by_role("link", name=name).click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        if path.suffix == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.reader(file))
            assert sum("red" in row or "红" in "".join(row[:8]) for row in rows) == shown
        else:
            assert path.read_bytes()[:2] == b"PK"


def test_on_paper_the_list_has_room_to_write_and_to_sign(desk: chromium.Desk, token: Token) -> None:
    page = desk.page
    desk.sign_in(token(Role.VILLAGE, VILLAGE))
    assert page.get_by_role("button", name="打印").is_visible()
    page.emulate_media(media="print")
    assert page.get_by_text("填报单位").is_visible()
    assert page.get_by_text("审核人").is_visible()
    assert page.get_by_role("columnheader", name="核实结果").is_visible()
    assert not page.locator("form.filters").is_visible()
    assert not page.locator("header.top").is_visible()
    assert page.pdf(prefer_css_page_size=True)[:4] == b"%PDF"


def test_a_dashboard_sees_scores_and_no_facts(desk: chromium.Desk, token: Token) -> None:
    desk.sign_in(token(Role.DASHBOARD, made_up.COUNTY))
    assert desk.page.locator("table.list tbody tr").count() == 50
    assert desk.page.locator("a[href^='/households/']").count() == 0


def test_a_kiosk_sees_counts_and_nothing_else(desk: chromium.Desk, token: Token) -> None:
    desk.sign_in(token(Role.KIOSK, made_up.COUNTY))
    assert desk.page.url.endswith("/overview")
    assert desk.page.locator("nav.menu a").count() == 1
    assert desk.page.locator("a[href*='region=']").count() == 0


def test_a_scientist_reads_which_model_answers(desk: chromium.Desk, token: Token) -> None:
    desk.sign_in(token(Role.SCIENTIST, made_up.COUNTY))
    desk.page.get_by_role("link", name="模型说明").click()
    expect(desk.page.get_by_role("heading", name="不能做什么")).to_be_visible()
    desk.page.get_by_role("link", name="名单变化").click()
    assert desk.page.locator("table.list tbody tr").count() > 0


def test_everything_essential_works_without_script(found: Browser, url: str, token: Token) -> None:
    with chromium.desk(found, url, java_script_enabled=False) as desk:
        page = desk.page
        desk.sign_in(token(Role.TOWNSHIP, TOWN))
        page.get_by_label("预警等级").select_option("red")
        page.get_by_role("button", name="筛选").click()
        assert set(page.locator("table.list tbody .tier").all_inner_texts()) == {"红色"}
        page.locator("table.list tbody th a").first.click()
        assert page.locator("svg.figure").count() >= 2
        page.get_by_label("无人在家").check()
        page.get_by_role("button", name="保存").click()
        expect(page.get_by_role("status")).to_be_visible()
        page.get_by_role("link", name="English").click()
        assert page.locator("html").get_attribute("lang") == "en"
        page.get_by_role("button", name="Sign out").click()
        assert page.url.endswith("/sign-in")


def test_on_a_telephone_the_menu_shows_the_page_that_is_open(found: Browser, url: str, token: Token) -> None:
    with chromium.desk(found, url, viewport={"width": 320, "height": 640}) as desk:
        desk.sign_in(token(Role.COUNTY, made_up.COUNTY))
        for path in ("/", "/changes", "/model"):
            desk.go(f"{path}?lang=en")
            expect(desk.page.locator("nav.menu [aria-current]")).to_be_in_viewport(ratio=1)


def test_the_keyboard_alone_is_enough(desk: chromium.Desk, token: Token) -> None:
    page, keyboard = desk.page, desk.page.keyboard
    desk.go("/sign-in")
    keyboard.type(token(Role.VILLAGE, VILLAGE))
    keyboard.press("Enter")
    page.wait_for_url(lambda address: "/sign-in" not in address)
    keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    for _ in range(60):
        keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('table.list th a')"):
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    keyboard.press("Enter")
    page.wait_for_url("**/households/*")
    expect(page.get_by_role("heading", level=1)).to_contain_text("农户")
