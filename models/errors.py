"""Errors of model files that a user can mend."""

from __future__ import annotations

from pathlib import Path

from features.errors import UserError


class BundleError(UserError):
    """A model folder cannot be used as it is: says which file, what is wrong, and what to do."""

    def __init__(self, folder: Path | None, file: str, reason: str, remedy: str) -> None:
        where = file if folder is None else f"{folder.name}/{file}" if file else folder.name
        super().__init__(f"模型包 model bundle {where}: {reason} → {remedy}")
        self.file = file
        self.reason = reason
        self.remedy = remedy
