"""Answers of a back-test in one Parquet file: rolled once, read by every report and notebook that asks something else of them."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from features.errors import UserError
from features.register import IntArray
from training.dataset import History
from training.fit import Settings
from training.labels import shift
from training.rolling import NAMED, ROW_FIELDS, Answers
from training.splits import Split

FILE = "answers.parquet"
ABOUT = b"fangpin.answers"
CODES = ("origin", "household", "town")  # stand in the file as the words that they are the numbers of


def write_answers(answers: Answers, path: Path, made: dict[str, Any]) -> None:
    """Writes every answer and outcome, a row each, under pseudonyms; other programmes may read the columns too.

    Args:
        answers: of all contestants.
        path: of the file.
        made: what they were made from: data version, outcome, settings.
    """
    pairs = list(zip(answers.origin.tolist(), answers.age.tolist(), strict=True))
    days = {(number, age): shift(answers.origins[number].test, age).isoformat() for number, age in set(pairs)}
    columns: dict[str, Any] = {
        "origin": np.array([split.test.isoformat() for split in answers.origins])[answers.origin],
        "as_of": np.array([days[pair] for pair in pairs]),
        "household": np.array(answers.household_id)[answers.household],
        "town": np.array(answers.towns)[answers.town],
    }
    columns |= {name: getattr(answers, name) for name in ROW_FIELDS if name not in CODES}
    for kind in NAMED:
        columns |= {f"{kind}.{name}": values for name, values in getattr(answers, kind).items()}
    about = {
        "made": made,
        "splits": [
            (tuple(map(dt.date.isoformat, split.fit)), split.calibrate.isoformat(), split.test.isoformat()) for split in answers.origins
        ],
        "household": answers.household_id,
        "town": answers.towns,
        "left_out": answers.left_out,
    }
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(table.replace_schema_metadata({ABOUT: json.dumps(about, ensure_ascii=False)}), path)


def made_from(history: History, settings: Settings, step_months: int) -> dict[str, Any]:
    """What a back-test's answers rest on: other data, policy, outcome or settings would give others."""
    return {
        "outcome": history.name,
        "data_version": history.register.info.digest,
        "policy_version": history.policy.version,
        "step_months": step_months,
        **{f"fit.{name}": value for name, value in asdict(settings).items() if name != "threads"},
    }


def read_answers(path: Path) -> tuple[Answers, dict[str, Any]]:
    """The answers as they were written, and what they were made from.

    Raises:
        UserError: not such a file.
    """
    try:
        table = pyarrow.parquet.read_table(path)
        about = json.loads((table.schema.metadata or {})[ABOUT])
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{path}: 不是回测结果 holds no answers of a back-test ({type(error).__name__}); "
            "先运行 first run: python -m training backtest county, 或 or notebooks/03_backtest"
        ) from None
    splits = tuple(
        Split(tuple(map(dt.date.fromisoformat, fit)), dt.date.fromisoformat(calibrate), dt.date.fromisoformat(test))
        for fit, calibrate, test in about["splits"]
    )
    words = {"origin": [split.test.isoformat() for split in splits], "household": about["household"], "town": about["town"]}
    columns: dict[str, Any] = {name: _codes(table[name], words[name]) if name in words else table[name].to_numpy() for name in ROW_FIELDS}
    for kind in NAMED:
        columns[kind] = {
            name.removeprefix(f"{kind}."): table[name].to_numpy() for name in table.column_names if name.startswith(f"{kind}.")
        }
    found = Answers(
        origins=splits,
        household_id=tuple(about["household"]),
        towns=tuple(about["town"]),
        left_out=tuple(about["left_out"]),
        **columns,
    )
    return found, about["made"]


def _codes(column: pa.ChunkedArray, words: list[str]) -> IntArray:
    """Numbers of the words, in the words' order."""
    coded = column.combine_chunks().dictionary_encode()
    number = {word: place for place, word in enumerate(words)}
    codes: IntArray = np.array([number[word] for word in coded.dictionary.to_pylist()], dtype=np.int32)[coded.indices.to_numpy()]
    return codes
