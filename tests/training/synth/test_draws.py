"""Random numbers that depend on what they are drawn for."""

from __future__ import annotations

import numpy as np
import pytest

from training.synth.draws import Draws, keys


def test_a_draw_does_not_depend_on_who_else_is_drawn_for():
    everyone, some = keys(np.arange(1000)), keys(np.arange(100, 200))
    draws = Draws(5)
    assert np.array_equal(draws.uniform("health", everyone, 2019)[100:200], draws.uniform("health", some, 2019))


@pytest.mark.parametrize("other", [("illness", 2019), ("health", 2020)])
def test_another_name_or_time_is_an_independent_draw(other):
    who = keys(np.arange(20_000))
    name, year = other
    first, second = Draws(5).normal("health", who, 2019), Draws(5).normal(name, who, year)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03


def test_another_seed_is_an_independent_draw():
    who = keys(np.arange(20_000))
    assert abs(np.corrcoef(Draws(1).uniform("a", who), Draws(2).uniform("a", who))[0, 1]) < 0.03


def test_draws_are_uniform_and_normal():
    who = keys(np.arange(50_000))
    uniform, normal = Draws(0).uniform("u", who), Draws(0).normal("n", who, 3)
    assert uniform.min() > 0
    assert uniform.max() < 1
    assert np.histogram(uniform, 10, (0, 1))[0] == pytest.approx(5000, abs=350)
    assert (normal.mean(), normal.std()) == pytest.approx((0, 1), abs=0.02)


def test_choices_follow_their_weights():
    drawn = Draws(3).choice("kind", keys(np.arange(50_000)), np.array([1.0, 0.0, 3.0]))
    assert np.bincount(drawn, minlength=3) / len(drawn) == pytest.approx([0.25, 0, 0.75], abs=0.01)
