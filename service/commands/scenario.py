"""Commands of planning: what a shock would do, who may fall back, and what lawful help would lift whom. They store nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.table import Table

from service.clock import today, utc_now
from service.commands.console import console, open_database, progress_bar, read_date
from service.commands.scoring import AsOfOption
from service.settings import Settings

if TYPE_CHECKING:  # what plans is loaded by the command that does
    from models.scenario import Shock
    from service.planning import Planned, Progress, Report

app = typer.Typer(
    no_args_is_help=True,
    help="规划推演：只读，不存任何结果，不改任何状态。 Planning: reads the stored register, stores nothing, changes no status.",
)
RegionOption = Annotated[
    str, typer.Option("--region", help="区划代码，默认全部 where: area code of a county 6, township 9, village 12 digits; default all")
]


def _table(out: Path | None) -> Path | None:
    """Refuses a file that could not be written in the end, before anything is read."""
    if out is not None:
        from service.planning import check_format

        check_format(out)
    return out


OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out", help="输出文件：.json 全部，.csv 逐户 .json holds everything, .csv the households", dir_okay=False, callback=_table
    ),
]
MOST_TOWNS = 40
STEPS = 20


@app.command()
def bill(
    *,
    amount: Annotated[float, typer.Option("--amount", min=0, help="每户一笔住院费用（元） yuan of the bill of every household")] = 30000,
    outside: Annotated[float, typer.Option("--outside", min=0, help="其中目录外（元） of it outside the insurer's list")] = 0,
    region: RegionOption = "",
    as_of: AsOfOption = None,
    out: OutOption = None,
) -> None:
    """大病：每户一笔住院费用，按县方案报销后，谁会跌破线。 A hospital bill for every household, reimbursed by the county's scheme."""
    from models.scenario import Bill

    _shock(Bill(amount, outside), region, as_of, out)


@app.command("job-loss")
def job_loss(
    *,
    months: Annotated[int, typer.Option("--months", min=1, max=12, help="失业月数 months without it")] = 12,
    region: RegionOption = "",
    as_of: AsOfOption = None,
    out: OutOption = None,
) -> None:
    """失业：每户工资最高的一份工作停若干月。 The best-paid job of every household is lost."""
    from models.scenario import JobLoss

    _shock(JobLoss(months), region, as_of, out)


@app.command()
def hail(
    *,
    share: Annotated[float, typer.Option("--share", min=0, max=1, help="经营收入损失比例 share of business income lost")] = 0.5,
    region: RegionOption = "",
    as_of: AsOfOption = None,
    out: OutOption = None,
) -> None:
    """农牧灾害：一地经营收入损失一定比例。 Crops or stock of a place are lost."""
    from models.scenario import Hail

    _shock(Hail(share), region, as_of, out)


@app.command("raise-line")
def raise_line(
    *,
    by: Annotated[float, typer.Option("--by", min=0, help="监测线提高（元） yuan by which the monitoring line is raised")] = 500,
    region: RegionOption = "",
    as_of: AsOfOption = None,
    out: OutOption = None,
) -> None:
    """提线：监测线提高若干元，由其推出的贫困线随之提高。 The monitoring line is raised."""
    from models.scenario import RaisedLine

    _shock(RaisedLine(by), region, as_of, out)


@app.command()
def clearance(*, region: RegionOption = "", as_of: AsOfOption = None, out: OutOption = None) -> None:
    """风险消除后返贫：现在的概率，以及消除后逐年的实际比例。 Falling back after the monitoring was ended."""
    from service.bundles import ActiveBundle
    from service.planning import fallen_back

    settings = Settings()
    bundle = ActiveBundle(settings.bundle_dir).current()
    report = _made(settings, region, as_of, lambda plan, step: fallen_back(plan, bundle, region, threads=settings.threads, progress=step))
    console.print(
        f"{report['as_of']}: 曾消除 eliminations {report['eliminations']:,}，现不在监测 not monitored now {report['households']:,} 户; "
        f"低于贫困线 below the line {report['below_line']:,}, {_tiers(report)}",
        soft_wrap=True,
    )
    table = Table("消除后第几年 year since", "结果 outcome", "n", "发生 events", "比例 share", "95 %")
    for row in report["observed"]:
        if row["group"] == "all":
            span = row["said"] or f"{row['low']:.1%} – {row['high']:.1%}"
            table.add_row(str(row["year"]), row["outcome"], str(row["n"]), str(row["events"]), _share(row["share"]), span)
    console.print(table)
    _write(report, out)


