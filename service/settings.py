"""What can be set from outside: environment variables that begin with FANGPIN_."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where the service keeps its files, where it listens and what it allows; each name is read as FANGPIN_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="FANGPIN_", env_ignore_empty=True, frozen=True, populate_by_name=True)

    # It may hold a password, so it is not shown with the others. DATABASE_URL is what hosts of applications set.
    database_url: Annotated[
        str,
        Field(
            description="数据库地址 database address: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME; else DATABASE_URL",
            validation_alias=AliasChoices("FANGPIN_DATABASE_URL", "DATABASE_URL"),
            repr=False,
        ),
    ] = "sqlite:///var/fangpin.db"
    database_pool: Annotated[
        int, Field(ge=1, le=100, description="PostgreSQL：每进程连接数 connections a process keeps; up to three times as many in a rush")
    ] = 5
    statement_seconds: Annotated[
        int, Field(ge=0, le=3600, description="PostgreSQL：查询时限（秒） seconds until a question is given up; 0: never")
    ] = 30
    bundle_dir: Annotated[Path, Field(description="模型包目录，内有 active.json folder of model bundles with active.json")] = Path(
        "var/bundles"
    )
    pseudonym_key: Annotated[Path, Field(description="户编号假名密钥文件 file of the key behind the pseudonyms")] = Path(
        "var/pseudonym.key"
    )
    uploads_dir: Annotated[
        Path, Field(description="上传文件与导入问题清单目录 folder for uploads until they are read, and for lists of problems")
    ] = Path("var/uploads")
    audit_dir: Annotated[Path, Field(description="访问日志目录 folder of the access log")] = Path("var/audit")
    policy_dir: Annotated[
        Path | None,
        Field(
            description="县自行编写的政策文件目录，启动时读取，训练与评分亦用 folder of the county's own policy files, read at the start; "
            "training and scoring read it too"
        ),
    ] = None
    regions: Annotated[
        Path | None,
        Field(
            description="地名表（CSV：code,zh,en），启动时读取，页面与表格随代码显示地名 file of place names, CSV with code, zh and en, "
            "read at the start; shown beside the codes"
        ),
    ] = None
    demo: Annotated[
        bool,
        Field(description="演示模式：缺密钥时使用公开的演示密钥 demo: a missing key is the one that everybody knows; never with real data"),
    ] = False
    host: Annotated[str, Field(description="监听地址 address to listen on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535, description="监听端口 port to listen on")] = 8000
    threads: Annotated[int, Field(ge=1, le=64, description="批量评分线程数 threads for scoring large batches")] = 2
    max_body_mb: Annotated[int, Field(ge=1, le=1024, description="请求体上限（兆字节） largest request body, megabytes")] = 64
    uploads_waiting: Annotated[
        int, Field(ge=1, le=10_000, description="最多等待处理的上传数 most uploads that wait at once; further ones are told to come again")
    ] = 20
    import_memory_mb: Annotated[
        int,
        Field(
            ge=0,
            le=1_048_576,
            description="导入进程内存上限（兆字节），0 不限 "
            "most memory of the process that works off uploads, megabytes of address space; 0: no limit",
        ),
    ] = 4096
    token_days: Annotated[int, Field(ge=1, le=366, description="访问令牌有效天数 days until a new token expires")] = 90
    session_hours: Annotated[int, Field(ge=1, le=168, description="浏览器登录保持小时数 hours that a sign-in with a browser lasts")] = 12
    https: Annotated[bool, Field(description="只经 HTTPS 访问 people reach it over HTTPS only: secure cookies, HSTS")] = False
    rate_limit: Annotated[int, Field(ge=0, description="每令牌每分钟请求数，0 不限 requests a minute for each token; 0: any number")] = 1200
    sign_in_limit: Annotated[
        int,
        Field(
            ge=0,
            description="每地址每分钟失败登录数、每令牌登录数，0 不限 "
            "failed sign-ins a minute from one address, and sign-ins with one token; 0: any number",
        ),
    ] = 30
    stranger_limit: Annotated[
        int, Field(ge=0, description="每地址每分钟未登录请求数，0 不限 requests a minute without a token from one address; 0: any number")
    ] = 300
    export_rows: Annotated[
        int, Field(ge=1, le=1_000_000, description="导出文件最多户数 most households in one CSV or Excel file of a list")
    ] = 100_000
    workers: Annotated[int, Field(ge=1, le=64, description="进程数 processes that answer; limits are shared out among them")] = 1
    large_batches: Annotated[
        int, Field(ge=1, le=64, description="每进程同时处理的大批评分数 large batches scored at once in each process; others wait")
    ] = 1
    request_seconds: Annotated[float, Field(ge=0, description="请求时限（秒），0 不限 seconds for a request; 0: no limit")] = 60
    drain_seconds: Annotated[
        float, Field(ge=0, description="停止前仍应答的秒数 seconds between being told to stop and taking no more requests; /readyz says so")
    ] = 0
    stop_seconds: Annotated[int, Field(ge=1, description="停止时等待未完请求的秒数 seconds that requests in hand get at the stop")] = 20
    allowed_hosts: Annotated[str, Field(description="允许的主机名，逗号分隔，空为全部 host names that are answered; empty: all")] = ""
    cors_origins: Annotated[str, Field(description="允许跨域的来源，逗号分隔 origins whose pages may ask, with commas between")] = ""
    metrics_dir: Annotated[Path, Field(description="多进程指标目录 folder that several workers share for /metrics")] = Path("var/metrics")
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], Field(description="日志级别 least level that is logged")] = "INFO"
    keep_lists: Annotated[int, Field(ge=0, le=1000, description="保留最近多少份名单，0 全部 how many lists are kept; 0: all")] = 12
