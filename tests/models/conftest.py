"""A small bundle and a few hundred households for every test of the models."""

import pytest

from features.build import FeatureFrame
from models.bundle import Bundle
from tests.models.examples import make_bundle, make_frame


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """A small complete bundle."""
    return make_bundle()


@pytest.fixture(scope="session")
def frame() -> FeatureFrame:
    """A few hundred households."""
    return make_frame(400)
