"""The description of the API holds together and says what the routes do."""

from __future__ import annotations

from typing import Any

from features.household import SCORED_TABLES
from features.tables import TABLES
from tests.service.sites import Site


def references(part: Any) -> list[str]:
    """Every $ref below a part of the description."""
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [found for inner in part.values() for found in references(inner)]
    return [found for inner in part for found in references(inner)] if isinstance(part, list) else []


def test_every_reference_leads_somewhere(site: Site) -> None:
    described = site.client.get("/openapi.json", headers=site.headers()).json()
    found = references(described)
    assert "#/components/schemas/ProblemAnswer" in found
    for reference in found:
        part = described
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]
        assert part


def test_every_field_of_a_household_is_described_with_its_chinese_name(site: Site) -> None:
    described = site.client.get("/openapi.json", headers=site.headers()).json()
    body = described["paths"]["/api/v1/scores"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    household = body["properties"]["households"]["items"]["properties"]
    assert set(SCORED_TABLES) <= set(household)
    for name in SCORED_TABLES:
        fields = household[name]["items"]["properties"]
        for column in TABLES[name].columns:
            if column.name != "household_id":
                assert column.zh in fields[column.name]["description"]


def test_every_api_route_says_that_it_needs_a_token_and_how_it_fails(site: Site) -> None:
    described = site.client.get("/openapi.json", headers=site.headers()).json()
    for path, operations in described["paths"].items():
        for operation in operations.values():
            assert ("security" in operation) == path.startswith("/api/"), path
            if path.startswith("/api/"):
                assert {"401", "403", "422", "503"} <= set(operation["responses"])
                assert list(operation["responses"]["422"]["content"]) == ["application/problem+json"]
