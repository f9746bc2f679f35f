"""The description of the API: one real answer as an example of each route, and no change of the whole that nobody meant.

`make docs` writes both files anew (FANGPIN_WRITE_DOCS=1): the examples are what a made-up county answers, cut to one entry a list.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from service.app import create_app
from service.auth import Role
from tests.service import made_up
from tests.service.sites import Site, now, settings_in

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "service" / "api" / "examples.json"
DESCRIPTION = ROOT / "docs" / "openapi.json"
WRITE = os.environ.get("FANGPIN_WRITE_DOCS") == "1"
WITHOUT = {"get /healthz", "get /readyz", "get /metrics", "get /api/v1/imports/template"}  # short, or no JSON


def shortened(value: Any) -> Any:
    """One entry of each list is enough to see what it holds; the number of a process is another each time."""
    if isinstance(value, dict):
        return {name: "4711" if name == "worker" else shortened(part) for name, part in value.items()}
    return [shortened(part) for part in value[:1]] if isinstance(value, list) else value


def answers(site: Site, households: list[made_up.Household]) -> dict[str, dict[str, Any]]:
    """A real answer of each route, by route and status."""
    headers = site.headers()
    red = site.client.get("/api/v1/risk-list?tier=red&limit=200", headers=headers).json()["items"]
    first = next(item["household_id"] for item in red if item["triggers"])
    table = (
        "household_id,registry_status,village_code,valid_from,known_on\n"
        + f"990000000001,ordinary,{made_up.VILLAGES[0]},2023-01-01,2023-01-05\n"
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        out.writestr("households.csv", table)
    asked = {"as_of": made_up.AS_OF.isoformat(), "households": households[:1]}
    for one in asked["households"]:
        for rows in one.values():
            for row in rows if isinstance(rows, list) else ():
                row.pop("known_on", None)
    visit = {"visited_on": "2024-02-20", "reason": "list", "found": "risk", "note": "户主住院，务工中断 in hospital, work given up"}
    clue = site.client.get(f"/api/v1/households/{first}", headers=headers).json()["clues"][0]["id"]
    note = {"about": f"clue:{clue}", "note": "已电话联系，本周入户 called, visit this week"}
    reward = {"reward": "building_finished", "date": "2020-06-11", "persons": 3}
    upload = {"content": packed.getvalue(), "headers": headers | {"Content-Type": "application/zip"}}
    calls: list[tuple[str, str, str, dict[str, Any]]] = [
        ("post", "/api/v1/scores", "", {"json": asked}),
        ("get", "/api/v1/scores", "?since=1&limit=1", {}),
        ("get", "/api/v1/risk-list", "?tier=red&limit=1", {}),
        ("get", "/api/v1/summary", "", {}),
        ("post", "/api/v1/households/{household_id}/visits", "", {"json": visit}),
        ("post", "/api/v1/households/{household_id}/visits", "", {"json": visit}),
        ("get", "/api/v1/households/{household_id}/visits", "", {}),
        ("get", "/api/v1/visits", "", {}),
        ("get", "/api/v1/households/{household_id}", "", {}),
        ("post", "/api/v1/households/{household_id}/notes", "", {"json": note}),
        ("post", "/api/v1/households/{household_id}/notes", "", {"json": note}),
        ("get", "/api/v1/clues", "?state=answered&limit=1", {}),
        ("get", "/api/v1/ledgers", f"?region={made_up.VILLAGES[0]}", {}),
        ("get", "/api/v1/lists", "", {}),
        ("get", "/api/v1/lists/diff", "?from=1&to=1", {}),
        ("get", "/api/v1/model", "", {}),
        ("get", "/api/v1/model/history", "", {}),
        ("get", "/api/v1/policy", "", {}),
        ("get", "/api/v1/policy/diff", "?from=2020-11-30", {}),
        ("post", "/api/v1/policy/reimbursement", "", {"json": {"bills": [{"date": "2023-03-01", "in_list": 18000, "outside": 2000}]}}),
        ("post", "/api/v1/policy/reward", "", {"json": reward, "headers": site.headers(Role.COUNTY, "450422")}),
        (
            "post",
            "/api/v1/imports",
            "?dry_run=true",
            upload,
        ),
        ("get", "/api/v1/imports", "", {}),
        ("get", "/api/v1/imports/{job_id}", "", {}),
    ]
    found: dict[str, dict[str, Any]] = {}
    for method, path, query, more in calls:
        address = path.replace("{household_id}", first).replace("{job_id}", "1") + query
        answer = site.client.request(method, address, **({"headers": headers} | more))
        assert answer.is_success, (method, address, answer.text)
        found.setdefault(f"{method} {path}", {})[str(answer.status_code)] = shortened(answer.json())
    return found


def test_every_route_answers_as_its_example_shows(own_site: Site, households: list[made_up.Household]) -> None:
    real = answers(own_site, json.loads(json.dumps(households[:1])))
    if WRITE:
        EXAMPLES.write_text(json.dumps(real, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    shown = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    assert {route: set(by_status) for route, by_status in shown.items()} == {route: set(by_status) for route, by_status in real.items()}
    for route, by_status in real.items():
        for status, answer in by_status.items():
            assert set(shown[route][status]) == set(answer), route


@pytest.fixture
def described(tmp_path: Path) -> dict[str, Any]:
    """The description of a service that holds nothing."""
    app = create_app(settings_in(tmp_path), clock=now)
    app.state.service.database.close()
    found: dict[str, Any] = app.openapi()
    return found


def test_every_answer_has_an_example(described: dict[str, Any]) -> None:
    for path, item in described["paths"].items():
        for method, operation in item.items():
            for status, answer in operation["responses"].items():
                if status.startswith("2") and f"{method} {path}" not in WITHOUT:
                    assert "example" in answer["content"]["application/json"], (method, path, status)


def test_the_description_is_the_one_that_was_agreed(described: dict[str, Any]) -> None:
    """A change of the API shows in a file that people read; `make docs` accepts it."""
    text = json.dumps(described, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if WRITE:
        DESCRIPTION.write_text(text, encoding="utf-8")
    assert DESCRIPTION.read_text(encoding="utf-8") == text
