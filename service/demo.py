"""The demonstration: tokens that may be shown, the file that says where everything is, and lines to paste.

Only for registers of made-up households: with real data behind it no token is ever printed unasked.
"""

from __future__ import annotations

import json
import os
import shlex
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import select

from features.errors import UserError
from service.api.context import Service
from service.auth import Role, check_grant
from service.regions import COUNTY_DIGITS, TOWN_DIGITS
from service.safety import DEMO_LABEL
from service.storage.score_store import active
from service.storage.tables import scores
from service.storage.token_store import create_token, find_token, revoke_tokens

LABEL = DEMO_LABEL
POLL_SECONDS = 0.2
PATIENCE_SECONDS = 120.0


def prepare(service: Service, url: str, path: Path) -> dict[str, Any]:
    """What the demo file will say: address, tokens and the list's date; tokens of an earlier run are used again while they are good.

    Args:
        service: with a list in use.
        url: where it will answer.
        path: the demo file, read if it is there.

    Raises:
        UserError: there is no list yet, or it is about real households.
    """
    with service.database.reading() as connection:
        current = active(connection)
        if current is None:
            raise UserError("还没有名单 there is no list yet: run python -m service import DIR, then python -m service score")
        if not current.synthetic:
            raise UserError(
                "演示令牌只用于合成数据 demo tokens are made for synthetic registers only; make real ones: python -m service token create"
            )
        # Where the list is hottest: the demo's township and village staff then have something to see.
        first = connection.execute(
            select(scores.c.village)
            .where(scores.c.list_version == current.list_version, scores.c.village != "")
            .order_by(scores.c.risk.desc(), scores.c.household_id)
            .limit(1)
        ).scalar_one()
    regions = {
        Role.COUNTY: first[:COUNTY_DIGITS],
        Role.TOWNSHIP: first[:TOWN_DIGITS],
        Role.VILLAGE: first,
        Role.DASHBOARD: first[:COUNTY_DIGITS],
    }
    tokens = _earlier(service, path, regions) or _new(service, regions)
    return {
        "url": url,
        "tokens": tokens,
        "regions": {role.value: region for role, region in regions.items()},
        "as_of": current.as_of,
        "list_version": current.list_version,
        "model_version": current.model_version,
        "synthetic": True,
    }


def _earlier(service: Service, path: Path, regions: dict[Role, str]) -> dict[str, str] | None:
    try:
        tokens = json.loads(path.read_text(encoding="utf-8"))["tokens"]
        with service.database.reading() as connection:
            for role, region in regions.items():
                row = find_token(connection, tokens[role.value], service.clock())
                if row is None or (row.role, row.region) != (role.value, region):
                    return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return {role.value: tokens[role.value] for role in regions}


def _new(service: Service, regions: dict[Role, str]) -> dict[str, str]:
    now, days = service.clock(), service.settings.token_days
    tokens = {}
    with service.database.writing() as connection:
        revoke_tokens(connection, now, label=LABEL)
        for role, region in regions.items():
            check_grant(role, region)
            tokens[role.value] = create_token(connection, role.value, region, label=LABEL, now=now, days=days)[0]
    return tokens


def write(path: Path, content: dict[str, Any]) -> None:
    """Writes the demo file at one stroke, readable by its owner only: it holds tokens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        json.dump(content, out, ensure_ascii=False, indent=2)
    beside.replace(path)


def lines(content: dict[str, Any]) -> list[str]:
    """Three commands to paste: this week's list, the counts a dashboard polls, and one household scored on the spot."""
    url, tokens = content["url"], content["tokens"]
    household = {
        "household_id": "demo-1",
        "village_code": content["regions"]["village"],
        "status": "ordinary",
        "sharing_size": 4,
        "members": [
            {"member_id": "1", "relation_to_head": "head", "birth_year": 1968, "labour_ability": "ordinary"},
            {"member_id": "2", "relation_to_head": "spouse", "birth_year": 1970, "chronic_disease": True},
        ],
        "incomes": [{"source": "wage", "period_start": f"{_year(content)}-01", "period_end": f"{_year(content)}-12", "amount": 34000}],
        "events": [{"event_kind": "illness_bill", "occurred_on": f"{_year(content)}-09-10", "amount": 60000, "oop_compliant": 21000}],
    }
    body = json.dumps({"households": [household]}, ensure_ascii=False)
    return [
        f'curl -s -H "Authorization: Bearer {tokens["village"]}" "{url}/api/v1/risk-list?limit=3"',
        f'curl -s -H "Authorization: Bearer {tokens["dashboard"]}" "{url}/api/v1/summary"',
        f'curl -s -H "Authorization: Bearer {tokens["county"]}" -H "Content-Type: application/json" '
        f"{url}/api/v1/scores -d {shlex.quote(body)}",
    ]


def _year(content: dict[str, Any]) -> int:
    """The last year that has wholly passed on the list's date."""
    year, month, day = (int(part) for part in content["as_of"].split("-"))
    return year if (month, day) == (12, 31) else year - 1


def when_ready(url: str, started: Callable[[], bool], then: Callable[[], None], otherwise: Callable[[str], None]) -> threading.Thread:
    """Waits beside the server until /readyz answers, then acts.

    Args:
        url: of the service.
        started: whether this process listens there; until then another one might answer.
        then: called once it is ready.
        otherwise: called with why it did not become so.
    """

    def wait() -> None:
        last = ""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            if not started():
                time.sleep(POLL_SECONDS)
                continue
            try:
                with urllib.request.urlopen(f"{url}/readyz", timeout=5):  # noqa: S310 (the service's own address)
                    then()
                    return
            except urllib.error.HTTPError as error:
                last = json.loads(error.read()).get("detail", str(error))
            except OSError as error:
                last = str(error)
            time.sleep(POLL_SECONDS)
        otherwise(last)

    thread = threading.Thread(target=wait, name="demo-file", daemon=True)
    thread.start()
    return thread
