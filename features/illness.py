"""Illness features: what the household paid, what was reimbursed, who is ill. Amounts and dates only; a disease is never named."""

from __future__ import annotations

from features.catalog import Feature, Values, theme
from features.register import NO, YES
from features.seen import BILL, ILLNESS_BILL, Seen


@theme(
    "illness",
    "疾病",
    Feature("oop_year_to_line", "近一年医疗自付与贫困线之比", "ratio", 1, "illness", per="line"),
    Feature("oop_to_income", "近一年医疗自付占纯收入", "ratio", 1, "illness", per="means"),
    Feature("oop_three_years_to_line", "近三年医疗自付与贫困线之比", "ratio", 1, "illness", per="line"),
    Feature("largest_bill_to_line", "近一年最大一笔医疗费用与贫困线之比", "ratio", 1, "illness", per="line"),
    Feature("residual_share", "近一年医疗费用自付比例", "share", 1, "illness", per="billed", cap=2.0),
    Feature("hidden_cost_to_line", "未报销到的自报医疗支出与贫困线之比", "ratio", 1, "illness", per="line"),
    Feature("bills_year", "近一年医疗费用笔数", "bills", 1, "illness"),
    Feature("months_since_bill", "距最近一笔医疗费用月数", "months", -1, "illness"),
    Feature("income_after_illness_to_line", "扣除医疗自付后收入与贫困线之比", "ratio", -1, "illness", per="line"),
    Feature("chronic_members", "长期慢性病人数", "persons", 1, "illness"),
    Feature("chronic_share", "长期慢性病人数占比", "share", 1, "illness", per="members"),
    Feature("serious_members", "患有大病人数", "persons", 1, "illness"),
    Feature("ill_of_working_age", "劳动年龄内患病人数", "persons", 1, "illness"),
    Feature("head_ill", "户主患病", "flag", 1, "illness", cap=1.0),
    Feature("uninsured_members", "未参加基本医保人数", "persons", 1, "illness"),
)
def illness(seen: Seen) -> Values:
    """Medical burden of the household and the health of its members."""
    events, people = seen.events, seen.people
    net = seen.accounts.net
    this_year, _, three_years = events.recent[:, BILL]
    paid = events.paid
    oop, oop_long, hidden = events.table.totals(paid * this_year, paid * three_years, (paid - events.compliant) * this_year)
    largest = events.table.highest(events.cost * this_year, default=0.0)
    chronic, serious = people.table["chronic_disease"] == YES, people.table["serious_illness"] == YES
    ill = chronic | serious
    chronic_members, serious_members, ill_workers, head_ill, uninsured = people.table.totals(
        chronic, serious, ill & people.of_working_age, ill & people.head, people.table["medical_insured"] == NO
    )
    return {
        "oop_year_to_line": oop,
        "oop_to_income": oop,
        "oop_three_years_to_line": oop_long,
        "largest_bill_to_line": largest,
        "residual_share": oop,
        "hidden_cost_to_line": hidden,
        "bills_year": events.counts[0, ILLNESS_BILL],
        "months_since_bill": events.months_since[ILLNESS_BILL],
        "income_after_illness_to_line": net - oop,
        "chronic_members": chronic_members,
        "chronic_share": chronic_members,
        "serious_members": serious_members,
        "ill_of_working_age": ill_workers,
        "head_ill": head_ill,
        "uninsured_members": uninsured,
        "billed": events.costs[BILL],
    }
