"""Placebo by permutation: every draw against a regression of its own, and the size of the test."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.linear import least_squares
from haiguan.transforms.estimators.placebo import placebo, plot_placebo


def panel(seed: int, effect: float, n: int = 500) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"firm": draw.integers(0, 80, n), "year": draw.integers(2000, 2008, n), "size": draw.normal(size=n)}
    )
    frame["access"] = 0.3 * frame["size"] + draw.normal(size=n)
    shock = draw.normal(size=80)[frame["firm"]]
    return frame.assign(exports=effect * frame["access"] + 0.2 * frame["size"] + shock + draw.normal(size=n))


EQUATION = {"controls": ["size"], "fixed_effects": ["firm", "year"], "clusters": ["firm"]}


def test_a_draw_is_the_regression_on_the_permuted_treatment():
    frame = panel(1, 0.2)
    found = placebo(frame, "exports", "access", **EQUATION, strata=["year"], draws=20, seed=5)
    # Permuted treatments cannot be seen from outside: a treatment that takes one value in each of two rows can.
    assert len(found.draws) == 20
    assert found.draws["estimate"].abs().max() < 0.3
    plain = least_squares(frame, "exports", ["access", "size"], fixed_effects=["firm", "year"], clusters=["firm"])
    assert found.estimates.terms.loc["access"].to_dict() == pytest.approx(plain.terms.loc["access"].to_dict())


@pytest.mark.parametrize("weights", [None, "weight"])
def test_all_permutations_of_a_small_treatment_are_the_regressions_one_by_one(weights):
    frame = panel(2, 0.5, n=60).assign(
        city=lambda f: f["firm"] % 3,
        access=lambda f: (f["firm"] % 3 == 0).astype(float),
        weight=lambda f: 0.2 + f["size"] ** 2,
    )
    asked = {"fixed_effects": ["year"], "weights": weights}
    found = placebo(frame, "exports", "access", controls=["size"], blocks=["city"], draws=60, **asked)
    regressions = {
        round(
            least_squares(
                frame.assign(access=(frame["city"] == city).astype(float)),
                "exports",
                ["access", "size"],
                **asked,
            ).terms.loc["access", "estimate"],
            8,
        )
        for city in range(3)
    }
    assert set(found.draws["estimate"].round(8)) == regressions


def test_statistics_of_the_draws_are_raw_t_statistics():
    frame = panel(3, 0.0, n=60).assign(city=lambda f: f["firm"] % 2, access=lambda f: (f["firm"] % 2).astype(float))
    found = placebo(frame, "exports", "access", fixed_effects=["year"], blocks=["city"], clusters=["firm"], draws=5)
    plain = least_squares(
        frame, "exports", ["access"], fixed_effects=["year"], clusters=["firm"], small_sample="none"
    ).terms.loc["access", "statistic"]
    np.testing.assert_allclose(found.draws["statistic"].abs(), abs(plain), rtol=1e-7)
    assert found.p_value == found.p_value_statistic == 1.0


def test_a_planted_effect_is_found_and_no_effect_is_not_found_too_often():
    assert placebo(panel(4, 0.3), "exports", "access", **EQUATION, draws=199).p_value == 0.005
    p_values = [placebo(panel(seed, 0.0), "exports", "access", **EQUATION, draws=39).p_value for seed in range(120)]
    assert np.mean(np.array(p_values) <= 0.1) == pytest.approx(0.1, abs=0.07)
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.1)


def test_order_of_rows_and_repeats_change_nothing():
    frame = panel(5, 0.1)
    first = placebo(frame, "exports", "access", **EQUATION, strata=["year"], draws=30, seed=1)
    again = placebo(
        frame.sample(frac=1, random_state=2), "exports", "access", **EQUATION, strata=["year"], draws=30, seed=1
    )
    pd.testing.assert_frame_equal(first.draws, again.draws, rtol=1e-8)
    assert first.p_value == again.p_value


def test_ties_do_not_make_the_order_of_rows_matter():
    frame = panel(9, 0.1).assign(exports=lambda f: (f["exports"] > 0) * 1.0, access=lambda f: (f["access"] > 0) * 1.0)
    asked = {"fixed_effects": ["firm", "year"], "draws": 20}
    first = placebo(frame, "exports", "access", **asked)
    again = placebo(frame.sample(frac=1, random_state=4), "exports", "access", **asked)
    pd.testing.assert_frame_equal(first.draws, again.draws, rtol=1e-8)


def test_a_permutation_that_the_effects_absorb_is_refused():
    frame = panel(10, 0.1).assign(city=lambda f: f["firm"] % 4, province=lambda f: f["city"] // 2)
    frame["access"] = (frame["city"] % 2).astype(float)
    with pytest.raises(InputError, match="absorb the treatment in some permutation"):
        placebo(frame, "exports", "access", fixed_effects=["province"], blocks=["city"], draws=50)


def test_values_stay_within_strata():
    # In every year all rows share one value: exchanging within years can only give the treatment itself.
    frame = panel(6, 0.1).assign(access=lambda f: f["year"] - 2000.0)
    found = placebo(frame, "exports", "access", fixed_effects=["firm"], strata=["year"], draws=10)
    np.testing.assert_allclose(found.draws["estimate"], found.estimates.terms.loc["access", "estimate"], rtol=1e-8)
    assert found.p_value == 1.0


def test_impossible_permutations_are_refused():
    frame = panel(7, 0.1).assign(city=lambda f: f["firm"] % 5)
    with pytest.raises(InputError, match="varies within the blocks of city"):
        placebo(frame, "exports", "access", blocks=["city"])
    with pytest.raises(InputError, match="cross the strata"):
        placebo(frame.assign(access=frame["city"]), "exports", "access", blocks=["city"], strata=["year"])
    with pytest.raises(InputError, match="no placebo distribution"):
        placebo(frame, "exports", "access", draws=0)
    with pytest.raises(InputError, match="no coefficient to compare"):
        placebo(frame, "exports", "city", controls=["size"], fixed_effects=["firm"])
    with pytest.raises(InputError, match="There is no column 'cities'"):
        placebo(frame, "exports", "access", blocks=["cities"])


def test_the_plot_marks_the_estimate():
    found = placebo(panel(8, 0.3), "exports", "access", draws=50)
    axes = plot_placebo(found).axes[0]
    assert axes.lines[0].get_xdata()[0] == found.estimates.terms.loc["access", "estimate"]
