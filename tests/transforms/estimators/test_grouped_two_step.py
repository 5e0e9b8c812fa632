"""The grouped two-step against its steps done one by one, and on planted effects at a quantile."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.grouped_two_step import grouped_two_step
from haiguan.transforms.estimators.linear import least_squares


@pytest.fixture(scope="module")
def firms() -> pd.DataFrame:
    """Access raises the 90th percentile by .5 and the median by nothing: it widens the spread only upwards."""
    draw = np.random.default_rng(8)
    groups = pd.DataFrame(
        {"group": np.arange(300), "access": draw.uniform(0, 2, 300), "province": np.arange(300) // 15}
    )
    frame = groups.loc[groups.index.repeat(40)].reset_index(drop=True)
    shock, frame["size"] = (
        draw.exponential(1, len(frame)) * draw.choice([-1, 1], len(frame)),
        draw.normal(size=len(frame)),
    )
    ninetieth = np.log(5)
    widened = np.where(shock > 0, shock * (1 + 0.5 / ninetieth * frame["access"]), shock)
    return frame.assign(exports=widened + 0.3 * frame["size"])


@pytest.mark.parametrize(("quantile", "planted"), [(0.9, 0.5), (0.5, 0.0), (0.1, 0.0)])
def test_effects_on_quantiles_are_recovered(firms, quantile, planted):
    fit = grouped_two_step(
        firms, "exports", "group", ["access"], individual_regressors=["size"], quantile=quantile, clusters=["province"]
    )
    assert fit.terms.loc["access", "estimate"] == pytest.approx(
        planted, abs=3 * fit.terms.loc["access", "standard_error"]
    )
    assert fit.observations == 300


def test_the_mean_without_individual_regressors_is_least_squares_on_group_means(firms):
    means = firms.groupby("group", as_index=False)[["exports", "access", "province"]].mean()
    fit = grouped_two_step(firms, "exports", "group", ["access"], clusters=["province"])
    pd.testing.assert_frame_equal(
        fit.terms, least_squares(means, "exports", ["access"], clusters=["province"]).terms, rtol=1e-10
    )


def test_rows_in_any_order(firms):
    few = firms[firms["group"] < 60]
    asked = {"individual_regressors": ["size"], "quantile": 0.5}
    plain = grouped_two_step(few, "exports", "group", ["access"], **asked).terms
    shuffled = grouped_two_step(few.sample(frac=1, random_state=3), "exports", "group", ["access"], **asked).terms
    pd.testing.assert_frame_equal(shuffled, plain, rtol=1e-9)


def test_small_groups_are_counted_and_varying_regressors_refused(firms):
    small = pd.concat([firms, firms.head(1).assign(group=999)])
    fit = grouped_two_step(small, "exports", "group", ["access"], individual_regressors=["size"])
    assert fit.warnings[0].startswith("1 groups of group with fewer than 2")
    with pytest.raises(InputError, match="'size' varies within groups"):
        grouped_two_step(firms, "exports", "group", ["size"])
    with pytest.raises(InputError, match="did you mean 'access'"):
        grouped_two_step(firms, "exports", "group", ["acess"])
