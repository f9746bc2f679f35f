"""Writes runs down: a trained model with its bundle, figures and card, a back-test with its report; commands and notebooks record alike."""

from __future__ import annotations

from pathlib import Path

from models.bundle import write
from models.figures import calibration, importance
from training.card import model_card
from training.contestants import OURS
from training.county import Judged
from training.county_report import drawn, report
from training.findings import Findings
from training.tracking import Recorded, Tracked, Tracker


def record_model(judged: Judged, home: Path) -> Tracked:
    """Keeps a judged model as the new challenger, its bundle in `home/candidates` and its run in `home/mlflow`."""
    bundle = judged.bundle
    card = bundle.card
    folder = home / "candidates" / bundle.version
    if not folder.exists():
        write(bundle, folder)
    numbers = {
        f"{row['segment'].split(' ')[0]}.{row['model']}.{row['metric']}": row["value"]
        for row in judged.metrics
        if row["value"] is not None and row["model"] == OURS
    }
    return Tracker(home / "mlflow").record(
        bundle.name,
        folder,
        params={
            **{f"fit.{key}": value for key, value in card["settings"].items()},
            "data_version": card["data_version"],
            "policy_version": card["policy_version"],
            "bundle_version": bundle.version,
            "fitted_until": card["dates"]["fit"][-1],
            "calibrated_on": card["dates"]["calibrate"],
            "judged_on": card["dates"]["test"],
        },
        metrics=numbers,
        figures={
            "calibration": calibration(judged.ours.probability, judged.test.y),
            "importance": importance(bundle.importance, {feature.name: feature.zh for feature in bundle.declared}),
        },
        documents={"model-card.md": model_card(card, bundle.version)},
    )


def record_backtest(found: Findings, home: Path) -> Recorded:
    """Keeps what a back-test found as a run of its own, beside those of the models."""
    made = found["made"]
    capacity = {f"{row['model']}.{row['metric']}": row["value"] for row in found["capacity"]["metrics"] if row["value"] is not None}
    ranking = {
        f"{row['model']}.{row['metric']}": row["value"]
        for row in found["standing"]
        if row["value"] is not None and not row["origin"] and row["segment"] == "all"
    }
    return Tracker(home / "mlflow").log(
        f"backtest {made['outcome']}",
        params={**made, "per_town": found["per_town"], "origins": ", ".join(o["test"] for o in found["origins"])},
        metrics=capacity | ranking,
        figures=drawn(found),
        documents={"report.md": report(found)},
    )
