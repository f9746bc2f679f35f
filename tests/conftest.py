"""What holds for all tests: none of them fails for being slow."""

from __future__ import annotations

import gc

from hypothesis import settings

settings.register_profile("fangpin", deadline=None)
settings.load_profile("fangpin")


# What is collected stays to the end: looking through it for rubbish, over and over, would cost a minute of the whole run.
gc.disable()


def pytest_collection_finish() -> None:
    """Sets what was collected apart before the tests begin."""
    gc.collect()
    gc.freeze()
    gc.enable()
