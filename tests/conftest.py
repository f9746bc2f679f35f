"""What holds for all tests: none of them fails for being slow."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("fangpin", deadline=None)
settings.load_profile("fangpin")
