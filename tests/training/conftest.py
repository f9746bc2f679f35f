"""A small synthetic county, generated once, for the tests of training."""

from pathlib import Path

import pytest

from features.policy.registry import Policy
from features.policy.shipped import load as load_policy
from features.read import read_register
from features.register import Register
from training.county import Judged, train
from training.fit import Settings
from training.synth.generate import Order, generate

QUICK = Settings(seeds=1, most_rounds=60, leaf_rows=40, threads=1)
KEY = b"tests only, never a real key 0123"


@pytest.fixture(scope="session")
def county_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("county") / "register"
    generate(Order("jinsha", 2500, 2016, 2021, 7), folder, block=5000, workers=1)
    return folder


@pytest.fixture(scope="session")
def county(county_folder: Path) -> Register:
    return read_register(county_folder, KEY).register


@pytest.fixture(scope="session")
def policy() -> Policy:
    return load_policy(synthetic=True)


@pytest.fixture(scope="session")
def judged(county: Register, policy: Policy) -> Judged:
    return train(county, policy, step_months=6, settings=QUICK, force=True)
