"""Area codes: 6 digits are a county, 9 a township, 12 a village; each begins with the code of what it lies in."""

from __future__ import annotations

import re

COUNTY_DIGITS, TOWN_DIGITS, VILLAGE_DIGITS = 6, 9, 12
LEVELS = {COUNTY_DIGITS: "county", TOWN_DIGITS: "town", VILLAGE_DIGITS: "village"}
REGION_PATTERN = "^[0-9]{6}(?:[0-9]{3}){0,2}$"
REGION = re.compile(REGION_PATTERN.removesuffix("$") + r"\Z")
