"""Ready means ready; what lacks is said with what to do. A model that cannot be used never replaces one that can."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from models import pointer
from models.errors import BundleError
from service.bundles import ActiveBundle
from tests.service import made_up
from tests.service.sites import Site


def test_alive_is_not_ready(empty_site: Site) -> None:
    assert empty_site.client.get("/healthz").json() == {"status": "alive"}
    answer = empty_site.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].endswith("not ready: list, bundle, pseudonym_key")
    assert answer.json()["errors"] == []
    told = empty_site.client.get("/readyz", headers=empty_site.headers()).json()["errors"]
    assert [error["field"] for error in told] == ["list", "bundle", "pseudonym_key"]
    assert "python -m service score" in told[0]["message"]


def test_ready_with_database_model_list_and_key(own_site: Site) -> None:
    assert own_site.client.get("/readyz").json() == {"status": "ready"}
    own_site.settings.pseudonym_key.unlink()
    assert [error["field"] for error in own_site.client.get("/readyz", headers=own_site.headers()).json()["errors"]] == ["pseudonym_key"]


def test_a_promoted_model_is_taken_up_while_running(own_site: Site, households: list[made_up.Household]) -> None:
    body = {"as_of": "2023-12-31", "households": households[:1]}
    headers = own_site.headers()
    before = own_site.client.post("/api/v1/scores", json=body, headers=headers).json()
    version = made_up.promote(made_up.train(households, seed=2), own_site.settings.bundle_dir)
    own_site.client.app.state.service.bundle.look()  # the watcher would within a second
    after = own_site.client.post("/api/v1/scores", json=body, headers=headers).json()
    assert before["model_version"] != version == after["model_version"]
    assert before["items"][0]["probability"] != after["items"][0]["probability"]


def test_a_tampered_model_is_refused_and_the_previous_one_stays(own_site: Site, households: list[made_up.Household]) -> None:
    folder = own_site.settings.bundle_dir
    active = ActiveBundle(folder)
    good = active.current().version
    version = made_up.promote(made_up.train(households, seed=3), folder)
    member = folder / version / "members" / "00.txt"
    member.write_text(member.read_text().replace("leaf_value=", "leaf_value=9", 1))
    assert active.current().version == good
    with pytest.raises(BundleError, match="members/00"):
        ActiveBundle(folder).current()
    made_up.promote(made_up.train(households, seed=4), folder)
    assert active.current().version not in {good, version}


def test_who_signs_in_is_told_that_a_promoted_model_was_refused(own_site: Site) -> None:
    headers = own_site.headers()
    (own_site.settings.bundle_dir / "active.json").write_text('{"version": "gone"}')
    own_site.client.app.state.service.bundle.look()
    assert own_site.client.get("/readyz", headers=headers).json()["refused"]["see"] == "/api/v1/model"
    assert own_site.client.get("/readyz").json() == {"status": "ready"}


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"version": 3}', '{"version": "../elsewhere"}', '{"version": ".."}', '{"version": "a/b"}']
)
def test_a_pointer_that_points_nowhere_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "active.json").write_text(content)
    with pytest.raises(BundleError, match=r"active\.json"):
        pointer.read(tmp_path)


def test_starting_the_service_loads_no_table_or_spreadsheet_reader() -> None:
    heavy = ("pandera", "alembic", "python_calamine", "xlsxwriter", "mlflow", "features.read")
    code = f"import sys, service.__main__, service.app; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
