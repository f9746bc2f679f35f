"""No score and no visit changes a status: whether a household is monitored is decided by people, and comes in with data only."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from sqlalchemy import func, select

from service import cli
from service.auth import Right
from service.storage.tables import clues, register_ids, register_state, register_tables, register_words, visits
from tests.service import made_up
from tests.service.sites import Site

TABLES = "service.storage.tables"
SERVICE = Path(__file__).parents[2] / "service"
REGISTER = (register_ids, register_words, register_state, *register_tables.values())

# What brings data in, or takes old data away, changes the register by what people decided elsewhere. Every other command is run below.
BRINGS_DATA = {"import", "run-imports", "restore", "upgrade"}
AWAY_FROM_DATA = {"serve": "routes are asked one by one", "key": "writes a file"}
WORDS: dict[str, list[str]] = {
    "score": ["--again"],
    "model use": ["previous"],
    "reproduce": ["--household", "{household}", "--as-of", made_up.AS_OF.isoformat()],
    "token create": ["--role", "village", "--region", made_up.VILLAGES[0]],
    "token revoke": ["1"],
    "export": ["--register", "{folder}"],
}


def register_of(site: Site) -> dict[str, list[Any]]:
    """Everything that is stored of households, statuses and help among it."""
    with site.database.reading() as connection:
        return {table.name: sorted(map(repr, connection.execute(select(table)))) for table in REGISTER}


def household_of(site: Site) -> str:
    with site.database.reading() as connection:
        return str(connection.execute(select(func.min(clues.c.household_id))).scalar_one())


def clue_of(site: Site, household: str) -> str:
    with site.database.reading() as connection:
        return f"clue:{connection.execute(select(func.min(clues.c.id)).where(clues.c.household_id == household)).scalar_one()}"


def rights_asked(dependant: Dependant) -> Iterator[Right]:
    right = getattr(dependant.call, "right", None)
    if right is not None:
        yield right
    for below in dependant.dependencies:
        yield from rights_asked(below)


def routes(some: Iterable[Any]) -> Iterator[APIRoute]:
    for route in some:
        inner = getattr(route, "original_router", route)
        if isinstance(inner, APIRoute):
            yield inner
        elif hasattr(inner, "routes"):
            yield from routes(inner.routes)


def commands(group: Any, before: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        path = f"{before} {name}".strip()
        if hasattr(command, "commands"):
            yield from commands(command, path)
        else:
            yield path


def test_no_route_but_an_import_changes_what_is_stored_of_a_household(own_site: Site, households: list[made_up.Household]) -> None:
    household, headers, before = household_of(own_site), own_site.headers(), register_of(own_site)
    bodies: dict[str, Any] = {
        "/api/v1/households/{household_id}/visits": {"visited_on": "2024-02-03", "reason": "list", "found": "risk"},
        "/api/v1/households/{household_id}/notes": {"about": clue_of(own_site, household), "note": "已联系"},
        "/api/v1/scores": {"as_of": made_up.AS_OF.isoformat(), "households": households[:3]},
    }
    answered: dict[str, int] = {}
    app: Any = own_site.client.app
    for route in routes(app.routes):
        if Right.IMPORT in rights_asked(route.dependant):
            continue
        path = re.sub(r"\{[^}]*\}", "1", route.path.replace("{household_id}", household))
        for method in sorted(route.methods):
            body = bodies.get(route.path, {}) if method not in {"GET", "HEAD"} else None
            answer = own_site.client.request(method, path, headers=headers, json=body, follow_redirects=False)
            answered[f"{method} {route.path}"] = answer.status_code
    assert answered["POST /api/v1/households/{household_id}/visits"] == 201
    assert answered["POST /api/v1/households/{household_id}/notes"] == 201
    assert answered["POST /api/v1/scores"] == 200
    assert len(answered) > 10
    assert register_of(own_site) == before


def test_no_command_but_an_import_changes_what_is_stored_of_a_household(
    own_site: Site, households: list[made_up.Household], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("database_url", "bundle_dir", "pseudonym_key", "uploads_dir"):
        monkeypatch.setenv(f"FANGPIN_{name.upper()}", str(getattr(own_site.settings, name)))
    made_up.promote(made_up.train(households, seed=51), own_site.settings.bundle_dir)
    known, before = set(commands(typer.main.get_command(cli.app))), register_of(own_site)
    household = household_of(own_site)
    assert {"import", "score", "model use", "reproduce"} <= known
    ended = {}
    for command in sorted(known - BRINGS_DATA - set(AWAY_FROM_DATA)):
        if set(command.split()) & BRINGS_DATA:
            continue
        words = [word.format(household=household, folder=tmp_path / "out") for word in WORDS.get(command, [])]
        monkeypatch.setattr(sys, "argv", ["service", *command.split(), *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        ended[command] = end.value.code or 0
    assert {name: ended[name] for name in ("score", "model use", "reproduce")} == {"score": 0, "model use": 0, "reproduce": 0}
    assert register_of(own_site) == before


def writers(*prefixes: str) -> set[str]:
    """The files that know a table of such a name and write to any table at all."""
    found = set()
    for path in sorted(SERVICE.rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        imported = [name.name for node in nodes if isinstance(node, ast.ImportFrom) for name in node.names if node.module == TABLES]
        called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
        if called & {"insert", "update", "delete", "insert_columns"} and any(name.startswith(prefixes) for name in imported):
            found.add(path.relative_to(SERVICE).as_posix())
    return found


def test_the_register_is_written_by_imports_and_visits_by_their_store_alone() -> None:
    """Whatever a route or a command does, it reaches these tables through no other file; a copied database holds them as they are."""
    assert writers("register_") - {"storage/copying.py"} == {"storage/import_store.py"}
    assert writers("visits") - {"storage/copying.py"} == {"storage/visit_store.py"}
    assert writers("note") - {"storage/copying.py"} == {"storage/note_store.py"}
    assert writers("clue") - {"storage/copying.py"} == {"storage/clue_store.py"}


def test_a_note_is_only_ever_added() -> None:
    text = (SERVICE / "storage" / "note_store.py").read_text(encoding="utf-8")
    assert re.findall(r"\b(?:update|delete)\((\w+)\)", text) == ["note_demands"]


def test_a_visit_is_only_ever_added(own_site: Site) -> None:
    text = (SERVICE / "storage" / "visit_store.py").read_text(encoding="utf-8")
    assert re.findall(r"\b(update|delete)\(", text) == []
    with own_site.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(visits)).scalar_one() == 0
