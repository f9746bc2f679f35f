"""Generates the register of a synthetic county, block by block, so that memory does not grow with the number of households."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from features.errors import UserError
from features.policy import shipped
from features.tables import TABLES
from training.synth import preset as presets
from training.synth.block import CELL, Plan, Span
from training.synth.county import simulate
from training.synth.writer import TRUTH, describe, write_block

LARGEST_BLOCK = 5_000  # about 200 MB a process
FIRST_YEAR, LAST_YEAR = 2016, 2025  # of the synthetic line table


class SynthError(UserError):
    """A county that cannot be generated as asked."""


@dataclass(frozen=True)
class Order:
    """What is ordered: everything that decides the content of the register."""

    county: str
    households: int
    first: int
    last: int
    seed: int
    dirt: float = 0.02

    def plan(self) -> Plan:
        """The plan of the simulation.

        Raises:
            SynthError: with all that is wrong with the order.
        """
        faults = []
        if self.households < 1:
            faults.append("户数至少为 1 households must be at least 1")
        if not FIRST_YEAR <= self.first <= self.last <= LAST_YEAR:
            faults.append(f"年份须在此范围内，且起始不晚于截止 years must lie in {FIRST_YEAR}–{LAST_YEAR}, from before to")
        if self.last - self.first < 1:
            faults.append("至少需要两年 at least two years are needed")
        if not 0 <= self.dirt <= 0.5:
            faults.append("错误率须在 0–0.5 dirt lies between 0 and 0.5")
        if self.seed < 0:
            faults.append("种子不能为负 the seed must not be negative")
        if faults:
            raise SynthError("无法生成合成县 the county cannot be generated:\n  " + "\n  ".join(faults))
        span = Span(self.first, self.last)
        return Plan(presets.load(self.county), self.households, span, self.seed, self.dirt, shipped.load(synthetic=True))


def generate(
    order: Order, out: Path, *, block: int = 0, workers: int = 1, progress: Callable[[int], None] = lambda _: None
) -> dict[str, int]:
    """Generates a county and writes its register to a folder.

    Args:
        order: which county.
        out: the folder; an earlier register in it is replaced, anything else in it is an error.
        block: households simulated together, a multiple of a thousand; 0 lets their number decide. The rows do not depend on it, the
            way they are parted into files does.
        workers: processes; the content does not depend on it.
        progress: called with the number of households finished.

    Returns:
        rows by table.

    Raises:
        SynthError: the order cannot be met or the folder holds something else.
    """
    plan = order.plan()
    block = block or max(CELL, min(LARGEST_BLOCK, order.households // 8 // CELL * CELL))
    if block % CELL or block <= 0:
        raise SynthError(f"每块户数须为 {CELL} 的倍数 blocks hold whole thousands of households, not {block}")
    _clear(out)
    bounds = [(start, min(start + block, order.households)) for start in range(0, order.households, block)]
    counts = dict.fromkeys((name for name in TABLES if name != "indicators"), 0)
    for finished, rows in _run(order, out, bounds, min(workers, len(bounds))):
        progress(finished)
        for name, number in rows.items():
            counts[name] += number
    describe(
        out,
        {
            "county": plan.preset.county,
            "synthetic": True,
            "known_until": dt.date(order.last, 12, 31).isoformat(),
            "seed": order.seed,
            "households": order.households,
            "from": order.first,
            "to": order.last,
            "note": f"合成数据 synthetic data: preset {order.county}, dirt {order.dirt:g}; no real person stands behind any row",
        },
    )
    return counts


def _run(order: Order, out: Path, bounds: list[tuple[int, int]], workers: int) -> Iterator[tuple[int, dict[str, int]]]:
    if workers <= 1:
        for part, (start, stop) in enumerate(bounds):
            yield _block(order, out, part, start, stop)
        return
    context = multiprocessing.get_context("spawn")  # forking a process that runs threads is not safe
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        waiting = [pool.submit(_block, order, out, part, start, stop) for part, (start, stop) in enumerate(bounds)]
        for done in as_completed(waiting):
            yield done.result()


def _block(order: Order, out: Path, part: int, start: int, stop: int) -> tuple[int, dict[str, int]]:
    return stop - start, write_block(simulate(order.plan(), start, stop), out, part, order.dirt)


def _clear(out: Path) -> None:
    """Removes an earlier register; refuses to touch a folder that holds anything else."""
    ours = {*TABLES, TRUTH, "register.yaml"}
    if out.exists():
        strange = sorted(path.name for path in out.iterdir() if path.name not in ours)
        if strange:
            raise SynthError(f"目录中有其他内容 {out} holds other things: {', '.join(strange[:5])}; name an empty folder 请指定空目录")
        for path in out.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    out.mkdir(parents=True, exist_ok=True)
