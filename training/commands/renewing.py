"""`python -m training health|shadow|retrain`: does the model in use still hold, and what would another one change."""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from features.errors import UserError
from features.policy.shipped import load as load_policy
from models.bundle import load as load_bundle
from models.scorer import SCORED, STATE_ZH, STATES
from training.commands.fitting import ForceOption, SeedOption, SeedsOption, StepOption, TownOption, fit_and_register
from training.county import DEFAULT_TIERS, Tiers, known_until
from training.dataset import History
from training.fit import DEFAULTS
from training.markdown import figure, number
from training.reading import HomeOption, KeyOption, NameOption, PolicyOption, RegisterOption, console, current, in_use, read, tracker
from training.renewal import MOVED, Health
from training.renewal import health as look_over
from training.search import as_before
from training.shadow import Change, Diff, as_json, diffs, shadow

DayOption = Annotated[
    dt.datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="时点 · the day [the last the register knows]")
]
OutOption = Annotated[Path | None, typer.Option("--out", help="另存 JSON · also write as JSON")]
SHOWN = 8
SCORED_STATE = STATES[SCORED]


def health(
    *,
    register: RegisterOption,
    home: HomeOption = Path("var"),
    key: KeyOption = None,
    as_of: DayOption = None,
    policy_dir: PolicyOption = None,
    out: OutOption = None,
) -> None:
    """现用模型是否仍可用：漂移、校准、数据时效 · does the model in use still hold: drift, calibration, age of the data."""
    bundle = current(home)
    history = _history(register, home, key, policy_dir, bundle.name)
    found = look_over(bundle, history, as_of.date() if as_of else None)
    _tell(found)
    if out:
        out.write_text(json.dumps(_finite(asdict(found)), ensure_ascii=False, indent=1, default=str) + "\n", encoding="utf-8")


