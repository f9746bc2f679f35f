"""On PostgreSQL the commands of docs/deploy.md, as they stand there, give back the same list."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from service.audit import verify
from service.auth import Role
from tests.service import made_up
from tests.service.postgres import Server, programs
from tests.service.sites import Site, running

PAGE = Path(__file__).parents[2] / "docs" / "deploy.md"
LIST = "/api/v1/risk-list?limit=500"


def documented() -> list[str]:
    """The command that backs up, and the one that restores."""
    block = re.search(r"With PostgreSQL, while it serves.*?```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    return block[1].splitlines()


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_a_restored_copy_serves_the_same_list(own_site: Site, postgres: Server, tmp_path: Path) -> None:
    files, name = own_site.settings.audit_dir.parent, own_site.database.engine.url.database
    headers = own_site.headers()
    before = own_site.client.get(LIST, headers=headers).json()
    assert len(before["items"]) > 100
    environment = {**os.environ, "PATH": f"{programs()}:{os.environ['PATH']}", "PGHOST": str(postgres.folder), "PGUSER": "fangpin"}
    back_up, restore = documented()

    def run(command: str, folder: Path) -> None:
        own = command.replace(" fangpin ", f" {name} ")
        done = subprocess.run(["bash", "-euc", own], cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    office, elsewhere = tmp_path / "office", tmp_path / "elsewhere"
    office.mkdir()
    (office / "var").symlink_to(files)
    run(back_up, office)
    postgres.drop(str(name))
    elsewhere.mkdir()
    (office / "backups").rename(elsewhere / "backups")
    run(restore, elsewhere)
    var = elsewhere / "var"
    settings = own_site.settings.model_copy(update={"bundle_dir": var / "bundles", "audit_dir": var / "audit"})
    assert verify(settings.audit_dir).broken is None
    with running(settings) as site:
        assert site.client.get(LIST, headers=headers).json() == before
        assert site.client.get("/readyz").status_code == 200
        # What is written from here on takes numbers that are free.
        assert site.client.get(LIST, headers=site.headers(Role.COUNTY, made_up.COUNTY)).json() == before
