# %% [markdown]
# # 01 看登记册 Look at the register
# 登记册里有什么、知道得多晚、缺什么、每年有多少户跌破贫困线。
# What the register holds, how late it knew, what it lacks, and how many households fell under the line.

# %%
from training.data_card import data_card, overview
from training.figures import missing, rates
from training.notebook import county, draw, tell

history, home = county()
found = overview(history)

# %% [markdown]
# ## 数据卡 Data card
# 同一页由 `python -m training datacard` 写出。The same page is written by the command.

# %%
tell(data_card(found))

# %% [markdown]
# ## 逐年的跌破率 Falls from year to year
# 年景不同，跌破率就不同：任何一年的好成绩都不能只看一年。Years differ; no model is judged on one of them.

# %%
draw(rates(found["dates"]))

# %% [markdown]
# ## 缺什么 What is missing
# 空白是“不知道”，不是“没有”。模型照样评分，但会说明缺哪一项最值得补。A blank is "not known", never "no".

# %%
draw(missing(found["missing"]))
