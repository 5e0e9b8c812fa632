"""Wald tests and combinations against statsmodels, and as rows of a table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from linearmodels.datasets import mroz, wage_panel

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.hypotheses import equality_test, joint_test, restrictions_test, with_combination
from haiguan.transforms.estimators.linear import least_squares
from haiguan.transforms.estimators.placebo import placebo
from haiguan.transforms.estimators.probit import probit
from haiguan.transforms.estimators.regression_table import regression_table
from haiguan.transforms.estimators.specification import read_table
from haiguan.transforms.estimators.wild_bootstrap import wild_cluster_bootstrap


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_tests_and_combinations_are_those_of_statsmodels(seed):
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(draw.normal(size=(120, 4)), columns=["a", "b", "c", "y"]).assign(g=np.arange(120) // 6)
    frame["y"] += 0.3 * frame["a"] - 0.2 * frame["c"]
    ours = least_squares(frame, "y", ["a", "b", "c"], clusters=["g"])
    theirs = smf.ols("y ~ a + b + c", frame).fit(cov_type="cluster", cov_kwds={"groups": frame["g"]}, use_t=True)
    pairs = (
        (joint_test(ours, ["a", "c"]), "a = 0, c = 0"),
        (equality_test(ours, ["a", "b", "c"]), "a = b, b = c"),
        (restrictions_test(ours, [{"a": 2.0, "b": -1.0}], [0.5]), "2 * a - b = 0.5"),
    )
    for test, text in pairs:
        expected = theirs.f_test(text)
        assert test.statistic == pytest.approx(float(np.squeeze(expected.fvalue)), rel=1e-8)
        assert test.p_value == pytest.approx(float(expected.pvalue), rel=1e-7)
        assert (test.restrictions, test.degrees_of_freedom) == (int(expected.df_num), 19)
    combined = with_combination(ours, "gap", {"a": 1.0, "c": -1.0}).terms.loc["gap"]
    expected = theirs.t_test("a - c = 0")
    assert combined["estimate"] == pytest.approx(float(np.squeeze(expected.effect)), rel=1e-9)
    assert combined["standard_error"] == pytest.approx(float(np.squeeze(expected.sd)), rel=1e-9)


def test_estimates_with_the_normal_get_a_chi_squared():
    fit = probit(mroz.load(), "inlf", ["educ", "kidslt6", "kidsge6"])
    terms = ["kidslt6", "kidsge6"]
    values, block = fit.terms.loc[terms, "estimate"], fit.covariance.loc[terms, terms]
    test = joint_test(fit, terms)
    assert test.name == "chi-squared"
    assert test.statistic == pytest.approx(float(values @ np.linalg.solve(block, values)))


def test_a_restriction_said_twice_counts_once_and_one_too_many_is_refused():
    fit = least_squares(wage_panel.load(), "lwage", ["union", "married"], fixed_effects=["nr"], clusters=["nr"])
    once = joint_test(fit, ["union"])
    twice = restrictions_test(fit, [{"union": 1.0}, {"union": 2.0}], [0.0, 0.0])
    assert (twice.restrictions, twice.statistic) == (1, pytest.approx(once.statistic))
    half = wage_panel.load().assign(half=lambda f: f["nr"] % 2)
    few = least_squares(half, "lwage", ["union", "married", "hours"], clusters=["half"])
    with pytest.raises(InputError, match="more than the covariance has rank for"):
        joint_test(few, ["union", "married", "hours"])
    with pytest.raises(InputError, match="no term 'unoin'; did you mean 'union'"):
        joint_test(fit, ["unoin"])
    with pytest.raises(InputError, match="has the name of a term"):
        with_combination(fit, "union", {"married": 1.0})


WAGES = wage_panel.load()
TABLE = {
    "table": "t",
    "outcome": "lwage",
    "clusters": ["nr"],
    "variables": {"t": {"dummies": "year"}},
    "tests": {
        "Union + married": {"combination": {"union": 1, "married": 1}},
        "Years": {"jointly": ["t"]},
        "Wild bootstrap": {"wild_bootstrap": "union", "cluster": "black", "draws": 99, "signs": "webb"},
        "Permutation": {"permutation": "union", "draws": 20, "by": "statistic"},
    },
    "columns": [{"regressors": ["union", "t"]}, {"regressors": ["union", "married"]}],
}


def test_tests_are_rows_of_a_table():
    printed = regression_table(read_table(TABLE), WAGES)
    cells = {row.label: row.cells for row in printed.rows if row.label}
    assert cells["Union + married"][0] == ""
    both = least_squares(WAGES, "lwage", ["union", "married"], clusters=["nr"])
    assert cells["Union + married"][1].rstrip("*") == f"{both.terms['estimate'].iloc[:2].sum():.3f}"
    years = least_squares(
        pd.get_dummies(WAGES.assign(t=WAGES["year"]), columns=["t"], dtype=float), "lwage",
        ["union", *(f"t_{year}" for year in range(1981, 1988))], clusters=["nr"],
    )  # fmt: skip
    test = joint_test(years, [f"t_{year}" for year in range(1981, 1988)])
    assert cells["Years, F"] == (f"{test.statistic:.3f}", "")
    boot = wild_cluster_bootstrap(
        WAGES, "lwage", ["union", "married"], "union", cluster="black", draws=99, signs="webb"
    )
    assert float(cells["Wild bootstrap, p-value"][1]) == pytest.approx(boot.p_value, abs=5e-4)
    dealt = placebo(WAGES, "lwage", "union", controls=["married"], clusters=["nr"], draws=20)
    assert float(cells["Permutation, p-value"][1]) == pytest.approx(dealt.p_value_statistic, abs=5e-4)
    assert printed.columns[1].estimates.statistics["Permutation, p-value"] == dealt.p_value_statistic


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tests": {"All": {"jointly": ["unoin"]}}}, "tests.All: There is no term 'unoin'; did you mean 'union'"),
        ({"tests": {"Gap": {"combination": {"union": 1, "maried": 1}}}}, "no term 'maried'; did you mean 'married'"),
        (
            {"columns": [{"estimator": "poisson", "outcome": "hours", "regressors": ["union"]}]},
            "only a column of least squares can be drawn again",
        ),
    ],
)
def test_tests_that_nothing_can_carry_are_named(change, reason):
    with pytest.raises(InputError, match=reason):
        regression_table(read_table({**TABLE, **change}), WAGES)
