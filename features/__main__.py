"""Commands around the register: `python -m features validate|template|dictionary|policy`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from features.errors import Problem, UserError

app = typer.Typer(
    help="登记册：校验、Excel 模板、数据字典、政策一览 The register: validation, Excel template, data dictionary, policy page.",
    no_args_is_help=True,
    add_completion=False,
)
console = Console(emoji=False)


@app.command()
def validate(
    folder: Annotated[Path, typer.Argument(help="登记册文件夹或填好的 Excel 模板 register folder or filled-in workbook")],
    out: Annotated[Path | None, typer.Option(help="问题清单 CSV，Excel 可打开 write all problems here")] = None,
    on: Annotated[
        dt.datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="此日之后知悉的行列为问题 name rows known after this day")
    ] = None,
) -> None:
    """校验登记册，列出全部问题；没有问题时退出码为 0 Lists everything wrong with a register; exit code 0 where nothing is."""
    from features.quality import validate as checks

    today = on and on.date()

    if folder.suffix == ".xlsx":
        problems = checks.validate_workbook(folder, today=today)
    else:
        with console.status("校验中 validating …") as status:
            problems = checks.validate(folder, today=today, progress=lambda name: status.update(f"校验 validating {name}"))
    if out:
        checks.write_problems(problems, out)
    if not problems:
        console.print(f"{folder}：没有问题 no problems. 下一步 next: python -m service import {folder}", soft_wrap=True)
        return
    _show(problems)
    console.print(
        f"共 {len(problems)} 个问题 problems in all." + (f" 清单 listed in {out}" if out else " --out FILE.csv 可导出 writes them all")
    )
    raise typer.Exit(1)


@app.command()
def template(out: Annotated[Path, typer.Argument(help="要写的 .xlsx 文件 the file to write")]) -> None:
    """写出空白 Excel 模板 Writes the empty Excel template."""
    from features.template import write_workbook

    write_workbook(out)
    console.print(f"已写出 written: {out}. 填好后 then: python -m features validate {out}", soft_wrap=True)


@app.command()
def dictionary(
    out: Annotated[Path, typer.Option(help="要写的 Markdown 文件 the file to write")] = Path("docs/data-dictionary.md"),
) -> None:
    """由声明生成数据字典 Renders the data dictionary from the declarations."""
    from features.dictionary import render

    out.write_text(render(), encoding="utf-8")
    console.print(f"已写出 written: {out}")


@app.command()
def policy(
    out: Annotated[Path, typer.Option(help="要写的 Markdown 文件 the file to write")] = Path("docs/policy.md"),
) -> None:
    """由政策文件生成政策一览 Renders the page of all values and rules from the policy files."""
    from features.policy.page import render
    from features.policy.shipped import load

    out.write_text(render(load()), encoding="utf-8")
    console.print(f"已写出 written: {out}")


def _show(problems: list[Problem]) -> None:
    """Problems of one kind in one line, with the first place where they stand."""
    kinds: dict[tuple[str, str | None, str], list[Problem]] = {}
    for problem in problems:
        kinds.setdefault((problem.table.split("/")[0], problem.column, problem.remedy), []).append(problem)
    for alike in kinds.values():
        console.print(f"{len(alike):>7} × {alike[0]}", markup=False, highlight=False, soft_wrap=True)


def main() -> None:
    """Runs a command; a user's error is shown without a traceback."""
    try:
        app()
    except UserError as error:
        Console(stderr=True, emoji=False).print(f"[red]{escape(str(error))}[/red]")
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    main()
