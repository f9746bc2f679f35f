"""`python -m training datacard`: what a register covers, how late it knew, what it lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.policy.shipped import load as load_policy
from training.data_card import data_card, overview
from training.dataset import History
from training.reading import HomeOption, KeyOption, NameOption, PolicyOption, RegisterOption, console, read


def datacard(
    *,
    register: RegisterOption,
    home: HomeOption = Path("var"),
    key: KeyOption = None,
    name: NameOption = "falls_below",
    policy_dir: PolicyOption = None,
    out: Annotated[Path | None, typer.Option(help="写入文件 · write to a file")] = None,
) -> None:
    """输出登记册的数据卡 · print the data card of a register."""
    facts = read(register, home, key)
    history = History(facts, load_policy(synthetic=facts.info.synthetic, counties=policy_dir), name, kept={})
    with console.status("统计 counting"):
        text = data_card(overview(history))
    if out:
        out.write_text(text, encoding="utf-8")
        console.print(f"已写入 written: {out}")
    else:
        typer.echo(text)
