"""Runs commands of the service in this process: a process of its own would mostly import."""

from __future__ import annotations

import sys
from typing import NamedTuple

import pytest

from service.cli import main


class Done(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


def run_command(capsys: pytest.CaptureFixture[str], *command: str) -> Done:
    """Runs `python -m service …`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["service", *command])
        with pytest.raises(SystemExit) as ended:
            main()
    code, shown = ended.value.code, capsys.readouterr()
    return Done(code if isinstance(code, int) else 0, shown.out, shown.err)