def retrain(
    *,
    register: RegisterOption,
    home: HomeOption = Path("var"),
    key: KeyOption = None,
    name: NameOption = "falls_below",
    if_needed: Annotated[bool, typer.Option("--if-needed", help="仅在有理由时 · only where there is a reason to")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只说明理由，不训练 · only say why, fit nothing")] = False,
    step: StepOption = 3,
    seeds: SeedsOption = DEFAULTS.seeds,
    seed: SeedOption = 0,
    force: ForceOption = False,
    policy_dir: PolicyOption = None,
    town: TownOption = True,
) -> None:
    """需要时训练挑战者；不自动上线 · train a challenger when there is a reason; never promotes."""
    history = _history(register, home, key, policy_dir, name)
    champion = in_use(home, name)
    if champion is None:
        console.print("还没有启用的模型 no model is in use yet")
    else:
        found = look_over(champion, history)
        _tell(found)
        if if_needed and not found.reasons:
            console.print("不需要重新训练 no reason to retrain")
            return
    if dry_run:
        console.print("将训练挑战者；未作改动 would train a challenger; nothing was done")
        return
    before = champion.card if champion is not None else {}
    judged = fit_and_register(
        history.register,
        history.policy,
        home,
        name=name,
        step=step,
        settings=replace(as_before(before.get("settings", {}), DEFAULTS), seeds=seeds, seed=seed),
        force=force,
        town=town,
        # what people chose stays chosen
        tiers=Tiers(tuple(before["tiers"]["shares"]), before["tiers"]["by"]) if "tiers" in before else DEFAULT_TIERS,
    )
    if champion is not None and champion.version != judged.bundle.version:
        beside = shadow(history, champion, judged.bundle, known_until(history.register))
        tell_diff(beside.diff)
    console.print(f"下一步 next: python -m training promote --register {register}")


def beside(
    *,
    register: RegisterOption,
    home: HomeOption = Path("var"),
    key: KeyOption = None,
    name: NameOption = "falls_below",
    as_of: DayOption = None,
    since: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="上一份名单的时点，分清数据与模型 · day of the last list: what data and what model did"),
    ] = None,
    which: Annotated[str, typer.Option(help="challenger 或登记号 · or a number")] = "challenger",
    policy_dir: PolicyOption = None,
    out: OutOption = None,
) -> None:
    """挑战者与现用模型并排：谁进谁出、因为什么 · a challenger in the champion's shadow: who comes, who goes, because of what."""
    champion = current(home)
    tracked = tracker(home).version(name, which)
    if tracked is None:
        raise UserError(f"没有该模型 no model {name} {which}; first 先运行: python -m training train --register DIR")
    challenger = load_bundle(tracked.folder)
    history = _history(register, home, key, policy_dir, name)
    day = as_of.date() if as_of else known_until(history.register)
    found = shadow(history, champion, challenger, day)
    console.print(
        f"{day}: 现用 champion {champion.version}, 挑战者 challenger {challenger.version}; "
        f"次序相关 rank correlation {number(found.agreement)}; 预期跌破 expected falls {found.expected[0]:.0f} / {found.expected[1]:.0f}",
        soft_wrap=True,
    )
    steps = diffs(history, champion, challenger, before=since.date(), now=day) if since else [found.diff]
    for step in steps:
        tell_diff(step)
    if out:
        out.write_text(json.dumps([as_json(step) for step in steps], ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def tell_diff(diff: Diff) -> None:
    """How a list changes, on the terminal: pseudonyms only."""
    because = {"model": "模型 model", "data": "数据 data", "rule": "规则 rule"}[diff.because]
    came = sum(change.entered for change in diff.changes)
    console.print(
        f"名单变化，因为 list changes because of {because}: {diff.before:,} → {diff.after:,} 户, 不变 both {diff.both:,}, "
        f"进入 come {came:,}, 离开 go {len(diff.changes) - came:,}",
        soft_wrap=True,
    )
    table = Table("", "户 household", "乡镇 town", "之前 before", "之后 after")
    for entered in (True, False):
        for change in [c for c in diff.changes if c.entered == entered][:SHOWN]:
            table.add_row("进 come" if entered else "出 go", change.household_id, change.town, _said(change, 0), _said(change, 1))
    if diff.changes:
        console.print(table)


def _said(change: Change, side: int) -> str:
    state = change.states[side]
    return number((change.before, change.after)[side]) if state == SCORED_STATE else STATE_ZH.get(state, "—")


def _tell(found: Health) -> None:
    console.print(f"{found.as_of}: 模型 model {found.version}")
    table = Table("特征 feature", "PSI", "占模型 share of model")
    for row in found.features[:SHOWN]:
        table.add_row(row["zh"], number(row["psi"], 2), f"{row['importance']:.1%}")
    console.print(table)
    rows = {
        "分数漂移 PSI of the scores": number(found.margin_psi, 2),
        f"已变特征占模型 share that moved (PSI > {MOVED})": f"{found.moved_share:.1%}",
        "检验时 AUC when judged": number(found.reference_auc),
        "无结果估计 AUC estimated without outcomes": number(found.estimated["auc"]),
        "预期跌破 expected falls": f"{found.estimated['expected_falls']:.0f} / {found.estimated['scored']:,}",
        "数据时效（天） age of the data, days": number(found.data_age_days, 0),
    }
    if found.later:
        rows[f"{found.later['as_of']} 的结果 outcomes"] = (
            f"n {found.later['n']:,}, {found.later['events']} 例, AUC {number(found.later['auc'])}"
        )
        rows |= {f"  {row['metric']}": figure(row) for row in found.later["rows"]}
    else:
        rows["检验后的结果 outcomes since it was judged"] = "无 none"
    for name, cell in rows.items():
        console.print(f"{name}: {cell}", markup=False, soft_wrap=True)
    for reason in found.reasons:
        console.print(f"[yellow]重训理由 reason to retrain[/yellow] {reason}", soft_wrap=True)


def _history(register: Path, home: Path, key: Path | None, policy_dir: Path | None, name: str) -> History:
    facts = read(register, home, key)
    return History(facts, load_policy(synthetic=facts.info.synthetic, counties=policy_dir), name, kept={})


def _finite(value: object) -> object:
    """The same with null where a number is none: JSON knows no NaN."""
    if isinstance(value, dict):
        return {key: _finite(cell) for key, cell in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(cell) for cell in value]
    return None if isinstance(value, float) and math.isnan(value) else value
