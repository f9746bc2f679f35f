"""Remembers every training run, and which model is champion and which challenger: the only place that imports MLflow.

The store is a SQLite file and a folder under var/mlflow; nothing leaves the machine. A registered model version points at the bundle folder
among the run's artefacts, so nothing that MLflow could execute is ever stored.
"""

from __future__ import annotations

import json
import logging
import math
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.errors import UserError

# Set before MLflow is imported: it would otherwise report usage to its makers.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DO_NOT_TRACK"] = "true"
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

BUNDLE = "bundle"
CHAMPION, CHALLENGER = "champion", "challenger"


class TrackingError(UserError):
    """The run store has not what was asked for."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """A registered model version: its number, its run and the folder of its bundle."""

    name: str
    number: str
    run_id: str
    folder: Path
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run that was written down, and where it is seen.

    Attributes:
        run_id: MLflow's.
        experiment: number of its experiment.
        store: address of the run store.
    """

    run_id: str
    experiment: str
    store: str

    @property
    def page(self) -> str:
        """Its page once `show` runs."""
        return f"http://127.0.0.1:5000/#/experiments/{self.experiment}/runs/{self.run_id}"

    @property
    def show(self) -> str:
        """The command that opens all runs on this machine."""
        return f"python -m mlflow ui --backend-store-uri {self.store}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence: MLflow announces each of the hundred steps that make a new store, and warns of its own use of SQLAlchemy."""
    loggers = [logging.getLogger(name) for name in ("alembic", "alembic.runtime.migration", "mlflow")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


class Tracker:
    """The run store in a folder (var/mlflow by default), made when it is first used."""

    def __init__(self, folder: Path) -> None:
        with _quiet():
            from mlflow import MlflowClient

            self.folder = folder.resolve()
            (self.folder / "artifacts").mkdir(parents=True, exist_ok=True)
            self.store = f"sqlite:///{self.folder / 'mlflow.db'}"
            self._client = MlflowClient(tracking_uri=self.store, registry_uri=self.store)

    def record(
        self,
        name: str,
        bundle_folder: Path,
        *,
        params: Mapping[str, object],
        metrics: Mapping[str, float],
        figures: Mapping[str, Mapping[str, Any]],
        documents: Mapping[str, str],
        alias: str = CHALLENGER,
    ) -> Tracked:
        """Stores one run with all that belongs to it and registers its bundle as a new version of the model.

        Args:
            name: what the model predicts; the name of the experiment and of the registered model.
            bundle_folder: as `models.bundle.write` left it.
            params: settings, data version, policy version.
            metrics: numbers by name; not-a-number is left out.
            figures: figure dicts by name, stored as JSON.
            documents: texts by file name: cards, tables.
            alias: which role the new version takes.
        """
        run = self.log(name, params=params, metrics=metrics, figures=figures, documents=documents, folder=bundle_folder)
        with _quiet():
            client = self._client
            if not [model for model in client.search_registered_models() if model.name == name]:
                client.create_registered_model(name)
            version = client.create_model_version(name, source=f"runs:/{run.run_id}/{BUNDLE}", run_id=run.run_id)
            client.set_registered_model_alias(name, alias, version.version)
        return self._tracked(name, version)

    def log(
        self,
        name: str,
        *,
        params: Mapping[str, object],
        metrics: Mapping[str, float],
        figures: Mapping[str, Mapping[str, Any]],
        documents: Mapping[str, str],
        folder: Path | None = None,
    ) -> Recorded:
        """Stores one run with all that belongs to it; nothing is registered.

        Args:
            name: of the experiment.
            params: settings and versions.
            metrics: numbers by name; not-a-number is left out.
            figures: figure dicts by name, stored as JSON.
            documents: texts by file name: cards, tables.
            folder: kept with the run, as its bundle.
        """
        from mlflow.entities import Metric, Param

        with _quiet():
            client = self._client
            experiment = client.get_experiment_by_name(name)
            place = (self.folder / "artifacts" / name).as_uri()
            if experiment and experiment.artifact_location != place:  # the folder was moved, and MLflow goes on writing where it was
                client.rename_experiment(experiment.experiment_id, f"{name} {experiment.experiment_id}")
                experiment = None
            number = experiment.experiment_id if experiment else client.create_experiment(name, artifact_location=place)
            run = client.create_run(number)
            run_id = run.info.run_id
            client.log_batch(
                run_id,
                params=[Param(key, str(value)[:6000]) for key, value in params.items()],
                metrics=[Metric(key, value, 0, 0) for key, value in metrics.items() if not math.isnan(value)],
            )
            if folder is not None:
                client.log_artifacts(run_id, str(folder), BUNDLE)
            with tempfile.TemporaryDirectory() as scratch:
                for title, figure in figures.items():
                    path = Path(scratch) / "figures" / f"{title}.json"
                    path.parent.mkdir(exist_ok=True)
                    path.write_text(json.dumps(figure, ensure_ascii=False), encoding="utf-8")
                for title, text in documents.items():
                    (Path(scratch) / title).write_text(text, encoding="utf-8")
                client.log_artifacts(run_id, scratch)
            client.set_terminated(run_id)
        return Recorded(run_id, str(number), self.store)

    def recorded(self, tracked: Tracked) -> Recorded:
        """The run of a registered version."""
        with _quiet():
            return Recorded(tracked.run_id, self._client.get_run(tracked.run_id).info.experiment_id, self.store)

    def version(self, name: str, which: str) -> Tracked | None:
        """The model version in a role (champion, challenger) or of a number; None where there is none."""
        from mlflow.exceptions import MlflowException

        with _quiet():
            try:
                if which.isdigit():
                    return self._tracked(name, self._client.get_model_version(name, which))
                return self._tracked(name, self._client.get_model_version_by_alias(name, which))
            except MlflowException:
                return None

    def crown(self, tracked: Tracked, note: str) -> None:
        """Makes a version the champion and writes down why."""
        with _quiet():
            self._client.set_registered_model_alias(tracked.name, CHAMPION, tracked.number)
            self._client.set_model_version_tag(tracked.name, tracked.number, "promoted", note[:4900])

    def _tracked(self, name: str, version: Any) -> Tracked:
        folder = self.folder / "artifacts" / name / version.run_id / "artifacts" / BUNDLE
        if not folder.is_dir():
            raise TrackingError(f"模型文件缺失 the bundle of {name} version {version.version} is gone: {folder}")
        return Tracked(name, str(version.version), version.run_id, folder, dict(version.tags or {}))
