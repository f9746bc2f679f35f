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
