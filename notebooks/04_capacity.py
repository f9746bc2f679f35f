# %% [markdown]
# # 04 走访能力与门槛 Capacity and thresholds
# 一个乡镇一期只能走几十户。走多少户、按谁的名单走，各能找到多少。
# A township can make some dozens of visits between two lists: how many falls are found, by whose list, at which capacity.

# %%
from training import figures
from training.answer_files import FILE, read_answers
from training.capacity import curve, lead_time, listed, worth
from training.names import model_zh
from training.notebook import county, draw, told
from training.resample import draws

# %% tags=["parameters"]
PER_TOWN = 50

# %%
history, home = county()
answers, made = read_answers(home / "backtest" / FILE)  # 由 03 号笔记本写出 written by notebook 03
drawn = draws(len(answers.household_id))
names = {model: model_zh(model) for model in answers.contestants}
told([made])

# %% [markdown]
# ## 命中率与覆盖率 Precision and recall by capacity

# %%
points = curve(answers, drawn)
draw(figures.capacity(points, names, "precision"))

# %%
draw(figures.capacity(points, names, "recall"))

# %% [markdown]
# ## 在本县的走访能力上 At this county's capacity

# %%
lists = {model: listed(answers, model, PER_TOWN) for model in answers.contestants}
found = worth(answers, lists, drawn, answers.fresh)
told(found.metrics)

# %%
told(found.paired)

# %% [markdown]
# ## 提前多久 How early
# 从上名单到登记册自己显示低于贫困线的月数。Months from being listed to the register itself showing it.

# %%
told([{"model": names[model], **lead_time(answers, rows)} for model, rows in lists.items()])
