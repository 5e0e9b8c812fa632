"""Event studies and lagged responses on planted paths, and against dummies made by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.event_study import event_study, lagged_responses, plot_path
from haiguan.transforms.estimators.linear import least_squares


@pytest.fixture(scope="module")
def openings() -> pd.DataFrame:
    """Half of the firms are treated in 2006; the effect is 1, 2, 3, 3, ... from then on."""
    draw = np.random.default_rng(1)
    firms, years = 200, np.arange(2000, 2012)
    frame = pd.DataFrame({"firm": np.repeat(np.arange(firms), len(years)), "year": np.tile(years, firms)})
    frame["opened"] = np.where(frame["firm"] % 2 == 0, 2006.0, np.nan)
    since = frame["year"] - frame["opened"]
    effect = np.where(since >= 0, np.minimum(since + 1, 3), 0.0)
    noise = draw.normal(0, 0.3, len(frame))
    return frame.assign(exports=effect + 0.1 * frame["year"] + frame["firm"] % 5 + noise)


def test_the_planted_path_is_recovered_and_the_trend_before_it_is_flat(openings):
    path = event_study(openings, "exports", "firm", "year", "opened", window=(-4, 4))
    assert path.points["horizon"].tolist() == list(range(-4, 5))
    expected = [0, 0, 0, 0, 1, 2, 3, 3, 3]
    np.testing.assert_allclose(path.points["estimate"], expected, atol=0.15)
    assert path.points.loc[path.points["horizon"] == -1, "standard_error"].item() == 0
    assert path.statistics["pre_trend_p"] > 0.01
    assert path.warnings == ()


def test_a_trend_before_the_event_is_seen(openings):
    drifting = openings.assign(exports=openings["exports"] + 0.1 * openings["year"] * openings["opened"].notna())
    path = event_study(drifting, "exports", "firm", "year", "opened", window=(-4, 4))
    assert path.statistics["pre_trend_p"] < 1e-6


def test_coefficients_are_those_of_dummies_made_by_hand(openings):
    since = (openings["year"] - openings["opened"]).clip(-2, 1)
    dummies = {f"d{k}": (since == k).astype(float) for k in (-2, 0, 1)}
    plain = least_squares(
        openings.assign(**dummies), "exports", list(dummies), fixed_effects=["firm", "year"], clusters=["firm"]
    )
    path = event_study(openings, "exports", "firm", "year", "opened", window=(-2, 1))
    points = path.points[path.points["horizon"] != -1]
    np.testing.assert_allclose(points["standard_error"], plain.terms["standard_error"], rtol=1e-10)
    np.testing.assert_allclose(points["estimate"], plain.terms["estimate"], rtol=1e-8)


def test_staggered_events_are_warned_of(openings):
    staggered = openings.assign(opened=openings["opened"] + openings["firm"] % 3)
    path = event_study(staggered, "exports", "firm", "year", "opened")
    assert "3 periods" in path.warnings[-1]


def test_unusable_events_are_refused(openings):
    with pytest.raises(InputError, match="changes within"):
        event_study(openings.assign(opened=openings["year"]), "exports", "firm", "year", "opened")
    with pytest.raises(InputError, match="no unit has an event"):
        event_study(openings.assign(opened=np.nan), "exports", "firm", "year", "opened")
    with pytest.raises(InputError, match="must hold the reference"):
        event_study(openings, "exports", "firm", "year", "opened", window=(0, 3))
    together = openings[openings["year"] < 2003].assign(opened=2006.0)
    with pytest.raises(InputError, match="can be told apart"):
        event_study(
            together.assign(size=together["exports"] ** 2), "exports", "firm", "year", "opened", controls=["size"]
        )
    with pytest.raises(InputError, match="did you mean 'opened'"):
        event_study(openings, "exports", "firm", "year", "opend")


@pytest.fixture(scope="module")
def responses() -> pd.DataFrame:
    """Access is noise without memory; exports answer by .2 in its year, .5 one year and .3 two years later."""
    draw = np.random.default_rng(3)
    access = draw.normal(size=(400, 12))
    exports = 0.2 * access
    exports[:, 1:] += 0.5 * access[:, :-1]
    exports[:, 2:] += 0.3 * access[:, :-2]
    frame = pd.DataFrame({"firm": np.repeat(np.arange(400), 12), "year": np.tile(np.arange(2000, 2012), 400)})
    return frame.assign(access=access.ravel(), exports=exports.ravel() + draw.normal(0, 0.5, 4800))


def test_responses_by_horizon_are_recovered(responses):
    path = lagged_responses(
        responses, "exports", "access", "firm", "year", horizons=[-1, 0, 1, 2, 3], clusters=["firm"]
    )
    np.testing.assert_allclose(path.points["estimate"], [0, 0.2, 0.5, 0.3, 0], atol=0.06)


def test_a_gap_in_the_panel_is_not_a_lag(responses):
    gap = responses[responses["year"] != 2006].sample(frac=1, random_state=1)
    path = lagged_responses(gap, "exports", "access", "firm", "year", horizons=[1, 2], clusters=["firm"])
    # 11 years, of which pairs of consecutive ones: 2000-05 and 2007-11.
    assert path.points["observations"].tolist() == [400 * 9, 400 * 8]
    by_hand = gap.merge(gap.assign(year=gap["year"] - 1)[["firm", "year", "exports"]], on=["firm", "year"])
    plain = least_squares(by_hand, "exports_y", ["access"], clusters=["firm"]).terms.loc["access"]
    assert path.points.loc[0, "estimate"] == pytest.approx(plain["estimate"], rel=1e-10)
    assert path.points.loc[0, "standard_error"] == pytest.approx(plain["standard_error"], rel=1e-10)


def test_a_horizon_beyond_the_panel_is_named(responses):
    with pytest.raises(InputError, match="Horizon 20: No complete observation"):
        lagged_responses(responses, "exports", "access", "firm", "year", horizons=[1, 20])
    with pytest.raises(InputError, match="No horizon"):
        lagged_responses(responses, "exports", "access", "firm", "year", horizons=[])
    with pytest.raises(InputError, match="repeat a pair"):
        lagged_responses(pd.concat([responses, responses.head(1)]), "exports", "access", "firm", "year")


def test_the_plot_shows_every_horizon(openings):
    path = event_study(openings, "exports", "firm", "year", "opened", window=(-2, 2))
    axes = plot_path(path, title="openings", baseline=1.0).axes[0]
    assert axes.get_xticks().tolist() == [-2, -1, 0, 1, 2]
    assert axes.containers[0].lines[0].get_ydata().tolist() == path.points["estimate"].tolist()
