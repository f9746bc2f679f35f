# %% [markdown]
# # 02 训练并读报告 Train, and read the report
# 用过去拟合，用更晚的户校准，用最晚的一年检验；始终与简单基线并列。
# Fitted on the past, calibrated on later households, judged on the latest year, always beside simple baselines.

# %%
from dataclasses import replace

import numpy as np

from models.explain import explain
from models.figures import calibration, importance, waterfall
from models.scorer import score
from training.card import model_card
from training.county import train
from training.fit import DEFAULTS
from training.notebook import Steps, county, draw, tell
from training.promotion import promote, verdict
from training.recording import record_model
from training.tracking import Tracker

# %% tags=["parameters"]
STEP_MONTHS = 6  # 拟合时点间隔 between fitting dates; 3 is slower and a little better
SEEDS = 3
PROMOTE = False  # 设为 True 才会上线 only True puts the model into service

# %%
history, home = county()
steps = Steps()
judged = train(
    history.register,
    history.policy,
    name=history.name,
    step_months=STEP_MONTHS,
    settings=replace(DEFAULTS, seeds=SEEDS),
    progress=steps,
)
steps.end()

# %% [markdown]
# ## 值不值得用 Is it worth using
# 第一行就是结论。The first line is the answer.

# %%
tell(model_card(judged.bundle.card, judged.bundle.version))

# %% [markdown]
# ## 概率是否可信 Do the probabilities come true

# %%
draw(calibration(judged.ours.probability, judged.test.y))

# %% [markdown]
# ## 靠什么判断 What it looks at

# %%
draw(importance(judged.bundle.importance, {feature.name: feature.zh for feature in judged.bundle.declared}))

# %% [markdown]
# ## 一户为何在前 Why one household stands first
# 检验时点分数最高的一户：从一般户起，逐条理由相加。The highest score of the judged date, reason by reason.

# %%
frame = history.frame(judged.test.dates[0])
scores = score(judged.bundle, frame)
reasons = explain(judged.bundle, frame, scores, [int(np.nanargmax(scores.margin))])[0]
draw(waterfall(reasons, judged.bundle.base_margin))

# %% [markdown]
# ## 记录 Record
# 每次训练都留下参数、指标、图和模型卡；挑战者登记在册，不会自动上线。
# Every run is kept with settings, figures and card; the challenger is registered and goes nowhere by itself.

# %%
tracked = record_model(judged, home)
runs = Tracker(home / "mlflow")
run = runs.recorded(tracked)
tell(f"[MLflow run {run.run_id}]({run.page}), 先运行 after `{run.show}`")

# %% [markdown]
# ## 上线门槛 The gate
# 有反对意见就不能上线，除非写明理由。Objections stop it unless a person states a reason.

# %%
judgement = verdict(judged.bundle)
tell("\n".join(f"- ✗ {objection}" for objection in judgement.objections) or "通过 passes")
if PROMOTE:
    promote(tracked.folder, home / "bundles", judgement)
    runs.crown(tracked, "notebook 02")
