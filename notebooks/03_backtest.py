# %% [markdown]
# # 03 逐年回测 Back-test over the years
# 站在过去的每个时点上，只用当时知道的事拟合，然后看一年之后。
# Stands on past days, learns from what was known then, and looks a year forward: the same households, unseen households, an unseen town.

# %%
from dataclasses import replace

from training import figures
from training.answer_files import FILE, made_from, write_answers
from training.county_report import report
from training.findings import findings
from training.fit import DEFAULTS
from training.notebook import Steps, county, draw, tell
from training.origins import origins
from training.recording import record_backtest
from training.rolling import roll

# %% tags=["parameters"]
ORIGINS = 8
PER_TOWN = 50  # 每乡镇一期能走访多少户 visits that a township can make between two lists
SEEDS = 3
STEP_MONTHS = 6

# %%
history, home = county()
settings = replace(DEFAULTS, seeds=SEEDS)
steps = Steps()
steps("时点 origins")
splits = origins(history, most=ORIGINS, step_months=STEP_MONTHS)
answers = roll(history, splits, settings=settings, progress=steps)
steps.end()

# %% [markdown]
# 结果存盘，04 和 05 号笔记本直接读取。The answers are kept; notebooks 04 and 05 read them.

# %%
made = made_from(history, settings, STEP_MONTHS)
write_answers(answers, home / "backtest" / FILE, made)
steps = Steps()
found = findings(answers, per_town=PER_TOWN, made=made, progress=steps)
steps.end()

# %%
tell(report(found))

# %% [markdown]
# ## 每乡镇多走一户值多少 What one more visit is worth

# %%
draw(figures.capacity(found["curve"], found["contestants"]))

# %%
draw(figures.over_origins(found["capacity"]["by_origin"], found["contestants"]))

# %% [markdown]
# ## 模型多快变旧 How fast does it grow old

# %%
if found["decay"]:
    draw(figures.decay(found["decay"]))
else:
    tell("时点太少，看不出。Too few origins to tell.")

# %%
run = record_backtest(found, home)
tell(f"[MLflow run {run.run_id}]({run.page}), 先运行 after `{run.show}`")
