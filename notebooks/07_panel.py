# %% [markdown]
# # 07 真实面板 The real panel
# 合成县只能说明程序没有写错；排序好不好，要看真实住户。数据是阿根廷统计局公布的住户调查（EPH），不随本软件分发。
# A synthetic county shows that the programme works; whether it ranks well is shown on real households: INDEC's EPH files, which are not
# part of this software. Set `FANGPIN_PANEL` to their folder.
#
# 检验年份只用来报告，从不用来选择。The test years are read to report, never to choose; every reading is logged in docs/experiments.md.

# %%
from models.figures import calibration
from training.adapters.eph import read_panel
from training.adapters.eph_files import quarter_number
from training.backtest import backtest
from training.notebook import Steps, draw, place, tell
from training.panel_report import panel_report

# %% tags=["parameters"]
TRAIN_UNTIL = "2006Q2"
TEST_FROM = "2007Q3"
TEST_UNTIL = "2008Q4"  # 验证时点，不是检验年份 validation inside the training years, not the test years

# %%
steps = Steps()
panel = read_panel(place("FANGPIN_PANEL", "INDEC 原始文件夹 the folder of INDEC's files"), None, steps)
steps.end()

# %%
steps = Steps()
result = backtest(
    panel,
    quarter_number(TRAIN_UNTIL),
    quarter_number(TEST_FROM),
    test_until=quarter_number(TEST_UNTIL),
    progress=steps,
)
steps.end()

# %%
tell(panel_report(result.summary | {"alarms": result.alarms}, result.metrics, result.paired, result.calibration))

# %%
ours = result.predictions[-1]
draw(calibration(ours.probability, result.test.y))
