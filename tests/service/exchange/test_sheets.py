"""A list as a file holds the households that it holds as JSON, prints as staff need it, and runs nothing."""

from __future__ import annotations

import csv
import io
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
import openpyxl
import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import Connection, update
from starlette.testclient import TestClient

from service.api import risk_list
from service.app import create_app
from service.auth import Role
from service.exchange.cells import safe_text
from service.exchange.listing import CELL_ZH
from service.settings import Settings
from service.storage.tables import lists, reasons
from tests.service import made_up
from tests.service.sites import Site, now

VILLAGE = made_up.VILLAGES[0]


def items(site: Site, headers: dict[str, str], **query: Any) -> list[dict[str, Any]]:
    answer = site.client.get("/api/v1/risk-list", params={**query, "limit": 500}, headers=headers)
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def as_csv(site: Site, headers: dict[str, str], **query: Any) -> list[dict[str, str]]:
    answer = site.client.get("/api/v1/risk-list", params={**query, "format": "csv"}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def as_workbook(site: Site, headers: dict[str, str], **query: Any) -> bytes:
    answer = site.client.get("/api/v1/risk-list", params={**query, "format": "xlsx"}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert ".xlsx" in answer.headers["content-disposition"]
    return answer.content


@pytest.mark.parametrize(
    "query", [{}, {"tier": "red"}, {"region": VILLAGE}, {"order": "village"}, {"cause": "illness"}, {"state": "below_line"}]
)
def test_files_hold_the_households_of_the_list_in_its_order(site: Site, query: dict[str, str]) -> None:
    headers = site.headers()
    listed = items(site, headers, **query)
    assert listed
    rows = as_csv(site, headers, **query)
    assert [row["户编号（假名） household_id"] for row in rows] == [item["household_id"] for item in listed]
    for row, item in zip(rows, listed, strict=True):
        assert row["行政村代码 village_code"] == item["village_code"]
        assert row["概率 probability"] == ("" if item["probability"] is None else str(item["probability"]))
        assert row["预警等级 tier"].split()[1] == item["tier"]
        assert row["名单 list_version"] == "1"
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(as_workbook(site, headers, **query))).get_sheet_by_index(0).to_python()
    table = sheet[3 : 3 + len(listed)]
    assert [row[0] for row in table] == [item["household_id"] for item in listed]
    assert [row[1] for row in table] == [item["village_code"] for item in listed]
    shown = [None if row[4] == "" else row[4] for row in table]
    assert shown == [item["probability"] and pytest.approx(item["probability"], rel=1e-14) for item in listed]  # sheets hold 16 digits


def test_page_json_and_files_say_the_same_of_visits_rules_and_place(own_site: Site) -> None:
    headers = own_site.headers()
    before = own_site.client.get("/api/v1/risk-list", params={"limit": 1}, headers=headers)
    first = before.json()["items"][0]["household_id"]
    assert before.json()["items"][0]["visited"] is False
    visit = {"visited_on": "2024-03-01", "reason": "list", "found": "risk"}
    assert own_site.client.post(f"/api/v1/households/{first}/visits", json=visit, headers=headers).status_code == 201
    listed = items(own_site, headers)
    assert [item["household_id"] for item in listed if item["visited"]] == [first]
    departments = {trigger["department_en"] for item in listed for trigger in item["triggers"]}
    assert departments
    assert all(name.isascii() for name in departments)
    assert len({item["cell"] for item in listed}) > 1
    told = [
        (
            {True: "是 yes", False: "否 no"}[item["visited"]],
            "；".join(trigger["zh"] for trigger in item["triggers"]),
            "不能判断 undetermined" if item["cell"] is None else f"{CELL_ZH[item['cell']]} {item['cell']}",
            str(item["rank"]["county"]),
            "；".join(dict.fromkeys(f"{trigger['department']} {trigger['department_en']}" for trigger in item["triggers"])),
        )
        for item in listed
    ]
    names = ("名单后已走访 visited", "触发的规则 triggers", "规则与等级 cell", "县内位次 rank_county", "规则的数据来源 departments")
    assert [tuple(row[name] for name in names) for row in as_csv(own_site, headers)] == told
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(as_workbook(own_site, headers))).get_sheet_by_index(0).to_python()
    places = [sheet[2].index(name.replace(" ", "\n")) for name in names]
    shown = [[row[place] for place in places] for row in sheet[3 : 3 + len(listed)]]
    assert [(*map(str, row[:3]), str(int(row[3])), str(row[4])) for row in shown] == told
    page = own_site.client.get("/", headers=headers | {"Accept": "text/html"}).text
    assert page.count('class="mark done"') == 1


def test_a_workbook_prints_and_is_signed(site: Site) -> None:
    book = openpyxl.load_workbook(io.BytesIO(as_workbook(site, site.headers(), tier="red")))
    sheet = book.active
    assert (sheet.page_setup.orientation, int(sheet.page_setup.paperSize)) == ("landscape", 9)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0)
    assert sheet.print_title_rows == "$1:$3"
    assert sheet.freeze_panes == "B4"
    assert sheet["A3"].value == "户编号（假名）\nhousehold_id"
    assert "填表人" in sheet.cell(sheet.max_row, 1).value
    printed = openpyxl.utils.cell.range_boundaries(sheet.print_area.split("!")[1])
    assert printed[3] == sheet.max_row  # the line to sign included
    on_paper = [sheet.cell(3, place).value.split("\n")[1] for place in range(printed[0], printed[2] + 1)]
    assert {"household_id", "tier", "triggers", "verify", "visited"} <= set(on_paper)
    assert {"low", "high", "rank_county", "data_age_days"}.isdisjoint(on_paper)
    assert sum(sheet.column_dimensions[sheet.cell(3, place).column_letter].width for place in range(1, printed[2] + 1)) < 225
    for word in ("审核人", "日期"):
        assert word in sheet.cell(sheet.max_row, 1).value
    assert "评分只是入户线索，不是身份认定" in sheet.oddFooter.left.text
    assert "名单 list 1" in sheet.oddFooter.center.text
    assert "2023-12-31" in sheet.oddFooter.center.text
    assert sheet["A4"].data_type == sheet["B4"].data_type == "s"
    assert sheet.column_dimensions["A"].width > 20


