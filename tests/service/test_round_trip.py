"""A county trained from its files and one trained from what the service stored of them give one and the same model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from features.policy.shipped import load as load_policy
from features.read import read_register
from features.register import Register
from models.bundle import Bundle, write
from service.exporting import export_register
from service.importing import import_register
from service.storage.database import Database
from tests.service.sites import now
from training.county import train
from training.fit import DEFAULTS
from training.synth.generate import Order, generate

KEY = b"tests only, never a real key 0123"
HOUSEHOLDS = 700


def trained(register: Register) -> Bundle:
    quick = replace(DEFAULTS, seeds=1, most_rounds=30)
    return train(register, load_policy(synthetic=True), step_months=12, settings=quick, force=True, leave_town_out=False).bundle


@pytest.mark.slow
def test_the_model_of_the_export_is_the_model_of_the_files(database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "register"
    generate(Order("jinsha", HOUSEHOLDS, 2016, 2021, 7), folder, block=5000, workers=1)
    import_register(database, folder, KEY, months=None, uploads=tmp_path / "uploads", clock=now)
    export_register(database, tmp_path / "export")
    of_files, of_export = (read_register(source, key).register for source, key in ((folder, KEY), (tmp_path / "export", None)))
    assert of_files.info.digest == of_export.info.digest
    one, other = trained(of_files), trained(of_export)
    written = [write(bundle, tmp_path / name) for bundle, name in ((one, "one"), (other, "other"))]
    assert written[0].version == written[1].version
    for path in sorted((tmp_path / "one").rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "other" / path.relative_to(tmp_path / "one")).read_bytes(), path.name
