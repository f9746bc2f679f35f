"""Commands for policy: what is in force where and when, whether a county's own files can be used; a bill or a reward worked out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from service.commands.console import console, read_date
from service.settings import Settings

policy_app = typer.Typer(help="政策规则与参数 Policy: values and rules.", no_args_is_help=True)


@policy_app.command("check")
def policy_check(
    folder: Annotated[Path, typer.Argument(help="县级政策文件夹 folder of county files, each named after its area code")],
) -> None:
    """检查县自行编写的政策文件，列出全部问题；通过则列出新增内容。 Check county files: every fault with its line, or what they add."""
    from features.errors import UserError
    from features.policy.names import departments_without_english
    from features.policy.packs import packs_of
    from features.policy.reference import additions, losses
    from features.policy.shipped import read

    codes = [path.stem for path in sorted(folder.glob("*.yaml"))]
    if not codes:
        raise UserError(
            f"{folder} 中没有县级政策文件 holds no county file; name one after its area code, 450422.yaml, see docs/counties.md"
        )
    packs, shipped = packs_of(read(counties=folder)), packs_of(read())
    for code in codes:
        said = packs.overlays[code]
        table = Table("项目 part", "新增 new", "替换 in the place of", title=escape(f"{code} {said.zh} {said.en}"), title_justify="left")
        for part, new, instead in additions(packs, code):
            table.add_row(part, escape(", ".join(new)), escape(", ".join(instead)))
        console.print(table)
        lost = losses(packs, shipped, code)
        if lost:
            names = "; ".join(f"{part}: {', '.join(names)}" for part, names in lost.items())
            console.print(
                f"[yellow]不再适用 falls away[/yellow]，随软件的同名文件由它取代 of the shipped file: {escape(names)}", soft_wrap=True
            )
        unnamed = departments_without_english(rule.department for rule in said.triggers)
        if unnamed:
            what = "部门没有英文名，英文页面显示中文 departments without an English name, shown in Chinese"
            console.print(f"[yellow]{what}[/yellow]: {escape(', '.join(unnamed))}", soft_wrap=True)
    console.print(
        f"没有问题 no faults: {len(codes)} 个文件 files. 启用请设置 to use them, set FANGPIN_POLICY_DIR={folder.resolve()}", soft_wrap=True
    )


@policy_app.command("show")
def policy_show(
    region: Annotated[str, typer.Option("--region", help="区划代码 area code")],
    date: Annotated[str, typer.Option("--date", help="日期 YYYY-MM-DD the day")],
    *,
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="用合成县的虚构监测线 with the made-up lines of synthetic registers")
    ] = False,
) -> None:
    """显示一县在某日的参数与规则及其依据。 Show what is in force in a county on a day, and where it is written."""
    from features.policy.reference import in_force
    from features.policy.shipped import load

    shipped = load(synthetic=synthetic, counties=Settings().policy_dir)
    told = in_force(shipped, read_date(date), region)
    console.print(f"{' → '.join(one['zh'] for one in told['names'])}, {told['date']}, 版本 version {shipped.version}", markup=False)
    values = Table("参数 parameter", "值 value", "单位 unit", "出处 stated by", "依据 reference", "等级 grade")
    for one in told["parameters"]:
        stated = " ".join(word for word in (one["stated_zh"], one["stated_en"], one["from"]) if word)
        values.add_row(one["zh"], _value(one["value"]), one["unit"], stated, escape(one["reference"] or ""), one["grade"] or "")
    console.print(values)
    for one in told["checks"]:
        answer = {True: "成立 holds", False: "[red]不成立 does not hold[/red]", None: "不可评 not evaluable"}[one["holds"]]
        console.print(
            f"{one['zh']} {one['en']}: {answer} ({_value(one['value'])}, {_value(one['bound'])}; {escape(one['reference'])})",
            soft_wrap=True,
        )
    if told["scheme"] is not None:
        layers = " → ".join(f"{layer['zh']} {layer['en']}" for layer in told["scheme"]["layers"])
        console.print(
            f"报销方案 scheme: {layers} ({told['scheme']['stated_by']} {told['scheme']['from']}, {told['scheme']['grade']})",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    for kind, rules in told["rules"].items():
        if rules:
            console.print(_rules(kind, rules))
    for one in told["rewards"]:
        console.print(f"奖补 reward {one['name']}: {one['zh']} {one['en']} ({one['reference']})", markup=False, soft_wrap=True)
    if told["undefined"]:
        names = "; ".join(f"{one['zh']} ({one['reference']})" for one in told["undefined"] if not one["content"])
        console.print(f"本县未作定义 not defined by this county: {names}", markup=False, soft_wrap=True)


def _value(value: float | None) -> str:
    return "不可评 none" if value is None else f"{value:.10g}"


def _rules(kind: str, rules: list[dict[str, Any]]) -> Table:
    table = Table(kind, "条件 when", "依据 reference", "等级 grade")
    for one in rules:
        table.add_row(*(escape(cell) for cell in (f"{one['zh']} {one['rule']}", one["when_zh"], one["reference"], one["grade"])))
    return table


@policy_app.command("bill")
def policy_bill(
    county: Annotated[str, typer.Option("--county", help="区划代码 area code of 6 digits")],
    date: Annotated[str, typer.Option("--date", help="日期 YYYY-MM-DD the day of the bill")],
    in_list: Annotated[float, typer.Option("--in-list", min=0, help="目录内费用（元） yuan inside the insurer's list")],
    *,
    outside: Annotated[float, typer.Option("--outside", min=0, help="目录外费用（元） yuan outside it")] = 0.0,
    group: Annotated[str, typer.Option("--group", help="参保类别 registered, ordinary, uninsured")] = "registered",
    borne: Annotated[float, typer.Option("--borne", min=0, help="本年已扣起付线（元） yuan of the deductible borne before")] = 0.0,
) -> None:
    """测算一笔住院费用经各层报销后的自付。 What each layer of insurance pays of a hospital bill, and what remains."""
    from features.policy.bills import Bill, settled
    from features.policy.shipped import load

    (done,) = settled(load(counties=Settings().policy_dir), county, group, [Bill(read_date(date), in_list, outside)], borne=borne)
    table = Table("环节 layer", "报销 paid", title=escape(f"{county} {date} {group}"), title_justify="left")
    for layer in done.scheme.layers:
        table.add_row(escape(f"{layer.zh} {layer.name}"), f"{done.layers[layer.name]:,.2f}")
    table.add_row("目录内自付 left inside the list", f"{done.left_in_list:,.2f}")
    table.add_row("目录外自付 left outside", f"{done.left - done.left_in_list:,.2f}")
    table.add_row("合计自付 left in all", f"{done.left:,.2f}")
    console.print(table)
    scheme = done.scheme
    console.print(f"依据 by: {scheme.start}, 等级 grade {scheme.grade}: {scheme.reference}", markup=False, soft_wrap=True)


@policy_app.command("reward")
def policy_reward(
    county: Annotated[str, typer.Option("--county", help="区划代码 area code of 6 digits")],
    name: Annotated[str, typer.Option("--name", help="奖补名称 name of the reward, as policy show lists it")],
    date: Annotated[str, typer.Option("--date", help="完成日期 YYYY-MM-DD the day on which it was done")],
    *,
    persons: Annotated[int, typer.Option("--persons", min=1, help="家庭人口 persons of the household")] = 1,
    base: Annotated[
        float | None, typer.Option("--base", min=0, help="原奖补（元） yuan due without it, for a reward that raises it")
    ] = None,
) -> None:
    """测算按日期分步的一次性奖补；不计入稳定收入。 What a dated reward pays; one-off money, no stable income."""
    from features.errors import UserError, not_among
    from features.policy.packs import packs_of
    from features.policy.rewards import reward
    from features.policy.shipped import load

    there = packs_of(load(counties=Settings().policy_dir)).at(county).pack.rewards
    if name not in there:
        raise UserError(not_among(f"{county} 没有奖补 {name}", "the county has no such reward", there))
    said = there[name]
    paid = reward(said, read_date(date), persons=persons, base=base)
    console.print(f"{said.zh} {said.en}, {date}: {_value(paid)} {'' if paid is None else '元 yuan'}".rstrip(), markup=False, soft_wrap=True)
    console.print(f"依据 by: 等级 grade {said.grade}: {said.reference}", markup=False, soft_wrap=True)
