"""What is wrong with an entry, said so that whoever made it can mend it: which one, what is allowed; Chinese, then English.

Every route and page checks what it is given with pydantic; the types of its findings are put into words here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

FIELD_ZH = {
    "as_of": "统计时点", "bills": "单据", "body": "请求内容", "by": "分组", "candidate": "候选类别",
    "cause": "主要原因", "cell": "规则与等级", "column": "列", "cursor": "翻页标记", "date": "日期",
    "dry_run": "只检查", "file": "文件", "format": "文件格式", "found": "核实结果", "from": "较早的名单",
    "household_id": "户编号", "households": "农户", "job_id": "导入编号", "kind": "变化类别", "ledger": "台账", "limit": "每页条数",
    "mode": "导入方式", "months": "保留月数", "note": "备注", "order": "排序", "probability": "抽取概率",
    "reason": "入户原因", "region": "区域", "replaces": "更正第几版", "risk": "风险类型", "score": "是否重新评分",
    "search": "户编号或村代码", "since": "起点", "state": "状态", "table": "表", "tier": "预警等级", "to": "较晚的名单",
    "token": "访问令牌", "visited": "走访情况", "visited_on": "入户日期",
}  # fmt: skip
"""What staff call the entries of forms and the parameters of addresses."""

SHAPES = {
    "cause": ("应为风险类型之一，请从列表中选择", "must be one of the causes that GET /api/v1/summary?by=cause names"),
    "cursor": ("不是本服务给出的翻页标记，请从第一页重新查看", "is not a cursor that this service gave; start without one"),
    "ledger": ("不是台账的名称，请从台账列表中选择", "is the name of no ledger; GET /api/v1/ledgers names them"),
    "region": ("应为 6 位（县）、9 位（乡镇）或 12 位（村）区划代码", "must be an area code of 6, 9 or 12 digits"),
    "search": (
        "请输入户编号的前 4 位以上（数字或英文字母），或 9 位、12 位区划代码；不能按村名查找，请改用“区域”",
        "give 4 signs or more of how a household's number begins, or an area code of 9 or 12 digits; for a place choose the area",
    ),
}
"""What an entry looks like whose form a pattern holds."""

WORDS = {
    "missing": ("必须填写", "must be given"),
    "extra_forbidden": ("没有此参数，请去掉", "there is no such parameter; leave it out"),
    "string_pattern_mismatch": ("格式不对", "has another form than is taken"),
    "string_type": ("应为文字", "must be text"),
    "string_too_long": ("过长，最多 {max_length} 个字符", "is too long; it may have {max_length} characters at most"),
    "string_too_short": ("过短，至少 {min_length} 个字符", "is too short; it must have {min_length} characters at least"),
    "literal_error": ("不是可选的值", "must be one of: {expected}"),
    "enum": ("不是可选的值", "must be one of: {expected}"),
    "int_parsing": ("应为整数", "must be a whole number"),
    "int_type": ("应为整数", "must be a whole number"),
    "int_from_float": ("应为整数", "must be a whole number"),
    "int_parsing_size": ("数字过大", "is too large a number"),
    "float_parsing": ("应为数字", "must be a number"),
    "float_type": ("应为数字", "must be a number"),
    "finite_number": ("应为有限的数字", "must be a finite number"),
    "bool_parsing": ("应为是或否", "must be true or false"),
    "bool_type": ("应为是或否", "must be true or false"),
    "greater_than": ("应大于 {gt}", "must be over {gt}"),
    "greater_than_equal": ("不得小于 {ge}", "must be {ge} at least"),
    "less_than": ("应小于 {lt}", "must be under {lt}"),
    "less_than_equal": ("不得大于 {le}", "must be {le} at most"),
    "list_type": ("应为列表", "must be a list"),
    "dict_type": ("应为一组名称和值", "must be an object of names and values"),
    "model_type": ("应为一组名称和值", "must be an object of names and values"),
    "model_attributes_type": ("应为一组名称和值", "must be an object of names and values"),
    "too_short": ("过少，至少 {min_length} 项", "must have {min_length} items at least"),
    "too_long": ("过多，最多 {max_length} 项", "may have {max_length} items at most"),
    "json_invalid": ("无法解析，请检查括号、引号与逗号", "is no valid JSON: {error}"),
}
"""By the type of pydantic's finding: Chinese, English."""

BILINGUAL = re.compile(r"^(?P<zh>[^A-Za-z]*[\u3400-\u9fff][^A-Za-z]*?)\s+(?P<en>[A-Za-z].*)$", re.DOTALL)


def field_of(item: Mapping[str, Any]) -> str:
    """Where a finding of pydantic is, as a path into the request.

    >>> field_of({"loc": ("query", "region")}), field_of({"loc": ("body", "bills", 0, "amount")}), field_of({"loc": ("body",)})
    ('region', 'bills.0.amount', 'body')
    """
    return ".".join(str(part) for part in item["loc"][1:]) or str(item["loc"][0])


def wording(item: Mapping[str, Any]) -> str:
    """A finding of pydantic as a sentence in two languages that names the entry.

    >>> wording({"type": "missing", "loc": ("body", "found"), "msg": "Field required"})
    '核实结果：必须填写 found: must be given'
    >>> wording({"type": "less_than_equal", "loc": ("query", "limit"), "msg": "", "ctx": {"le": 500}})
    '每页条数：不得大于 500 limit: must be 500 at most'
    """
    name = next((part for part in reversed(item["loc"]) if isinstance(part, str)), "")
    zh, en = _told(item, name)
    called = f"{FIELD_ZH[name]}：" if name in FIELD_ZH else ""
    return f"{called}{zh} {name.replace('_', ' ')}: {en}"


def _told(item: Mapping[str, Any], name: str) -> tuple[str, str]:
    if item["type"] == "string_pattern_mismatch" and name in SHAPES:
        return SHAPES[name]
    if item["type"] in WORDS:
        zh, en = WORDS[item["type"]]
        parts = {key: str(value).replace("'", "") for key, value in item.get("ctx", {}).items()}
        return zh.format(**parts), en.format(**parts)
    own = BILINGUAL.match(item["msg"])  # the service's own checks speak both languages already
    return ("不符合要求", item["msg"]) if own is None else (own["zh"], own["en"])
