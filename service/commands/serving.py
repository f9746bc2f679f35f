"""The command that serves over HTTP."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.errors import UserError
from service.clock import utc_now
from service.commands.console import console, open_database
from service.safety import check_start
from service.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

app = typer.Typer()


@app.command()
def serve(
    host: Annotated[str | None, typer.Option("--host", help="监听地址 address to listen on")] = None,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help="监听端口 port")] = None,
    demo_file: Annotated[
        Path | None,
        typer.Option(
            "--demo-file", help="就绪后写出地址与演示令牌（仅合成数据） write address and demo tokens here when ready; synthetic data only"
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, max=64, help="进程数，默认 FANGPIN_WORKERS processes that answer")
    ] = None,
) -> None:
    """提供 HTTP 接口，Ctrl-C 停止。 Serve over HTTP; Ctrl-C stops."""
    import uvicorn

    from service import demo
    from service.importing import pseudonym_key

    if workers is not None:
        os.environ["FANGPIN_WORKERS"] = str(workers)  # the processes read their settings from the environment
    settings = Settings()
    host, port = host or settings.host, port or settings.port
    pseudonym_key(settings.pseudonym_key, demo=settings.demo)
    _check_port(host, port)
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 (compared, not bound)
    url = f"http://{shown}:{port}"
    if demo_file is not None and (settings.workers > 1 or not settings.demo):
        raise UserError(
            "演示文件只用于演示模式、单进程 --demo-file is for a demonstration in one process, made for synthetic registers only: "
            "set FANGPIN_DEMO=1 and leave out --workers"
        )
    options: dict[str, Any] = {
        "factory": True,
        "host": host,
        "port": port,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": settings.stop_seconds,
    }
    if settings.workers > 1:
        _share_metrics(settings.metrics_dir)
        with open_database(settings) as database:  # once, before several do the same; and what is not safe is told here
            check_start(settings, database, utc_now)
        console.print(f"服务地址 serving at {url}, {settings.workers} 个进程 processes; 令牌 tokens: python -m service token create")
        uvicorn.run("service.commands.serving:served", workers=settings.workers, **options)
        return
    application = served()
    server = uvicorn.Server(uvicorn.Config(application, **{**options, "factory": False}))
    if demo_file is not None:
        content = demo.prepare(application.state.service, url, demo_file)

        def tell() -> None:
            console.print(f"\n[bold]就绪 ready[/bold]: {url}  （合成数据 synthetic data, {content['as_of']}）")
            for role, token in content["tokens"].items():
                console.print(f"  {role:<10} {content['regions'][role]:<12} {token}", markup=False)
            console.print("试一试 try:")
            for line in demo.lines(content):
                console.print(line, markup=False, soft_wrap=True)
            console.print("Ctrl-C 停止 stops.")

        demo.when_ready(url, lambda: server.started, tell, lambda why: console.print(f"[red]未能就绪 not ready:[/red] {why}"))
        with socket.create_server((host, port), family=_family(host)) as listening:
            demo.write(demo_file, content)  # between: whoever waits for an answer finds the file, whoever waits for the file is answered
            server.run([listening])
        return
    console.print(f"服务地址 serving at {url}; 令牌 tokens: python -m service token create")
    server.run()


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _check_port(host: str, port: int) -> None:
    """Refuses a port that something else listens on."""
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UserError(
                f"无法监听 cannot listen on {host}:{port} ({error.strerror}): 停止占用者或换端口 stop what listens there, or pass --port"
            ) from None


def served() -> FastAPI:
    """The application of one process that serves, with its log."""
    from service import logs
    from service.app import create_app

    settings = Settings()
    logs.configure(settings.log_level)
    return create_app(settings)


def _share_metrics(folder: Path) -> None:
    """Gives the processes to come a folder for their counters; what an earlier run left in it goes."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("*.db"):
        left.unlink()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
