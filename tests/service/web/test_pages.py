"""Pages as a browser gets them: the right words, the right headers, nothing beyond the caller's right."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import delete, func, insert, select, update

from features.template import read_cells
from service.auth import Role
from service.storage.tables import COUNTED, lists, model_history, scores, summaries
from service.web.pages import POLICY
from tests.service import made_up
from tests.service.sites import Site, running

HTML = {"Accept": "text/html,application/xhtml+xml"}


def get(site: Site, path: str, role: Role = Role.COUNTY, region: str = made_up.COUNTY, **headers: str) -> Any:
    site.client.cookies.clear()
    return site.client.get(path, headers=site.headers(role, region) | HTML | headers, follow_redirects=False)


def rows(page: str) -> list[str]:
    """The short ids of the households on a page."""
    return re.findall(r'class="id">(?:<a [^>]*>)?([0-9a-f]+)', page)


def test_the_list_shows_the_households_of_the_api_in_its_order(site: Site) -> None:
    page = get(site, "/?tier=orange").text
    told = site.client.get("/api/v1/risk-list?tier=orange&limit=50", headers=site.headers()).json()
    assert rows(page) == [item["household_id"][:8] for item in told["items"]]
    assert rows(page)


def test_paging_links_lead_through_the_whole_list(site: Site) -> None:
    path, seen = "/", []
    while path:
        page = get(site, path).text
        seen += rows(page)
        found = re.search(r'rel="next" href="([^"]+)"', page)
        path = found[1].replace("&amp;", "&") if found else ""
    assert len(seen) == 400


def test_a_village_sees_its_village_only(site: Site) -> None:
    village = made_up.VILLAGES[0]
    page = get(site, "/", Role.VILLAGE, village)
    told = site.client.get("/api/v1/risk-list?limit=500", headers=site.headers(Role.VILLAGE, village)).json()
    assert rows(page.text) == [item["household_id"][:8] for item in told["items"]][:50]
    assert get(site, f"/?region={made_up.VILLAGES[1]}", Role.VILLAGE, village).status_code == 403


def test_empty_fields_of_a_filter_ask_for_nothing(site: Site) -> None:
    assert rows(get(site, "/?region=&tier=&candidate=&lang=").text) == rows(get(site, "/").text)


def test_the_title_of_a_page_is_plain_text(site: Site) -> None:
    found = re.search("<title>(.*?)</title>", get(site, "/?lang=en").text)
    assert found is not None
    assert html.unescape(found[1]) == "This week's list · Fangpin"


@pytest.mark.parametrize("search", ["青山村", "209", "zz", "'; --"])
def test_a_search_that_finds_nothing_by_its_form_is_told_beside_the_field(site: Site, search: str) -> None:
    answer = get(site, f"/?tier=red&search={quote(search)}")
    assert answer.status_code == 422
    assert f'value="{html.escape(search)}"' in answer.text.replace("&#39;", "&#x27;")
    assert '<option value="red" selected>' in answer.text
    assert "户编号或村代码：请输入户编号的前 4 位以上" in answer.text
    assert "[0-9A-Za-z" not in answer.text
    assert rows(answer.text) == []
    assert "give 4 signs or more" in get(site, f"/?lang=en&search={quote(search)}").text


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({}, ("入户日期：必须填写", "核实结果：必须填写")),
        ({"visited_on": "2024-03-01", "reason": "list"}, ("核实结果：必须填写",)),
        ({"visited_on": "31.12.2023", "reason": "list", "found": "risk"}, ("入户日期：不是日期",)),
        ({"visited_on": "2024-03-01", "reason": "list", "found": "risk", "replaces": "0"}, ("更正第几版：不得小于 1",)),
    ],
)
def test_a_visit_that_cannot_be_recorded_is_told_beside_the_form_with_what_was_typed(
    own_site: Site, sent: dict[str, str], told: tuple[str, ...]
) -> None:
    household = own_site.client.get("/api/v1/risk-list?limit=1", headers=own_site.headers()).json()["items"][0]["household_id"]
    browser = HTML | {"Origin": "http://testserver"}
    own_site.client.post("/sign-in", data={"token": own_site.token(Role.COUNTY, made_up.COUNTY)}, headers=browser)
    path = f"/households/{household}"
    csrf = re.search(r'name="csrf" value="([^"]+)"', own_site.client.get(path, headers=browser).text)
    assert csrf is not None
    answer = own_site.client.post(f"{path}/visits", data={"csrf": csrf[1], "note": "门锁着，邻居说外出", **sent}, headers=browser)
    assert answer.status_code == 422
    refused = re.search(r'id="refused">(.*?)</div>', answer.text, flags=re.DOTALL)
    assert refused is not None
    assert all(words in refused[1] for words in told)
    assert "Field" not in refused[1]
    assert "门锁着，邻居说外出</textarea>" in answer.text
    if "visited_on" in sent:
        assert f'value="{sent["visited_on"]}"' in answer.text


def test_no_match_says_what_to_do(site: Site) -> None:
    page = get(site, "/?candidate=sudden&cell=neither").text  # nobody is a candidate whom neither rules nor model call
    assert "没有符合条件的户" in page
    assert "清除条件" in page


@pytest.mark.parametrize("path", ["/", "/overview"])
def test_a_page_speaks_the_language_asked_for_and_remembers_it(site: Site, path: str) -> None:
    assert 'lang="zh-CN"' in get(site, path).text.split("<head>")[0]
    answer = get(site, path + "?lang=en")
    assert '<html lang="en">' in answer.text
    assert "fangpin_language=en" in answer.headers["set-cookie"]
    assert '<html lang="en">' in get(site, path, Cookie="fangpin_language=en").text
    assert '<html lang="zh-CN">' in get(site, path, Cookie="fangpin_language=xx").text


@pytest.mark.parametrize("path", ["/", "/overview", "/nowhere"])
def test_every_page_is_sent_with_a_strict_policy_and_kept_by_nobody(site: Site, path: str) -> None:
    headers = get(site, path).headers
    assert headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/nowhere", 404, "没有此资源"),
        ("/?tier=blue", 422, "内容无法使用"),
        ("/?region=110000", 403, "无权访问"),
        ("/?cursor=x", 422, "无法翻页"),
    ],
)
def test_an_error_is_a_page_for_a_browser_and_a_problem_for_a_programme(site: Site, path: str, status: int, words: str) -> None:
    page = get(site, path)
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert words in page.text
    assert "怎么办" in page.text
    plain = site.client.get(path, headers=site.headers())
    assert plain.status_code == status
    assert plain.headers["content-type"] == "application/problem+json"
    assert plain.json()["detail"].split("；")[0].split(";")[0] in html.unescape(page.text)


@pytest.mark.parametrize(
    ("language", "title", "told"), [("zh", "怎么办", "从备份恢复密钥文件"), ("en", "What to do", "from its safe copy")]
)
@pytest.mark.parametrize("path", ["/", "/overview", "/nowhere"])
def test_a_key_that_is_taken_away_is_told_on_a_page(own_site: Site, path: str, language: str, title: str, told: str) -> None:
    with running(own_site.settings) as site:
        typed = {"token": site.token(Role.COUNTY, made_up.COUNTY)}
        signed_in = site.client.post("/sign-in", data=typed, headers={"Origin": "http://testserver"}, follow_redirects=False)
        assert signed_in.status_code == 303
        site.settings.pseudonym_key.unlink()
        page = site.client.get(f"{path}?lang={language}", headers=HTML)
    assert page.headers["content-type"].startswith("text/html")
    assert title in page.text
    assert (page.status_code, told in page.text) == ((404, False) if path == "/nowhere" else (503, True))
    assert str(site.settings.pseudonym_key) not in page.text


def test_an_error_of_the_api_stays_a_problem_whoever_asks(site: Site) -> None:
    assert get(site, "/api/v1/nowhere").headers["content-type"] == "application/problem+json"


def test_nothing_to_show_yet_says_what_to_run(empty_site: Site) -> None:
    answer = get(empty_site, "/")
    assert answer.status_code == 503
    assert "python -m service score" in answer.text
    assert answer.headers["retry-after"]


@pytest.mark.parametrize(("language", "words"), [("zh", "没有可显示的数"), ("en", "nothing to show")])
@pytest.mark.parametrize("role", [Role.COUNTY, Role.KIOSK])
def test_an_area_without_households_has_an_overview_that_says_so(site: Site, role: Role, language: str, words: str) -> None:
    answer = get(site, f"/overview?lang={language}", role, "520999")
    assert answer.status_code == 200
    assert words in answer.text


def test_a_screen_in_a_village_of_few_shows_that_there_is_nothing_to_show(own_site: Site) -> None:
    village = made_up.VILLAGES[0]
    with own_site.database.writing() as connection:
        connection.execute(update(summaries).values(dict.fromkeys((f"{name}_count" for name in COUNTED), 3)))
    answer = get(own_site, "/overview", Role.KIOSK, village)
    assert answer.status_code == 200
    assert "没有可显示的数" in answer.text


def test_whoever_begins_can_fetch_the_template_and_fill_it_in(empty_site: Site, tmp_path: Path) -> None:
    page = get(empty_site, "/imports").text
    assert "python -m" not in page.partition("<main")[2]
    link = re.search(r'class="button" href="([^"]+)" download', page)
    assert link is not None
    answer = get(empty_site, link[1])
    assert answer.status_code == 200
    assert ".xlsx" in answer.headers["content-disposition"]
    file = tmp_path / "template.xlsx"
    file.write_bytes(answer.content)
    assert [problem.reason.split()[0] for problem in read_cells(file).problems] == ["未填写任何户"]
    assert get(empty_site, link[1], Role.VILLAGE, made_up.VILLAGES[0]).status_code == 403


def test_a_model_that_was_taken_up_at_every_start_is_told_once(own_site: Site) -> None:
    def happened(version: str, event: str, hour: int) -> dict[str, str]:
        return {
            "model_name": "falls_below",
            "model_version": version,
            "event": event,
            "reason": "",
            "worker": "1",
            "at": f"2024-02-03T{hour:02d}:30:00Z",
        }

    rows = [("old", "in_use", 1), *(("new", "in_use", hour) for hour in (2, 3, 20)), ("bad", "refused", 21), ("new", "in_use", 22)]
    own_site.client.app.state.service.bundle.stop()  # which first writes down what this site itself took up
    with own_site.database.writing() as connection:
        connection.execute(delete(model_history))
        connection.execute(insert(model_history), [happened(*row) for row in rows])
    page = get(own_site, "/model").text.partition('id="history"')[2]
    told = [re.sub(r"<[^>]*>|\s+", " ", row).split() for row in re.findall(r"<li><time.*?</li>", page, flags=re.DOTALL)]
    assert [" ".join(words) for words in told] == [
        "2024-02-04 06:30 启用 new",
        "2024-02-04 05:30 拒绝 bad",
        "2024-02-04 04:30 启用 new 首次 2024-02-03 10:30，共 3 次",
        "2024-02-03 09:30 启用 old",
    ]


def test_a_page_without_the_right_says_so_and_is_not_in_the_menu(site: Site) -> None:
    answer = get(site, "/", Role.KIOSK)
    assert answer.status_code == 403
    assert "更换令牌" in answer.text
    page = get(site, "/overview", Role.KIOSK).text
    assert re.findall(r'<li><a href="([^"]+)"', page) == ["/overview"]
    assert "?region=" not in page


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_kind_of_household_has_a_page_also_when_its_model_is_no_longer_in_use(own_site: Site, language: str) -> None:
    """The reasons of a household in no tier can only be told by the model that scored it."""
    with own_site.database.writing() as connection:
        kinds = connection.execute(
            select(scores.c.state, scores.c.tier, func.min(scores.c.household_id)).group_by(scores.c.state, scores.c.tier)
        )
        shown = kinds.all()
        connection.execute(update(lists).values(model_version="0" * 12))
    assert {state for state, _, _ in shown} > {"scored"}
    words = {"zh": "没有可说明的原因", "en": "No reasons to tell"}[language]
    told = {tier: words in shown_page(own_site, f"/households/{name}?lang={language}") for _, tier, name in shown}
    assert told["none"]
    assert not told["red"]


def shown_page(site: Site, path: str) -> str:
    answer = get(site, path)
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def test_figures_of_a_household_speak_the_readers_language_alone(site: Site) -> None:
    listed = site.client.get("/api/v1/risk-list?state=scored&tier=red&limit=1", headers=site.headers()).json()["items"]
    path = f"/households/{listed[0]['household_id']}"
    drawn = re.findall(r"<figure.*?</figure>", get(site, f"{path}?lang=en").text, flags=re.DOTALL)
    assert len(drawn) == 3  # why, income, history
    assert re.findall(r"[\u3400-\u9fff]+", "".join(drawn)) == []
    assert "lack of labour" in drawn[0]
    assert "wage" in drawn[1]
    words = re.sub(r"<title>.*?</title>|<[^>]*>", "", "".join(re.findall(r"<figure.*?</figure>", get(site, path).text, flags=re.DOTALL)))
    assert re.findall(r"[A-Za-z]{2,}", words) == []


def test_a_dashboard_sees_scores_but_no_way_to_facts(site: Site) -> None:
    page = get(site, "/", Role.DASHBOARD).text
    assert rows(page)
    assert "/households/" not in page


def test_what_a_request_says_is_never_put_into_a_page_unescaped(site: Site) -> None:
    for path in ('/?tier="><script>alert(1)</script>', "/<script>alert(1)</script>"):
        assert "<script>alert" not in get(site, path).text


def test_style_and_script_open_without_a_token(site: Site) -> None:
    page = get(site, "/").text
    for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', page):
        assert site.client.get(address).status_code == 200
    assert site.client.get("/static/../pages.py").status_code in {401, 404}
