"""`python -m training promote|rollback|card`: from challenger to champion through the gate, back again, and the model card."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from features.errors import UserError
from features.policy.shipped import load as load_policy
from models import pointer
from models.bundle import load as load_bundle
from training.card import model_card
from training.commands.renewing import tell_diff
from training.county import known_until
from training.dataset import History, collect
from training.findings import read_findings
from training.promotion import promote as promote_bundle
from training.promotion import verdict
from training.reading import HomeOption, KeyOption, NameOption, PolicyOption, account, console, in_use, read, tracker
from training.shadow import shadow
from training.tracking import CHALLENGER, CHAMPION


def promote(
    *,
    home: HomeOption = Path("var"),
    key: KeyOption = None,
    name: NameOption = "falls_below",
    register: Annotated[
        Path | None, typer.Option(help="用来与现用模型比较的登记册 · register on which it is compared with the champion", file_okay=False)
    ] = None,
    policy_dir: PolicyOption = None,
    override: Annotated[str | None, typer.Option(help="未通过门槛仍上线的理由 · reason to promote in spite of the gate")] = None,
    by: Annotated[str, typer.Option("--by", help="由谁上线 · who promotes [the account]")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只判断，不上线 · judge only")] = False,
) -> None:
    """过门槛后上线挑战者 · promote the challenger if it passes the gate."""
    runs = tracker(home)
    challenger = runs.version(name, CHALLENGER)
    if challenger is None:
        raise UserError(f"没有挑战者 no challenger named {name}; first 先运行: python -m training train --register DIR")
    candidate = load_bundle(challenger.folder)
    serving = in_use(home, name)
    if serving is not None and serving.version == candidate.version:
        serving = None
    if serving is not None and register is None:
        raise UserError("需与现用模型比较 the champion must be compared on a register; add 请加 --register DIR")
    judgement = verdict(candidate)
    if serving is not None:
        facts = read(Path(str(register)), home, key)
        dates = [dt.date.fromisoformat(candidate.card["dates"]["test"])]
        history = History(facts, load_policy(synthetic=facts.info.synthetic, counties=policy_dir), name)
        rows = collect(history, dates, known_until(facts))
        judgement = verdict(candidate, serving, rows)
        tell_diff(shadow(history, serving, candidate, known_until(facts)).diff)
    for row in judgement.compared:
        console.print(f"  {row['metric']:18} {row['value']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}] 与现用模型 against the champion")
    for objection in judgement.objections:
        console.print(f"  [red]✗[/red] {objection}")
    if dry_run:
        console.print("可以上线 passes" if judgement.passes else "不能上线 does not pass")
        raise typer.Exit(0 if judgement.passes else 1)
    promoted = promote_bundle(challenger.folder, home / "bundles", judgement, override)
    runs.crown(challenger, f"{dt.date.today().isoformat()} {by or account()}: {override or '通过门槛 passed the gate'}")
    console.print(f"已上线 promoted: {name} {promoted.version} → {home / 'bundles'}")
    console.print("下一步 next: python -m service score")


def rollback(
    *,
    home: HomeOption = Path("var"),
    reason: Annotated[str, typer.Option("--reason", help="理由，记入更替记录 · why; kept with the model")] = "回退 rolled back by hand",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查，不换 · only check")] = False,
) -> None:
    """换回上一个启用的模型 · go back to the model that was in use before."""
    bundles = home / "bundles"
    now = pointer.read(bundles)
    if now.previous is None:
        raise UserError("没有上一版本 there is no previous version to go back to")
    before = load_bundle(bundles / now.previous)  # refuses a damaged one
    if dry_run:
        console.print(f"可以换回 can be gone back to: {before.name} {now.previous}；未作改动 nothing was changed")
        return
    pointer.point(bundles, now.previous, reason)
    console.print(f"已换回 in use from now on: {before.name} {now.previous}；之前 before: {now.version}")
    console.print("下一步 next: python -m service score")


def card(
    out: Annotated[Path | None, typer.Option(help="写入文件 · write to a file")] = None,
    home: HomeOption = Path("var"),
    name: NameOption = "falls_below",
    which: Annotated[str, typer.Option(help="champion, challenger 或登记号 · or a number")] = "challenger",
    backtest: Annotated[
        Path | None,
        typer.Option("--backtest", help="回测结果目录，逐年列出 · folder of a back-test, for the figures by year", file_okay=False),
    ] = None,
) -> None:
    """输出模型卡 · print the model card."""
    tracked = tracker(home).version(name, which)
    bundle = in_use(home, name) if which == CHAMPION else load_bundle(tracked.folder) if tracked else None
    if bundle is None:
        raise UserError(f"没有该模型 no model {name} {which}; first 先运行: python -m training train --register DIR")
    promoted = tracked.tags.get("promoted", "") if tracked else ""
    text = model_card(bundle.card, bundle.version, promoted=promoted, years=read_findings(backtest) if backtest else None)
    if out:
        out.write_text(text, encoding="utf-8")
        console.print(f"已写入 written: {out}")
    else:
        typer.echo(text)
