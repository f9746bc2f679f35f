"""Commands for the model in service: which one answers, what happened before, and going back to another."""

from __future__ import annotations

from typing import Annotated

import typer

from service.commands.console import console, open_database
from service.settings import Settings

model_app = typer.Typer(help="启用的模型 The model in service.", no_args_is_help=True)
PREVIOUS = "previous"


@model_app.command("show")
def model_show() -> None:
    """显示启用的模型、可换回的版本和名单所用的版本。 Show the model in use, those kept, and the one behind the list."""
    from models.pointer import kept, read
    from service.bundles import described, usable
    from service.storage.score_store import active

    settings = Settings()
    pointer = read(settings.bundle_dir)
    told = described(usable(settings.bundle_dir / pointer.version))
    with open_database(settings) as database, database.reading() as connection:
        current = active(connection)
    dates, cutoffs = told["dates"], told["cutoffs"]
    rows = {
        "模型 model": f"{told['name']} {told['version']}" + ("（合成数据 made-up data）" if told["synthetic"] else ""),
        "训练 fitted on": f"{dates['fit'][0]} … {dates['fit'][-1]}" if dates["fit"] else "—",
        "校准 calibrated on": dates["calibrate"] or "—",
        "检验 judged on": dates["test"] or "—",
        "分级 cut-offs": ", ".join(f"{name} ≥ {cutoff:.3f}" for name, cutoff in cutoffs.items()),
        "特征 features": str(len(told["features"])),
        "要点 headline": str(told["card"].get("headline", "—")),
        "理由 override": pointer.override or "—",
        "上一版本 previous": pointer.previous or "—",
        "保存的版本 kept": ", ".join(kept(settings.bundle_dir)),
        "名单所用 the list's": "—" if current is None else f"{current.model_version} ({current.list_version}, {current.as_of})",
    }
    for name, cell in rows.items():
        console.print(f"{name}: {cell}", markup=False, soft_wrap=True)
    if current is not None and current.model_version != told["version"]:
        console.print("名单仍是另一版本模型的 the list is still another model's: python -m service score", soft_wrap=True)


@model_app.command("history")
def model_history(limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="条数 how many")] = 20) -> None:
    """列出模型更替与被拒的模型。 List which model was taken up or refused when, by which worker."""
    from service.storage.model_store import history

    with open_database(Settings()) as database, database.reading() as connection:
        for row in history(connection, limit):
            told = (row.at, row.event, row.model_name, row.model_version, f"进程 worker {row.worker}", row.reason)
            console.print(*(word for word in told if word), markup=False, soft_wrap=True)


@model_app.command("use")
def model_use(
    version: Annotated[str, typer.Argument(help=f"版本号，或 {PREVIOUS} a kept version, or “{PREVIOUS}”")],
    reason: Annotated[str, typer.Option("--reason", help="理由，记入更替记录 why; kept in the history")] = "手动换用 switched by hand",
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查，不换 only check whether it can be used")] = False,
) -> None:
    """换用保存的另一版本模型，例如换回上一版本。 Switch to another kept model, back to the previous one, say."""
    from features.errors import UserError
    from models.pointer import kept, point, read
    from service.bundles import usable

    folder = Settings().bundle_dir
    if version == PREVIOUS:
        before = read(folder).previous
        if before is None:
            raise UserError("没有上一版本 there is no previous version; python -m service model show lists those kept")
        version = before
    there = kept(folder)
    if version not in there:
        raise UserError(f"没有保存此版本 this version is not kept: {version!r}; 可选 choose from: {', '.join(there) or '—'}")
    bundle = usable(folder / version)
    if dry_run:
        console.print(f"可以换用 can be used: {bundle.name} {version}；未作改动 nothing was changed")
        return
    pointer = point(folder, version, reason)
    console.print(f"已换用 in use from now on: {bundle.name} {version}；之前 before: {pointer.previous or '—'}")
    console.print(
        "服务在一秒内改用；名单须重新评分 the service takes it up within a second; the list needs: python -m service score", soft_wrap=True
    )