@app.command("lift")
def lift(
    *,
    line: Annotated[Literal["poverty", "monitoring"], typer.Option("--line", help="哪条线 over which line")] = "monitoring",
    region: RegionOption = "",
    as_of: AsOfOption = None,
    out: OutOption = None,
) -> None:
    """过线所需的最小依规帮扶组合。 The smallest set of lawful help that lifts each household over a line."""
    from service.planning import helped

    def make(plan: Planned, step: Progress) -> Report:
        step("帮扶 help")
        return helped(plan, f"{line}_line", region)

    report = _made(Settings(), region, as_of, make)
    verdicts = report["verdicts"]
    console.print(
        f"{report['as_of']}: {report['households']:,} 户 households, 线下 under the {line} line {report['under']:,}, "
        f"不可评 not evaluable {report['not_evaluable']:,}",
        soft_wrap=True,
    )
    table = Table("结论 verdict", "户 households")
    table.add_row("依规帮扶足以过线 lawful help reaches it", f"{verdicts['reaches']:,}")
    table.add_row("取决于未知的金额 rests on an amount that is not known", f"{verdicts['rests_on_unknown']:,}")
    table.add_row("无依规组合可达 no lawful set reaches it", f"{verdicts['out_of_reach']:,}")
    console.print(table)
    console.print(f"足以过线者每年 yuan a year for those it reaches: {report['yearly_yuan_of_sets_that_reach']:,.0f} 元", soft_wrap=True)
    _write(report, out)


def _shock(shock: Shock, region: str, as_of: str | None, out: Path | None) -> None:
    from service.bundles import ActiveBundle
    from service.planning import shocked

    settings = Settings()
    bundle = ActiveBundle(settings.bundle_dir).current()
    report = _made(
        settings, region, as_of, lambda plan, step: shocked(plan, bundle, shock, region, threads=settings.threads, progress=step)
    )
    console.print(
        f"{report['as_of']}: {report['households']:,} 户 households, 受冲击 struck {report['struck']:,}; "
        f"名单上 on the list {report['listed_before']:,} → {report['listed_after']:,}",
        soft_wrap=True,
    )
    for what, count in {**report["spared"], **report["noted"]}.items():
        console.print(f"  {what}: {count:,}", markup=False, soft_wrap=True)
    for scheme in report["rests_on"]:
        console.print(f"  报销依据 settled by {scheme}", markup=False, soft_wrap=True)
    table = Table("跌破 crossing", "此前已在线下 under before", "新跌破 cross", "已在名单 on the list", "不能判断 cannot be told")
    for one in report["tests"]:
        counts = (one["under_before"], one["crosses"], one["already_listed"], one["not_evaluable_before"] + one["may_cross"])
        table.add_row(f"{one['zh']} {one['test']}", *(f"{count:,}" for count in counts))
    console.print(table)
    towns = Table("乡镇 town", "户 households", "受冲击 struck", "跌破任一线 crossing", "已在名单 on the list", "等级变动 tier moves")
    names = ("households", "struck", "crossing", "crossing_already_listed", "tier_moves")
    for town in sorted(report["by_town"], key=lambda town: -town["crossing"])[:MOST_TOWNS]:
        towns.add_row(escape(town["town"] or "?"), *(f"{town[name]:,}" for name in names))
    console.print(towns)
    _write(report, out)


def _made(settings: Settings, region: str, as_of: str | None, make: Callable[[Planned, Progress], Report]) -> dict[str, Any]:
    """Reads the stored register and makes a report, with a bar."""
    from service.planning import planned

    day = None if as_of is None else read_date(as_of)
    with open_database(settings) as database, progress_bar("推演 plan", STEPS) as (progress, task):

        def step(words: str) -> None:
            progress.update(task, description=f"推演 plan · {words}", advance=1)

        plan = planned(database, region, day, today=today(utc_now), counties=settings.policy_dir, progress=step)
        report = make(plan, step)
        progress.update(task, description="推演 plan", completed=STEPS)
    return report


def _write(report: Report, out: Path | None) -> None:
    from service.planning import write_report

    if out is None:
        console.print("逐户请加 households: --out FILE.csv, 全部 everything: --out FILE.json")
        return
    write_report(report, out)
    console.print(f"已写出 written: {out}, {len(report['list']):,} 户 households", markup=False, soft_wrap=True)


def _tiers(report: Report) -> str:
    words = {"red": "红 red", "orange": "橙 orange", "yellow": "黄 yellow", "none": "无 none"}
    return ", ".join(f"{words[tier]} {count:,}" for tier, count in report["tiers"].items())


def _share(share: float | None) -> str:
    return "—" if share is None else f"{share:.1%}"
