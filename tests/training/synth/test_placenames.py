"""The made-up names of a synthetic county's places: all of them, and such as the service can show."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from service.regions import names_in
from training.synth.__main__ import app
from training.synth.block import village_codes
from training.synth.preset import available, load


@pytest.mark.parametrize("county", available())
def test_every_place_has_a_name_that_is_plainly_made_up(tmp_path, county):
    done = CliRunner().invoke(app, ["names", "--county", county, "--out", str(tmp_path / "regions.csv")])
    assert done.exit_code == 0, done.output
    names = names_in(tmp_path / "regions.csv")
    villages = village_codes(load(county))
    assert set(names) == {*villages, *(code[:9] for code in villages)}
    assert len({(code[:9], names[code]) for code in villages}) == len(villages)  # no two villages of a township share a name
    assert all(zh.startswith("虚构") and en.startswith("Made-up") for zh, en in names.values())
