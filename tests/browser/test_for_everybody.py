"""Pages that anybody can use: named fields, headings in order, tables that say what their cells are, no sideways scrolling."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from service.auth import Role
from tests.browser import chromium
from tests.browser.conftest import Token
from tests.service import made_up

PATHS = ("/", "/overview", "/changes", "/ledgers", "/imports", "/model", "household")
SIZES = ((390, 844), (1366, 768), (1920, 1080))
FAULTS = """() => {
  const faults = [];
  const seen = (e) => e.checkVisibility();
  for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
    if (!field.labels?.length && !field.ariaLabel) faults.push("no label: " + field.outerHTML.slice(0, 80));
  for (const button of document.querySelectorAll("button, a[href]"))
    if (seen(button) && !button.innerText.trim() && !button.ariaLabel) faults.push("no name: " + button.outerHTML.slice(0, 80));
  for (const cell of document.querySelectorAll("th")) if (!cell.scope) faults.push("no scope: " + cell.innerText);
  for (const image of document.querySelectorAll("svg:not([aria-hidden=true]), img"))
    if (!image.getAttribute("aria-label") && !image.alt) faults.push("not described: " + image.outerHTML.slice(0, 80));
  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
    const now = Number(heading.tagName[1]);
    if (now > level + 1) faults.push("heading skips a level: " + heading.innerText);
    level = now;
  }
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  if (new Set(ids).size !== ids.length) faults.push("ids twice: " + ids.filter((id, at) => ids.indexOf(id) !== at));
  for (const name of ["header", "main", "footer"]) if (document.querySelectorAll("body > " + name).length !== 1) faults.push("no " + name);
  for (const element of document.querySelectorAll("[aria-labelledby], [aria-describedby]"))
    for (const id of ["aria-labelledby", "aria-describedby"].flatMap((name) => element.getAttribute(name)?.split(" ") ?? []))
      if (!document.getElementById(id)) faults.push("points nowhere: " + id);
  if (document.querySelector("[style]")) faults.push("inline style");
  // Nobody knows the reader's fonts: some are a tenth wider than those here.
  for (const wider of ["", ".05em"]) {
    document.documentElement.style.letterSpacing = wider;
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    if (wide > 0) faults.push(`scrolls sideways by ${wide}` + (wider && " in a wide font"));
  }
  document.documentElement.style.letterSpacing = "";
  return faults;
}"""


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_pages_are_usable_by_everybody_at_every_size(found: Browser, url: str, token: Token, size: tuple[int, int]) -> None:
    with chromium.desk(found, url, viewport={"width": size[0], "height": size[1]}) as desk:
        desk.go("/sign-in")
        faults = {"/sign-in": desk.page.evaluate(FAULTS)}
        desk.sign_in(token(Role.COUNTY, made_up.COUNTY))
        for path in PATHS:
            if path == "household":
                desk.go("/")
                desk.page.locator("table.list th a").first.click()
            else:
                desk.go(path)
            for language in ("zh", "en"):
                desk.go(desk.page.url.removeprefix(url).partition("?")[0] + f"?lang={language}")
                faults[f"{path} {language}"] = desk.page.evaluate(FAULTS)
        assert {path: found for path, found in faults.items() if found} == {}
        assert desk.wrong == []
