"""Measures what docs/performance.md states, on the machine it runs on: `make bench`.

Every figure stands beside an anchor measured in the same minute (a one-row and a bulk `Booster.predict`, an addition of two one-element
arrays), because machines differ and ratios last longer than milliseconds.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from features.build import build, look
from features.household import from_nested
from features.policy.judgement import Judgement
from features.policy.language import RULES
from features.policy.shipped import load as load_policy
from features.read import read_register
from models.bundle import load as load_bundle
from models.explain import explain
from models.members import Boosted
from models.scorer import score

MEASURED = "<!-- measured -->"


def microseconds(call: Callable[[], object], repeat: int = 300) -> tuple[float, float]:
    """Median and 99th percentile of one call, µs."""
    for _ in range(20):
        call()
    taken = []
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        taken.append((time.perf_counter() - start) * 1e6)
    return statistics.median(taken), float(np.quantile(taken, 0.99))


def household(as_of: dt.date) -> dict[str, Any]:
    """A household of four with three years of quarterly income, two spells of work and a few bills."""
    quarters = [
        (year, quarter)
        for year in range(as_of.year - 3, as_of.year + 1)
        for quarter in range(4)
        if (year, quarter * 3 + 3) <= (as_of.year, as_of.month)
    ]
    return {
        "household_id": "bench-1",
        "village_code": "520523101001",
        "status": "ordinary",
        "sharing_size": 4,
        "members": [
            {
                "member_id": f"m{i}",
                "relation_to_head": relation,
                "sex": sex,
                "birth_year": born,
                "labour_ability": labour,
                "education": "junior",
            }
            for i, (relation, sex, born, labour) in enumerate(
                [
                    ("head", "male", 1972, "ordinary"),
                    ("spouse", "female", 1975, "weak"),
                    ("child", "male", 2001, "ordinary"),
                    ("parent", "female", 1948, "none"),
                ]
            )
        ],
        "living": [{"dangerous_house": False, "water_safe": True, "tap_water": True, "farmland": 5.2, "house_area": 110}],
        "employment": [
            {"member_id": "m0", "start_date": f"{as_of.year - 2}-03-01", "work_kind": "local", "monthly_wage": 1800},
            {
                "member_id": "m2",
                "start_date": f"{as_of.year - 1}-02-20",
                "work_kind": "migrant",
                "work_region": "outside_province",
                "monthly_wage": 4200,
            },
        ],
        "incomes": [
            {
                "source": source,
                "period_start": f"{year}-{quarter * 3 + 1:02d}",
                "period_end": f"{year}-{quarter * 3 + 3:02d}",
                "amount": amount,
            }
            for year, quarter in quarters
            for source, amount in (("wage", 6100.0), ("business", 1900.0), ("business_expense", 700.0), ("transfer_policy", 450.0))
        ],
        "events": [
            {"event_kind": "illness_bill", "occurred_on": f"{as_of.year - 1}-0{month}-11", "amount": 5200.0, "oop_compliant": 900.0}
            for month in (2, 6, 9)
        ],
        "debts": [{"lender": "microcredit", "balance": 20000.0}],
    }


def one_household(bundle_folder: Path) -> list[tuple[str, str]]:
    """Latency of one household in process, step by step."""
    as_of = dt.date(2024, 12, 31)
    bundle, policy = load_bundle(bundle_folder), load_policy(synthetic=True)
    nested = household(as_of)
    register, problems = from_nested([nested], as_of)
    assert not problems, problems
    frame = build(register, as_of, policy)
    scores = score(bundle, frame)
    x = frame.columns(bundle.features)
    booster = next(member.booster for member in bundle.members if isinstance(member, Boosted))
    one = np.zeros(1)
    rows = [
        ("anchor: adding two one-element arrays", lambda: one + one),
        ("anchor: Booster.predict of one row", lambda: booster.predict(x, num_threads=1)),
        ("nested JSON household → arrays", lambda: from_nested([nested], as_of)),
        ("features.build of one household", lambda: build(register, as_of, policy)),
        ("score of one household", lambda: score(bundle, frame)),
        ("reasons of one household", lambda: explain(bundle, frame, scores, np.array([0]))),
    ]
    out = []
    for name, call in rows:
        median, high = microseconds(call)
        out.append((name, f"{median:,.1f} µs (p99 {high:,.1f})"))
    return out


def bulk(register_folder: Path, bundle_folder: Path, key: bytes) -> list[tuple[str, str]]:
    """Reading, features and scoring of a whole register, in process, step by step."""
    policy, bundle = load_policy(synthetic=True), load_bundle(bundle_folder)
    as_of = dt.date(2024, 12, 31)
    steps: dict[str, float] = {}

    def step(name: str, call: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = call()
        steps[name] = time.perf_counter() - start
        return result

    reading = step("read (36 months)", lambda: read_register(register_folder, key, since=dt.date(2021, 12, 31)))
    register = reading.register
    frame = step("features.build", lambda: build(register, as_of, policy))
    seen = look(register, as_of, policy)
    judged = step("rules that call for a visit", lambda: Judgement(seen, policy))
    step("rules of all other kinds", lambda: [list(judged.held(kind)) for kind in RULES] + [list(judged.owed())])
    step("score", lambda: score(bundle, frame, threads=2))
    X = frame.columns(bundle.features)
    boosted = [member for member in bundle.members if isinstance(member, Boosted)]
    step("bare Booster.predict of the same rows", lambda: [member.booster.predict(X, raw_score=True, num_threads=2) for member in boosted])
    n = len(frame)
    out = [("households", f"{n:,}"), ("income rows read", f"{reading.rows_read['incomes']:,}")]
    out += [(name, f"{seconds:.2f} s ({n / seconds:,.0f} households/s)") for name, seconds in steps.items()]
    return out


def file_to_file(register_folder: Path, bundle: Path, key: Path) -> list[tuple[str, str]]:
    """The command that scores a register folder into a Parquet file, as a process of its own."""
    settings = os.environ | {"FANGPIN_DEMO": "1", "FANGPIN_BUNDLE_DIR": str(bundle.parent), "FANGPIN_PSEUDONYM_KEY": str(key)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "service", "score", "--register", str(register_folder), "--out", folder + "/scores.parquet"],
            check=True,
            env=settings,
            stdout=subprocess.DEVNULL,
        )
        wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return [("Parquet → scores, wall", f"{wall:.1f} s"), ("… cpu", f"{cpu:.1f} s"), ("… peak memory", f"{after.ru_maxrss / 2**20:.2f} GiB")]


def main() -> None:
    """Runs the sections and writes the table."""
    parser = argparse.ArgumentParser(description="性能测量 measures the figures of docs/performance.md")
    parser.add_argument("--register", type=Path, required=True, help="合成县目录 a synthetic register, e.g. of 100,000 households")
    parser.add_argument("--bundle", type=Path, required=True, help="模型目录 a bundle folder")
    parser.add_argument("--key", type=Path, required=True, help="假名密钥 pseudonym key file")
    parser.add_argument("--out", type=Path, help="JSON 输出 figures as JSON")
    parser.add_argument("--only", choices=["one", "bulk", "file"], help="只测一节 one section only")
    args = parser.parse_args()
    sections = {
        "one": ("One household in process 单户", lambda: one_household(args.bundle)),
        "bulk": ("A register in process 全册", lambda: bulk(args.register, args.bundle, bytes.fromhex(args.key.read_text().strip()))),
        "file": ("A register, file to file 文件到文件", lambda: file_to_file(args.register, args.bundle, args.key)),
    }
    figures: dict[str, dict[str, str]] = {"machine": {"python": platform.python_version(), "cores": str(os.cpu_count())}}
    for name, (title, run) in sections.items():
        if args.only in (None, name):
            rows = run()
            figures[title] = dict(rows)
            sys.stdout.write(f"\n{title}\n" + "\n".join(f"  {left:45} {right}" for left, right in rows) + "\n")
    if args.out:
        args.out.write_text(json.dumps(figures, ensure_ascii=False, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
