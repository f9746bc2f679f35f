"""Pictures of the pages for the README, taken from the demonstration county: `make screenshots`."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

from service.app import create_app
from service.auth import Role
from service.clock import utc_now
from service.settings import Settings
from service.storage.database import Database
from service.storage.score_store import active
from service.storage.token_store import create_token, revoke_tokens
from tests.browser import chromium

LABEL = "screenshots"
SMALL, MIDDLE, LARGE = (390, 844), (1366, 768), (1920, 1080)
PICTURES = (
    ("list", Role.COUNTY, "/?tier=orange", MIDDLE),
    ("list-phone", Role.COUNTY, "/?tier=orange", SMALL),
    ("household", Role.COUNTY, "household", MIDDLE),
    ("overview", Role.COUNTY, "/overview", MIDDLE),
    ("wall", Role.KIOSK, "/overview", LARGE),
)


def take(settings: Settings, folder: Path) -> list[Path]:
    """Takes all pictures of a service with made-up data."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    with closing(Database(settings.database_url)) as database, chromium.browser() as browser, chromium.serving(create_app(settings)) as url:
        with database.writing() as connection:
            record = active(connection)
            assert record is not None, "there is no list: run make demo first"
            assert record.synthetic, "pictures are taken of made-up data only"
            roles = {role for _, role, _, _ in PICTURES}
            tokens = {role: create_token(connection, role.value, record.county, label=LABEL, now=utc_now(), days=1)[0] for role in roles}
        for name, role, path, (width, height) in PICTURES:
            with chromium.desk(browser, url, viewport={"width": width, "height": height}) as desk:
                desk.sign_in(tokens[role])
                desk.go("/?tier=orange" if path == "household" else path)
                if path == "household":
                    desk.page.locator("table.list th a").first.click()
                taken.append(folder / f"{name}.png")
                desk.page.screenshot(path=taken[-1])
                assert desk.wrong == []
        with database.writing() as connection:
            revoke_tokens(connection, utc_now(), label=LABEL)
    return taken


if __name__ == "__main__":
    for picture in take(Settings(), Path(sys.argv[1])):
        sys.stdout.write(f"{picture}\n")
