"""Chinese and English names of the contestants and figures, for cards and reports."""

from __future__ import annotations

MODELS_ZH = {
    "ours": "本模型 ours",
    "income": "按收入升序 income, ascending",
    "logistic": "逻辑回归 logistic",
    "lightgbm_default": "LightGBM 默认 default",
    "village_rate": "村发生率 village rate",
    "points": "计分规则 points rule",
    "paper_card": "十问纸质卡 ten-question paper card",
}
OUTCOMES_ZH = {
    "falls_below": "未来12个月人均纯收入跌破贫困线 per-capita net income falls under the poverty line within 12 months",
    "identified": "未来12个月被识别为监测对象 entered as monitored within 12 months (a human process, biased by effort)",
}
METRICS_ZH = {
    "precision": "命中率 precision",
    "recall": "覆盖率 recall",
    "lift": "提升 lift",
    "auc": "AUC",
    "ap": "AP",
    "brier": "Brier",
    "ece": "ECE",
    "observed_expected": "观测/预期 observed/expected",
    "slope": "斜率 slope",
}


def model_zh(model: str) -> str:
    """The name of a contestant; its own where it has none here."""
    return MODELS_ZH.get(model, model)
