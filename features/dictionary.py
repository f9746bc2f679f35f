"""The data dictionary: what every column and every feature means, rendered from their declarations."""

from __future__ import annotations

from collections.abc import Iterable

from features.build import THEMES
from features.catalog import CAUSES, Leak
from features.tables import TABLES, Column

DIRECTIONS = {1: "↑ 越大越险 riskier", -1: "↓ 越大越稳 safer", 0: "—"}
LEAKS = {
    Leak.SAFE: "可训练 trains",
    Leak.STATUS_PROXY: "监测程序的产物，不训练 made by the process, never trains",
    Leak.OUTCOME: "属于结果，不训练 part of the outcome, never trains",
    Leak.PROTECTED: "受保护，不训练 protected, never trains",
}


def render() -> str:
    """The whole dictionary as Markdown."""
    return "\n".join((*_head(), *_tables(), *_features())) + "\n"


def _head() -> Iterable[str]:
    count = sum(len(theme.features) for theme in THEMES)
    yield "# 数据字典 Data dictionary"
    yield ""
    yield "由代码生成，请勿手改 Rendered by `python -m features dictionary`; do not edit."
    yield ""
    yield f"登记册共 {len(TABLES)} 张表，模型输入共 {count} 项。每一行都写明何时成为事实、何时为办公室所知（`known_on`）。"
    yield f"The register has {len(TABLES)} tables, the model {count} inputs. Every row says when it was true and when it was known."
    yield ""


def _tables() -> Iterable[str]:
    yield "## 登记册 The register"
    yield ""
    for table in TABLES.values():
        yield f"### {table.zh} `{table.name}`"
        yield ""
        thing = " + ".join(f"`{name}`" for name in ("household_id", *table.entity))
        valid = f"；生效日期列 valid from `{table.valid}`" if table.valid else ""
        yield f"{table.doc} 同一事项由 {thing} 认定 names the thing a row speaks of{valid}。"
        yield ""
        yield "| 列 column | 中文 | 类型 kind | 必填 required | 允许 allowed | 说明 meaning |"
        yield "| --- | --- | --- | --- | --- | --- |"
        for column in table.columns:
            required = "是 yes" if column.required else ""
            yield f"| `{column.name}` | {column.zh} | {column.kind} | {required} | {_allowed(column)} | {column.doc} |"
        yield ""


def _allowed(column: Column) -> str:
    if column.values:
        also = {code: f"（亦读 also read {alias}）" for alias, code in column.aliases}
        return ", ".join(f"`{code}` {zh}{also.get(code, '')}" for code, zh in column.values)
    if column.low is None or column.high is None:
        return column.unit
    return f"{column.low:g} … {column.high:g} {column.unit}".rstrip()


def _features() -> Iterable[str]:
    yield "## 模型输入 The model's inputs"
    yield ""
    yield "全部由 `features.build.build` 计算，只看统计时点已知的行；缺失即“不可评估”。"
    yield "All computed by `features.build.build` from rows known on the date; missing means not evaluable."
    yield ""
    for theme in THEMES:
        yield f"### {theme.zh} {theme.name}"
        yield ""
        yield "| 名称 name | 中文 | 单位 unit | 方向 direction | 代表的风险 cause | 用途 use |"
        yield "| --- | --- | --- | --- | --- | --- |"
        for feature in theme.features:
            yield (
                f"| `{feature.name}` | {feature.zh} | {feature.unit} | {DIRECTIONS[feature.direction]} "
                f"| {CAUSES[feature.cause]} | {LEAKS[feature.leak]} |"
            )
        yield ""
    yield "登记册自己声明的指标（`indicators`）以 `indicator.<name>` 为名列在最后。"
    yield "Indicators that a register declares itself follow as `indicator.<name>`."
