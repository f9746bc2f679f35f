"""Bringing data in with a browser: checked first, followed to its end, and a file that is none is told."""

from __future__ import annotations

import zipfile
from pathlib import Path

from playwright.sync_api import expect

from service.auth import Role
from tests.browser import chromium
from tests.browser.conftest import Token
from tests.service import made_up

PATIENCE_MS = 90_000


def test_an_upload_is_checked_and_followed_to_its_end(desk: chromium.Desk, token: Token, register_folder: Path, tmp_path: Path) -> None:
    packed = tmp_path / "register.zip"
    with zipfile.ZipFile(packed, "w") as out:
        for path in sorted(register_folder.iterdir()):
            out.write(path, path.name)
    desk.sign_in(token(Role.COUNTY, made_up.COUNTY))
    page = desk.page
    page.get_by_role("link", name="数据导入").click()
    page.get_by_label("文件", exact=True).set_input_files(packed)
    page.get_by_role("button", name="先检查").click()
    page.wait_for_url("**/imports/*")
    expect(page.get_by_role("heading", name="完成")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("检查完毕，没有写入")).to_be_visible()
    desk.go("/imports")
    assert page.get_by_role("row", name="register.zip").count() == 1


def test_a_file_that_cannot_be_used_is_told_on_a_page(desk: chromium.Desk, token: Token, tmp_path: Path) -> None:
    wrong = tmp_path / "letter.xlsx"
    wrong.write_text("no workbook", encoding="utf-8")
    desk.sign_in(token(Role.COUNTY, made_up.COUNTY))
    desk.go("/imports")
    desk.page.get_by_label("文件", exact=True).set_input_files(wrong)
    desk.page.get_by_role("button", name="先检查").click()
    expect(desk.page.get_by_role("alert")).to_contain_text("怎么办")
    desk.wrong.clear()  # the browser calls an answer of 415 an error
    desk.page.go_back()
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("数据导入")


def test_only_the_county_brings_data_in(desk: chromium.Desk, token: Token) -> None:
    desk.sign_in(token(Role.VILLAGE, made_up.VILLAGES[0]))
    assert desk.page.get_by_role("link", name="数据导入").count() == 0
    desk.go("/imports")
    expect(desk.page.get_by_role("alert")).to_contain_text("更换令牌")
    desk.wrong.clear()  # the browser calls an answer of 403 an error
