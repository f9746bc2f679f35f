"""The command that serves over HTTP."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated

import typer

from features.errors import UserError
from service.commands.console import console
from service.settings import Settings

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
) -> None:
    """提供 HTTP 接口，Ctrl-C 停止。 Serve over HTTP; Ctrl-C stops."""
    import uvicorn

    from service import demo
    from service.app import create_app
    from service.importing import pseudonym_key

    settings = Settings()
    host, port = host or settings.host, port or settings.port
    pseudonym_key(settings.pseudonym_key, demo=settings.demo)
    _check_port(host, port)
    application = create_app(settings)
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 (compared, not bound)
    url = f"http://{shown}:{port}"
    server = uvicorn.Server(uvicorn.Config(application, host=host, port=port, log_level="warning", access_log=False, server_header=False))
    if demo_file is not None:
        content = demo.prepare(application.state.service, url, demo_file)
        demo_file.unlink(missing_ok=True)

        def tell() -> None:
            demo.write(demo_file, content)
            console.print(f"\n[bold]就绪 ready[/bold]: {url}  （合成数据 synthetic data, {content['as_of']}）")
            for role, token in content["tokens"].items():
                console.print(f"  {role:<10} {content['regions'][role]:<12} {token}", markup=False)
            console.print("试一试 try:")
            for line in demo.lines(content):
                console.print(line, markup=False, soft_wrap=True)
            console.print("Ctrl-C 停止 stops.")

        demo.when_ready(url, lambda: server.started, tell, lambda why: console.print(f"[red]未能就绪 not ready:[/red] {why}"))
    else:
        console.print(f"服务地址 serving at {url}; 令牌 tokens: python -m service token create")
    server.run()


def _check_port(host: str, port: int) -> None:
    """Refuses a port that something else listens on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UserError(
                f"无法监听 cannot listen on {host}:{port} ({error.strerror}): 停止占用者或换端口 stop what listens there, or pass --port"
            ) from None
