"""Large scoring requests are worked off in a process of their own, whose end is nobody's end."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

from service.auth import Role
from tests.service import made_up
from tests.service.processes import children
from tests.service.sites import Site

PATIENCE = 60.0


def post(site: Site, households: list[made_up.Household]) -> Any:
    content = {"as_of": made_up.AS_OF.isoformat(), "households": households}
    return site.client.post("/api/v1/scores", json=content, headers=site.headers(Role.COUNTY, made_up.COUNTY))


def started_since(before: set[int]) -> list[int]:
    """The processes started meanwhile, as soon as there is one."""
    until = time.monotonic() + PATIENCE
    while not (found := [one for one in children(os.getpid()) if one not in before]):
        assert time.monotonic() < until, "no process was started"
        time.sleep(0.01)
    return found


def test_a_process_that_is_lost_is_told_as_such_and_the_next_request_gets_a_new_one(
    own_site: Site, households: list[made_up.Household]
) -> None:
    before = set(children(os.getpid()))
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(post(own_site, households)))
    asking.start()
    for process in started_since(before):
        os.kill(process, signal.SIGKILL)
    asking.join(PATIENCE)
    assert (answers[0].status_code, answers[0].json()["type"]) == (503, "urn:fangpin:problem:not-ready")
    assert "fewer households" in answers[0].json()["detail"]
    assert post(own_site, households).status_code == 200


def test_large_requests_are_scored_by_the_model_in_use_whatever_became_of_its_folder(
    own_site: Site, households: list[made_up.Household]
) -> None:
    small = post(own_site, households[:1])
    made_up.tamper(own_site.settings.bundle_dir / small.json()["model_version"])
    large = post(own_site, households)
    assert large.status_code == 200
    assert large.json()["model_version"] == small.json()["model_version"]
    assert large.json()["items"][0]["probability"] == small.json()["items"][0]["probability"]
