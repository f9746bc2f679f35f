"""What places are called: read from the county's own file, refused with every fault, shown wherever a code is."""

from __future__ import annotations

import csv
import html
import io
import re
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from features.errors import UserError
from service.app import create_app
from service.auth import Role
from service.regions import names_in
from service.settings import Settings
from tests.service import made_up
from tests.service.sites import Site, running

TOWN, VILLAGE = made_up.VILLAGES[0][:9], made_up.VILLAGES[0]
NAMED = f"code,zh,en\n{TOWN},龙坝镇,Longba\n{VILLAGE},=春山<村>,Chunshan\n"
HTML = {"Accept": "text/html"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that names one township and one of its villages."""
    path = tmp_path / "regions.csv"
    path.write_text(NAMED, encoding="utf-8-sig")
    return path


def test_names_are_read_and_a_missing_english_one_is_the_chinese(tmp_path: Path) -> None:
    path = tmp_path / "regions.csv"
    path.write_text(f"en, zh ,code\n,龙坝镇,{TOWN}\n\nChunshan, 春山村 ,{VILLAGE}\n", encoding="utf-8")
    assert names_in(path) == {TOWN: ("龙坝镇", "龙坝镇"), VILLAGE: ("春山村", "Chunshan")}
    assert names_in(None) == {}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("", ["line 1: the header must be code,zh,en"]),
        ("code,name\n", ["line 1: the header must be code,zh,en"]),
        (f"code,zh,en\n{TOWN},甲,A\n{TOWN},乙,B\n5.20523E+11,丙,C\n", ["line 3: the code stands twice", "line 4: code must be 6, 9 or 12"]),
        (f"code,zh,en\n\n{TOWN},,A\n", ["line 3: zh must be given"]),
        (f"code,zh,en\n{TOWN},甲\n", ["line 2: 3 cells are expected, not 2"]),
        (f'code,zh,en\n{TOWN},{"甲" * 41},A\n{VILLAGE},甲,"A\nB"\n', ["line 2: zh may have 40", "line 4: en may have 40"]),
        ('code,zh,en\n"520', ["see to the quotes"]),
    ],
)
def test_every_fault_of_the_file_is_told_with_its_line(tmp_path: Path, said: str, told: list[str]) -> None:
    path = tmp_path / "regions.csv"
    path.write_text(said, encoding="utf-8")
    with pytest.raises(UserError) as refused:
        names_in(path)
    lines = str(refused.value).splitlines()[1:]
    assert len(lines) == len(told)
    for line, part in zip(lines, told, strict=True):
        where, _, what = part.rpartition(": ")
        assert where in line
        assert what in line


def test_another_encoding_and_a_missing_file_are_told(tmp_path: Path, own_site: Site) -> None:
    path = tmp_path / "regions.csv"
    path.write_bytes(f"code,zh,en\n{VILLAGE},A,A\n".encode() + f"{TOWN},龙坝镇,Longba\n".encode("gb18030"))
    with pytest.raises(UserError, match=r"line 3: .*save it as CSV UTF-8"):
        create_app(own_site.settings.model_copy(update={"regions": path}))
    with pytest.raises(UserError, match="cannot be read"):
        create_app(own_site.settings.model_copy(update={"regions": tmp_path / "none.csv"}))


def page(site: Site, path: str, role: Role = Role.COUNTY, region: str = made_up.COUNTY) -> str:
    site.client.cookies.clear()
    answer = site.client.get(path, headers=site.headers(role, region) | HTML)
    assert answer.status_code == 200
    return html.unescape(re.sub(r"<(?!村)[^>]*>", "", answer.text))


def test_pages_show_names_beside_codes(own_site: Site, file: Path) -> None:
    with running(own_site.settings, regions=file) as site:
        listed = page(site, f"/?region={VILLAGE}")
        assert f"龙坝镇=春山<村> {VILLAGE}" in listed
        assert f"龙坝镇 {TOWN[6:]}" in listed  # in the choice of areas
        assert f"Chunshan, Longba {VILLAGE}" in page(site, f"/?region={VILLAGE}&lang=en")
        assert f"龙坝镇002 {made_up.VILLAGES[1]}" in page(site, f"/?region={made_up.VILLAGES[1]}")  # only its township has a name
        assert f"龙坝镇 {TOWN}" in page(site, "/overview")
        assert "=春山<村>" in page(site, "/overview", Role.TOWNSHIP, TOWN)
        household = site.client.get(f"/api/v1/risk-list?region={VILLAGE}&limit=1", headers=site.headers()).json()["items"][0]
        assert f"龙坝镇=春山<村> {VILLAGE}" in page(site, f"/households/{household['household_id']}")


def test_files_show_names_beside_codes_and_without_names_are_as_before(own_site: Site, file: Path) -> None:
    def columns(site: Site, kind: str) -> list[list[str]]:
        answer = site.client.get(f"/api/v1/risk-list?region={TOWN}&format={kind}", headers=site.headers()).content
        if kind == "csv":
            return list(csv.reader(io.StringIO(answer.decode("utf-8-sig"))))
        return CalamineWorkbook.from_filelike(io.BytesIO(answer)).get_sheet_by_index(0).to_python()

    plain = {kind: columns(own_site, kind) for kind in ("csv", "xlsx")}
    with running(own_site.settings, regions=file) as site:
        for kind, first in (("csv", 0), ("xlsx", 2)):
            named = columns(site, kind)
            assert named[first][2].split() == ["乡镇与行政村", "place"]
            assert [row[:2] + row[3:] for row in named[first:-2]] == plain[kind][first:-2]
            places = {row[1]: row[2] for row in named[first + 1 : -2]}
            assert places[VILLAGE] == "龙坝镇=春山<村>"
        assert "龙坝镇 520523101" in columns(site, "xlsx")[1][0]


def test_a_poller_gets_new_names_and_counts_say_them(own_site: Site, file: Path) -> None:
    headers = own_site.headers()
    before = own_site.client.get("/api/v1/summary", headers=headers)
    assert before.json()["total"]["region_name"] == {"zh": "金沙县", "en": "Jinsha"}
    assert {item["region_name"] for item in before.json()["items"]} == {None}
    with running(own_site.settings, regions=file) as site:
        after = site.client.get("/api/v1/summary", headers=headers | {"If-None-Match": before.headers["etag"]})
        assert after.status_code == 200
        assert {item["region"]: item["region_name"] for item in after.json()["items"]}[TOWN] == {"zh": "龙坝镇", "en": "Longba"}
        again = site.client.get("/api/v1/summary", headers=headers | {"If-None-Match": after.headers["etag"]})
        assert again.status_code == 304


def test_the_setting_names_the_file(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("FANGPIN_REGIONS", str(file))
    assert Settings().regions == file
