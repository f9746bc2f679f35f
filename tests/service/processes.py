"""Processes that a process has started."""

from __future__ import annotations

from pathlib import Path


def children(parent: int) -> list[int]:
    """Ids of the processes that a process has started and that still run."""
    started = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, of = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has ended meanwhile
            continue
        if int(of) == parent and state != "Z":
            started.append(int(stat.parent.name))
    return started
