"""Works off uploads one after the other, in a process of its own: the service answers meanwhile, and a crash costs one upload.

The queue is in the database. Whoever takes an upload in starts a worker; a worker waits until no other one works, fails what a dead one
left behind, and works off what waits. So a queue outlives every process, and nothing is done twice.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError

from features.errors import Problem, RegisterError, UserError
from service.clock import Clock, stamp
from service.importing import STEPS, Imported, import_register, pseudonym_key, without_numbers
from service.settings import Settings
from service.storage import job_store
from service.storage.database import Database
from service.storage.exclusive import only_one

logger = logging.getLogger(__name__)

PLACE = "uploads"
SCORE_STEPS = 16
SECONDS_BETWEEN_STEPS = 0.2
LOWER_PRIORITY = 5
UPLOAD = "upload-{}"
UNPACKED = re.compile(r"\S*unpacked-\w+")  # where a zip lay meanwhile, which says nothing to whoever sent it
MEGABYTE = 1024 * 1024
# Files on their way, which a killed process leaves behind with plain ids in them. Others may be at work on theirs, so age decides.
LEFT_BEHIND = ("arriving-*", "unpacked-*")
LEFT_SECONDS = 24 * 3600
HALFWAY = (
    "处理进程中断，请重新上传 the process that worked on it ended halfway; nothing was changed: upload it again; "
    "若再次中断，请按乡镇或年份拆分 should it happen again, the file may be too large: split it by town or year"
)
TOO_LARGE = (
    "内存不足 the file needs more memory than the process may use (FANGPIN_IMPORT_MEMORY_MB): split it by town or year 请按乡镇或年份拆分"
)
UNFORESEEN = "出现意外错误，已记入日志 something unexpected happened; it is in the log"
IN_BUT_NO_LIST = "数据已导入，但评分中断 the data are in, but the process ended before the new list was made: run python -m service score"


def steps_of(*, score: bool) -> int:
    """How many steps a job has."""
    return STEPS + (SCORE_STEPS if score else 0)


def upload_of(settings: Settings, job: int) -> Path:
    """Where the file of a job lies until the job ends."""
    return settings.uploads_dir / UPLOAD.format(job)


def start_worker(settings: Settings) -> None:
    """Starts a process that works off the queue."""
    given = {f"FANGPIN_{name.upper()}": str(value) for name, value in settings.model_dump().items() if value is not None}
    command = [sys.executable, "-m", "service", "run-imports"]
    # A session of its own: what stops the service does not stop an import halfway.
    process = subprocess.Popen(command, env={**os.environ, **given}, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
    threading.Thread(target=_attend, args=(process, settings), name="import-worker", daemon=True).start()


def _attend(process: subprocess.Popen[bytes], settings: Settings) -> None:
    """Waits for a worker; where it died over an upload, another one goes on with those that wait."""
    if process.wait() in (0, UserError.exit_code):
        return
    # A database that does not answer now is asked again with the next upload, or at the next start.
    with suppress(SQLAlchemyError), closing(Database(settings.database_url)) as database:
        with database.reading() as connection:
            died_over = job_store.open_jobs(connection, job_store.RUNNING)
        if died_over:
            start_worker(settings)


def bound_memory(megabytes: int) -> None:
    """Lets this process have so much memory and no more: a file that was made to burst then costs its upload, not the machine."""
    import resource  # no such thing where there is no need of it

    if megabytes:
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        wanted = megabytes * MEGABYTE
        resource.setrlimit(resource.RLIMIT_AS, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))


def resume(settings: Settings, database: Database) -> bool:
    """Starts a worker if uploads wait, or a dead worker left one behind; returns whether it did."""
    with database.reading() as connection:
        left = job_store.open_jobs(connection, job_store.WAITING, job_store.RUNNING)
    if left:
        start_worker(settings)
    return bool(left)


def work_off(settings: Settings, database: Database, clock: Clock) -> int:
    """Works off every upload that waits; returns how many there were."""
    os.nice(LOWER_PRIORITY)
    done = 0
    with only_one(database, PLACE):
        _clear_up(settings, database, clock)
        while True:
            with database.writing() as connection:
                job = job_store.begin_next(connection)
            if job is None:
                return done
            _run(settings, database, clock, job)
            done += 1


def _clear_up(settings: Settings, database: Database, clock: Clock) -> None:
    """Fails what a dead worker left behind, and removes files that no job waits for."""
    uploads = list(settings.uploads_dir.glob(UPLOAD.format("*")))  # before the queue is read: what comes in meanwhile is not among them
    with database.writing() as connection:
        for job in job_store.open_jobs(connection, job_store.RUNNING):
            taken = job_store.imported(connection, job)
            reason = HALFWAY if taken is None else IN_BUT_NO_LIST
            job_store.end_job(connection, job, job_store.FAILED, {"error": reason}, stamp(clock()), import_id=taken)
        waiting = {upload_of(settings, job).name for job in job_store.open_jobs(connection, job_store.WAITING)}
    for path in uploads:
        if path.name not in waiting:
            path.unlink(missing_ok=True)
    for pattern in LEFT_BEHIND:
        for path in settings.uploads_dir.glob(pattern):
            if time.time() - path.stat().st_mtime > LEFT_SECONDS:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


class _Steps:
    """Tells the database how far a job is, not more often than somebody would look."""

    def __init__(self, database: Database, job: int) -> None:
        self.database = database
        self.job = job
        self.done = 0
        self.told = 0.0

    def __call__(self, step: str, _: int = 0) -> None:
        """A further step begins."""
        self.done += 1
        if time.monotonic() - self.told >= SECONDS_BETWEEN_STEPS:
            with self.database.writing() as connection:
                job_store.tell_step(connection, self.job, step, self.done)
            self.told = time.monotonic()


def _run(settings: Settings, database: Database, clock: Clock, job: Row[Any]) -> None:
    """Does what was asked for with one upload; whatever happens, the job ends and its file is gone."""
    path = upload_of(settings, job.id)
    steps = _Steps(database, job.id)
    outcome: dict[str, Any] = {}
    problems: Sequence[Problem] = ()
    state, import_id, version = job_store.FAILED, None, None
    try:
        key = pseudonym_key(settings.pseudonym_key, demo=settings.demo)
        done = import_register(
            database,
            path,
            key,
            mode="replace" if job.mode == "replace" else "update",
            dry_run=job.dry_run,
            months=job.months,
            region=job.region,
            uploads=settings.uploads_dir,
            report=False,
            clock=clock,
            progress=steps,
        )
        problems, import_id = done.problems, done.number
        outcome = counts(done)
        if import_id is not None:
            with database.writing() as connection:
                job_store.tell_import(connection, job.id, import_id)
        if job.score and not job.dry_run:
            version, note = _score(settings, database, clock, steps)
            outcome["notes"] = [note] if note else []
        state = job_store.DONE
    except UserError as error:
        problems = error.problems if isinstance(error, RegisterError) else ()
        said = str(error).splitlines()[0].replace(str(path), job.file_name)  # what follows are the problems, which are findings
        outcome = {"error": without_numbers(UNPACKED.sub(lambda _: job.file_name, said))}
    except MemoryError:
        outcome |= {"error": TOO_LARGE if import_id is None else f"{TOO_LARGE}. {IN_BUT_NO_LIST}"}
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a reader that panics raises what is no Exception
        # What was read may stand in the error's own words, so they are not kept; where it happened is.
        logger.error("import job %s failed: %s at %s", job.id, type(error).__name__, _place(error))
        outcome |= {"error": UNFORESEEN if import_id is None else f"{UNFORESEEN}. {IN_BUT_NO_LIST}"}
    finally:
        path.unlink(missing_ok=True)
        with database.writing() as connection:
            job_store.keep_findings(connection, job.id, problems)
            job_store.end_job(connection, job.id, state, outcome, stamp(clock()), import_id=import_id, list_version=version)


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def _score(settings: Settings, database: Database, clock: Clock, steps: Callable[[str], None]) -> tuple[int | None, str | None]:
    """Scores the register anew: the list's version, or why there is no new one. The data stand in any case."""
    from service.bundles import ActiveBundle
    from service.new_list import score_stored

    try:
        bundle = ActiveBundle(settings.bundle_dir).current()
        written = score_stored(
            database,
            bundle,
            None,
            threads=settings.threads,
            clock=clock,
            progress=lambda step: steps(f"score: {step}"),
            keep_lists=settings.keep_lists,
            counties=settings.policy_dir,
        )
    except UserError as error:
        return None, f"数据已导入，但未能评分 the data are in, but no new list was made: {error}"
    return written.version, None


def counts(done: Imported) -> dict[str, Any]:
    """What an import came to, as stored JSON."""
    return {
        "fresh": done.fresh,
        "households": done.households,
        "households_new": done.households_new,
        "households_dropped": done.households_dropped,
        "rows": done.rows,
        "rows_left_out": done.rows_left_out,
        "tables": {name: asdict(found) for name, found in (done.tables or {}).items()},
    }


def outcome_of(job: Row[Any]) -> Mapping[str, Any]:
    """What a job came to; empty while it is under way."""
    found: Mapping[str, Any] = json.loads(job.outcome) if job.outcome else {}
    return found
