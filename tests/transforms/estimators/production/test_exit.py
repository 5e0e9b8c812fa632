"""Why firms vanish: a table small enough to read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.production.exit import exit_reason, survival, survival_probability

SMALL, LARGE = 15_000.0, 30_000.0


def survey() -> pd.DataFrame:
    rows = [
        # firm, year, revenue, expected: 2010 has no survey
        ("stays", 2007, LARGE, None), ("stays", 2008, LARGE, None), ("stays", 2009, LARGE, "gap"),
        ("stays", 2011, LARGE, "sample_end"),
        ("small, gone in 2009", 2007, SMALL, None), ("small, gone in 2009", 2008, SMALL, "threshold"),
        ("small, gone in 2008", 2007, SMALL, "exit"),
        ("large, gone in 2009", 2007, LARGE, None), ("large, gone in 2009", 2008, LARGE, "exit"),
        ("at the threshold", 2008, 20_000.0, "exit"),
        ("small, gone in 2010", 2009, SMALL, "threshold"),
        ("unknown revenue", 2008, np.nan, "threshold"),
        ("pauses", 2007, SMALL, "gap"), ("pauses", 2009, LARGE, "exit"),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["firm", "year", "revenue", "expected"]).sample(frac=1, random_state=3)


def test_every_reason_is_told_apart_whatever_the_order_of_rows():
    rows = survey()
    found = exit_reason(rows, firm="firm", year="year", revenue_thousand_cny="revenue")
    assert found.tolist() == rows["expected"].tolist()


def test_without_revenue_nobody_is_below_the_threshold():
    rows = survey()
    found = exit_reason(rows, firm="firm", year="year")
    assert "threshold" not in set(found)
    assert (found[rows["expected"] == "threshold"] == "exit").all()


def test_only_exits_count_as_exits_and_unknown_fates_are_missing():
    rows = survey()
    reason = exit_reason(rows, firm="firm", year="year", revenue_thousand_cny="revenue")
    lives = survival(reason, rows["year"])
    assert (lives[reason == "exit"].loc[rows["year"] != 2009] == 0).all()
    assert lives[reason.isin(["threshold", "sample_end"])].isna().all()
    # 2010 has no survey: what happens to the firms of 2009 within a year is not known.
    assert lives[rows["year"] == 2009].isna().all()
    assert (lives[reason.isna()] == 1).all()


def test_a_firm_year_twice_is_refused():
    rows = pd.concat([survey(), survey().head(1)])
    with pytest.raises(InputError, match="repeat"):
        exit_reason(rows, firm="firm", year="year")


def test_the_survival_probit_is_that_of_statsmodels():
    from statsmodels.api import GLM
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.families.links import Probit

    draw = np.random.default_rng(0)
    design = np.column_stack([np.ones(500), draw.normal(size=(500, 2))])
    lives = (design @ [1.2, 0.5, -0.4] + draw.normal(size=500) > 0).astype(float)
    lives[::50] = np.nan
    weights = draw.integers(0, 4, 500).astype(float)
    known = ~np.isnan(lives)
    reference = GLM(lives[known], design[known], Binomial(link=Probit()), freq_weights=weights[known]).fit(tol=1e-12)
    np.testing.assert_allclose(survival_probability(design, lives, weights), reference.predict(design), atol=1e-8)
