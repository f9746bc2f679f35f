"""What every command of training asks in the same words: the register, its key, the county's policy, the home of runs."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from features.errors import UserError
from features.folder import read_info
from features.pseudonym import EXAMPLE_KEY, keep_key, load_key
from features.read import read_register
from features.register import Register
from models import pointer
from models.bundle import Bundle
from models.bundle import load as load_bundle

if TYPE_CHECKING:  # MLflow is loaded by the commands that ask it
    from training.tracking import Tracker

console = Console(stderr=True, emoji=False, force_jupyter=False)  # a notebook reads the same lines as a terminal
HomeOption = Annotated[Path, typer.Option("--home", envvar="FANGPIN_HOME", help="工作目录 · folder for runs, bundles and keys")]
KeyOption = Annotated[
    Path | None, typer.Option("--key", envvar="FANGPIN_PSEUDONYM_KEY", help="假名密钥文件 · pseudonym key file [HOME/pseudonym.key]")
]
RegisterOption = Annotated[Path, typer.Option("--register", help="登记册目录 · folder of the register", exists=True, file_okay=False)]
PolicyOption = Annotated[
    Path | None,
    typer.Option(
        "--policy", envvar="FANGPIN_POLICY_DIR", help="县自行编写的政策文件目录 · folder of the county's own policy files", file_okay=False
    ),
]
NameOption = Annotated[Literal["falls_below", "identified"], typer.Option("--name", help="预测目标 · outcome")]


def read(folder: Path, home: Path, key: Path | None) -> Register:
    """The register under pseudonyms; a synthetic one may make itself a key, a real one may not, a pseudonymised one needs none."""
    path = key or home / "pseudonym.key"
    info = read_info(folder)
    if not path.exists() and info.synthetic and not info.key_mark:
        keep_key(path, EXAMPLE_KEY)
        console.print(f"已为合成数据写入公开的假名密钥 wrote the pseudonym key of synthetic data, which is no secret: {path}")
    secret = load_key(path) if path.exists() or not info.key_mark else None
    with console.status("读取登记册 reading the register") as status:
        reading = read_register(folder, secret, progress=lambda table: status.update(f"读取 reading {table}"))
    left_out = sum(reading.rows_left_out.values())
    console.print(
        f"{folder}: {len(reading.register):,} 户 households, {sum(reading.rows_read.values()):,} 行 rows, 未载入 left out {left_out:,}, "
        f"问题 problems {len(reading.problems):,}"
    )
    for problem in reading.problems[:5]:
        console.print(f"  {problem}", style="yellow")
    return reading.register


def tracker(home: Path) -> Tracker:
    """The store of runs of a folder, which must be there.

    Raises:
        UserError: nothing was trained there.
    """
    from training.tracking import Tracker

    if not (home / "mlflow").is_dir():
        raise UserError(f"{home} 中没有训练记录 holds no training runs: name the folder that train was given --home 请指明训练时的 --home")
    return Tracker(home / "mlflow")


def current(home: Path) -> Bundle:
    """The model that the service is pointed at.

    Raises:
        BundleError: none is, or it is damaged.
    """
    return load_bundle(home / "bundles" / pointer.read(home / "bundles").version)


def in_use(home: Path, name: str) -> Bundle | None:
    """The same if it predicts this outcome; None where nothing was promoted yet."""
    if not pointer.kept(home / "bundles"):
        return None
    bundle = current(home)
    return bundle if bundle.name == name else None


def account() -> str:
    """Who runs the command, for the record; the machine's account where it knows one."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown 未知"
