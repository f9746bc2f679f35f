"""Illness features: what the household paid, what was reimbursed, who is ill. Amounts and dates only; a disease is never named."""

from __future__ import annotations

import numpy as np

from features.catalog import Feature, Values, theme
from features.ratios import per
from features.seen import YEAR, Seen, months_since


@theme(
    "illness",
    "疾病",
    Feature("oop_year_to_line", "近一年医疗自付与贫困线之比", "ratio", 1, "illness"),
    Feature("oop_to_income", "近一年医疗自付占纯收入", "ratio", 1, "illness"),
    Feature("oop_three_years_to_line", "近三年医疗自付与贫困线之比", "ratio", 1, "illness"),
    Feature("largest_bill_to_line", "近一年最大一笔医疗费用与贫困线之比", "ratio", 1, "illness"),
    Feature("residual_share", "近一年医疗费用自付比例", "share", 1, "illness"),
    Feature("hidden_cost_to_line", "未报销到的自报医疗支出与贫困线之比", "ratio", 1, "illness"),
    Feature("bills_year", "近一年医疗费用笔数", "bills", 1, "illness"),
    Feature("months_since_bill", "距最近一笔医疗费用月数", "months", -1, "illness"),
    Feature("income_after_illness_to_line", "扣除医疗自付后收入与贫困线之比", "ratio", -1, "illness"),
    Feature("chronic_members", "长期慢性病人数", "persons", 1, "illness"),
    Feature("chronic_share", "长期慢性病人数占比", "share", 1, "illness"),
    Feature("serious_members", "患有大病人数", "persons", 1, "illness"),
    Feature("ill_of_working_age", "劳动年龄内患病人数", "persons", 1, "illness"),
    Feature("head_ill", "户主患病", "flag", 1, "illness"),
    Feature("uninsured_members", "未参加基本医保人数", "persons", 1, "illness"),
)
def illness(seen: Seen) -> Values:
    """Medical burden of the household and the health of its members."""
    events, people, line = seen["events"], seen.members, seen.line
    net = seen.accounts.net
    bill = events.is_code("event_kind", "illness_bill")
    age = seen.event_age
    year, three_years = bill & (age < YEAR), bill & (age < 3 * YEAR)
    amount = np.fmax(events["amount"], 0.0)  # also turns a blank into nothing paid
    compliant = np.fmax(events["oop_compliant"], 0.0)
    # the household's own word counts where it is higher: drugs outside the list never reach the insurer
    paid = np.fmax(compliant, events["oop_self_reported"])
    oop, oop_long, hidden, billed, bills = events.totals(paid * year, paid * three_years, (paid - compliant) * year, amount * year, year)
    largest, latest = events.largest(np.where(year, amount, np.nan), np.where(bill, -age, np.nan))
    chronic, serious = people.table["chronic_disease"] == 1, people.table["serious_illness"] == 1
    ill = chronic | serious
    head = people.table.is_code("relation_to_head", "head")
    chronic_members, serious_members, ill_workers, head_ill, uninsured = people.totals(
        chronic, serious, ill & people.of_working_age, ill & head, people.table["medical_insured"] == 0
    )
    return {
        "oop_year_to_line": per(line, oop),
        "oop_to_income": per(np.maximum(net, line), oop),
        "oop_three_years_to_line": per(line, oop_long),
        "largest_bill_to_line": per(line, np.fmax(largest, 0.0)),
        "residual_share": per(billed, oop, cap=2.0),
        "hidden_cost_to_line": per(line, hidden),
        "bills_year": bills,
        "months_since_bill": months_since(latest),
        "income_after_illness_to_line": per(line, net - oop),
        "chronic_members": chronic_members,
        "chronic_share": per(people.count, chronic_members),
        "serious_members": serious_members,
        "ill_of_working_age": ill_workers,
        "head_ill": np.minimum(head_ill, 1.0),
        "uninsured_members": uninsured,
    }
