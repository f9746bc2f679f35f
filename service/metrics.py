"""Counters for whoever watches the service, in the text form of Prometheus.

With several workers `PROMETHEUS_MULTIPROC_DIR` names a folder that they share (`serve --workers` sets it); any of them then tells the sum.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import Connection, func, select

from service.clock import Clock
from service.storage.score_store import active
from service.storage.tables import import_jobs, imports

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

_own = CollectorRegistry()
_requests = Counter("fangpin_requests", "Requests answered, by route, method and status", ("route", "method", "status"), registry=_own)
_seconds = Histogram("fangpin_request_seconds", "Time from request to the end of its answer", ("route",), buckets=BUCKETS, registry=_own)
_scores = Counter("fangpin_scores", "Households scored on request", registry=_own)
_children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}


def counted(route: str, method: str, status: int, seconds: float) -> None:
    """Counts a request."""
    if method not in METHODS:
        method = "OTHER"
    key = (route, method, status)
    child = _children.get(key)
    if child is None:
        child = _children[key] = (_requests.labels(route, method, str(status)), _seconds.labels(route))
    child[0].inc()
    child[1].observe(seconds)


def scored_on_request(households: int) -> None:
    """Counts households that were scored on request."""
    _scores.inc(households)


class _Standing:
    """What can be read off the database at this moment; the same whichever worker is asked."""

    def __init__(self, connection: Connection, model_version: str | None, clock: Clock) -> None:
        self.connection = connection
        self.model_version = model_version
        self.clock = clock

    def collect(self) -> Iterator[Metric]:
        """The figures."""
        model = GaugeMetricFamily("fangpin_model_info", "The model in use", labels=("version",))
        if self.model_version is not None:
            model.add_metric((self.model_version,), 1)
        yield model
        current = active(self.connection)
        if current is not None:
            age = (self.clock() - dt.datetime.fromisoformat(current.written_at)).total_seconds()
            yield GaugeMetricFamily("fangpin_list_version", "The list in use", value=current.list_version)
            yield GaugeMetricFamily("fangpin_list_age_seconds", "Since the list in use was written", value=age)
            yield GaugeMetricFamily("fangpin_list_households", "Households on the list in use", value=current.households)
        done = self.connection.execute(select(func.count()).select_from(imports)).scalar_one()
        yield CounterMetricFamily("fangpin_imports", "Imports that took effect", value=done)
        jobs = GaugeMetricFamily("fangpin_import_jobs", "Uploads by state", labels=("state",))
        for state, number in self.connection.execute(select(import_jobs.c.state, func.count()).group_by(import_jobs.c.state)):
            jobs.add_metric((state,), number)
        yield jobs


def page(connection: Connection, model_version: str | None, clock: Clock) -> bytes:
    """All figures as text."""
    standing = CollectorRegistry()
    standing.register(_Standing(connection, model_version, clock))
    shared = _own
    if SHARED_FOLDER in os.environ:
        shared = CollectorRegistry()
        MultiProcessCollector(shared)  # type: ignore[no-untyped-call]  # the library leaves this one untyped
    return generate_latest(shared) + generate_latest(standing)
