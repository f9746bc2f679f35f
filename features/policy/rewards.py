"""Rewards with dated steps: what is paid for something that is done by a day. One-off money, never a stable income.

Worked example (藤县 TX9): 3,000 yuan a person for a house that is finished by 10 June, 2,500 by 20 June, 1,500 by 30 June, nothing later.
Three persons whose house is finished on 11 June get 7,500.
"""

from __future__ import annotations

import datetime as dt

from features.policy.language import Reward


def reward(said: Reward, date: dt.date, *, persons: int = 1, base: float | None = None) -> float | None:
    """Yuan that are paid.

    Args:
        said: the reward.
        date: the day on which the thing was done.
        persons: of the household; they count where the reward is by the person.
        base: what is due without the reward, for a reward that raises it.

    Returns:
        the whole amount, with the base where the reward raises one; None where it cannot be told: before the first day that is known, or
        without the base.
    """
    if said.start is not None and date < said.start:
        return None
    step = next((step for step in said.steps if date < step.until), None)
    if said.steps[0].amount is not None:
        paid = 0.0 if step is None else step.amount
    else:
        paid = None if base is None else base * (1.0 + (step.uplift or 0.0 if step else 0.0))
    if paid is None:
        return None
    cap = said.cap if step is None or step.cap is None else step.cap
    capped = paid if cap is None else min(paid, cap)
    return capped * persons if said.unit == "yuan/person" else capped