def test_nothing_in_a_file_is_a_formula(own_site: Site) -> None:
    evil = '{"field": "x", "zh": "=HYPERLINK(\\"http://x\\")"}'
    with own_site.database.writing() as connection:
        connection.execute(update(reasons).values(missing_field=evil))
    headers = own_site.headers()
    cells = {row["最缺的数据 missing_field"] for row in as_csv(own_site, headers)} - {""}
    assert cells == {'\'=HYPERLINK("http://x")'}
    book = openpyxl.load_workbook(io.BytesIO(as_workbook(own_site, headers)))
    kinds = {cell.data_type for row in book.active.iter_rows() for cell in row}
    assert "f" not in kinds
    assert book.active._hyperlinks == []


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", "＝1"])
def test_a_text_that_looks_like_a_formula_is_marked(text: str) -> None:
    assert safe_text(text) == "'" + text


def test_a_dashboards_file_has_no_facts(site: Site) -> None:
    row = as_csv(site, site.headers(Role.DASHBOARD, VILLAGE))[0]
    assert "人均纯收入（元/年） pc_net_income" not in row
    assert "入户核实 verify" not in row
    assert "入户核实 verify" in as_csv(site, site.headers(Role.VILLAGE, VILLAGE))[0]


def test_a_file_holds_nothing_from_outside_the_region(site: Site) -> None:
    for role, region in ((Role.VILLAGE, VILLAGE), (Role.TOWNSHIP, VILLAGE[:9])):
        assert {row["行政村代码 village_code"][: len(region)] for row in as_csv(site, site.headers(role, region))} == {region}
    assert (
        site.client.get(f"/api/v1/risk-list?format=xlsx&region={made_up.COUNTY}", headers=site.headers(Role.VILLAGE, VILLAGE)).status_code
        == 403
    )


def test_a_list_that_is_too_long_for_a_file_is_refused_with_what_to_do(own_site: Site) -> None:
    service = own_site.client.app.state.service
    small = Settings(**{**own_site.settings.model_dump(), "export_rows": 100})
    own_site.client.app.state.service = type(service)(small, *(getattr(service, name) for name in service.__slots__ if name != "settings"))
    answer = own_site.client.get("/api/v1/risk-list?format=csv", headers=own_site.headers())
    assert answer.status_code == 422
    assert "FANGPIN_EXPORT_ROWS" in answer.json()["errors"][0]["message"]
    assert own_site.client.get(f"/api/v1/risk-list?format=csv&region={VILLAGE}", headers=own_site.headers()).status_code == 200


def test_a_list_longer_than_a_step_comes_whole(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.api.risk_list.ROWS_A_STEP", 37)
    headers = site.headers()
    assert [row["户编号（假名） household_id"] for row in as_csv(site, headers)] == [item["household_id"] for item in items(site, headers)]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_list_that_is_retired_while_it_is_sent_breaks_the_file_off(own_site: Site, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    headers = own_site.headers()
    monkeypatch.setattr(risk_list, "ROWS_A_STEP", 20)
    look = risk_list.page
    steps = []

    def retired_meanwhile(connection: Connection, version: int, *where: Any, **how: Any) -> Any:
        steps.append(version)
        if len(steps) == 2:
            with own_site.database.writing() as writer:  # the first thing that is done to a list on its way out
                writer.execute(update(lists).where(lists.c.list_version == version).values(finished=False))
        return look(connection, version, *where, **how)

    monkeypatch.setattr(risk_list, "page", retired_meanwhile)
    app = create_app(own_site.settings, clock=now)
    with TestClient(app, raise_server_exceptions=True) as client, pytest.raises(RuntimeError, match="not whole"):
        client.get("/api/v1/risk-list", params={"format": kind}, headers=headers)
    assert len(steps) == 2


def test_workbooks_wait_for_their_turn_and_polls_do_not(own_site: Site) -> None:
    service = own_site.client.app.state.service
    headers = own_site.headers()

    async def watch() -> tuple[int, int, list[int]]:
        await service.batches.acquire_on_behalf_of("a large batch")
        answers: list[int] = []

        async def ask() -> None:
            send = partial(own_site.client.get, "/api/v1/risk-list?format=xlsx", headers=headers)
            answers.append((await anyio.to_thread.run_sync(send)).status_code)

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await anyio.sleep(1)
            waiting = len(answers)
            polled = (await anyio.to_thread.run_sync(lambda: own_site.client.get("/api/v1/summary", headers=headers))).status_code
            service.batches.release_on_behalf_of("a large batch")
        return waiting, polled, answers

    portal = own_site.client.portal
    assert portal is not None
    assert portal.call(watch) == (0, 200, [200])
