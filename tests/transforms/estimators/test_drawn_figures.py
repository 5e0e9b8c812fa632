"""Figures that a table asks for show the numbers of its columns."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.drawn_figures import draw_figures
from haiguan.transforms.estimators.event_study import lagged_responses
from haiguan.transforms.estimators.figures import binned_means, marginal_effects_along
from haiguan.transforms.estimators.linear import least_squares
from haiguan.transforms.estimators.placebo import placebo
from haiguan.transforms.estimators.plot import as_png, as_svg, font_families, in_style
from haiguan.transforms.estimators.specification import columns_read, read_table
from haiguan.transforms.estimators.table_columns import estimate_columns

DRAW = np.random.default_rng(2)
FIRMS = pd.DataFrame({"firm": np.repeat(np.arange(40), 6), "year": np.tile(np.arange(6), 40)})
FIRMS["opened"] = np.where(FIRMS["firm"] < 20, 3.0, np.nan)
FIRMS["z"], FIRMS["e"] = DRAW.normal(size=(2, len(FIRMS)))
FIRMS["x"] = 0.8 * FIRMS["z"] + 0.5 * FIRMS["e"] + DRAW.normal(size=len(FIRMS))
FIRMS["y"] = 0.5 * FIRMS["x"] + (FIRMS["year"] >= FIRMS["opened"]) + FIRMS["e"]
EVENT = {"unit": "firm", "period": "year", "event_period": "opened", "window": [-2, 2]}
TABLE = {
    "table": "t",
    "outcome": "y",
    "columns": [
        {"name": "plain", "regressors": ["x"]},
        {"name": "path", "title": "Path", "estimator": "event_study", "event": EVENT},
        {"name": "kinky", "estimator": "kinky_least_squares", "endogenous": ["x"], "kinky": {"correlation": 0.2}},
        {
            "name": "exogenous",
            "estimator": "plausibly_exogenous",
            "endogenous": ["x"],
            "instruments": ["z"],
            "direct_effects": {"ranges": {"z": [-0.1, 0.1]}},
        },
    ],
    "figures": {
        "terms": {"coefficients": ["x"]},
        "horizons": {"horizons": "path"},
        "curve": {"correlations": "kinky", "grid": [0, 0.1, 0.2]},
        "exclusion": {"sensitivity": "exogenous", "sizes": [0, 0.1]},
    },
    "print": {"labels": {"x": "Imports"}},
}


def drawn(**changes: object):
    table = read_table({**TABLE, **changes})
    columns = estimate_columns(table, FIRMS)
    return draw_figures(table, FIRMS, columns), columns


def test_figures_show_the_numbers_of_the_columns():
    figures, columns = drawn()
    assert list(figures) == ["terms", "horizons", "curve", "exclusion"]
    horizons = figures["horizons"].axes[0]
    points = horizons.containers[0].lines[0].get_ydata()
    assert points[1] == 0  # The reference, one period before.
    assert points[-1] == columns[1].estimates.terms.loc["distance +2", "estimate"]
    curve = figures["curve"].axes[0].lines[0].get_ydata()
    assert curve[-1] == pytest.approx(columns[2].estimates.terms.loc["x", "estimate"])
    edge = figures["exclusion"].axes[0].collections[0].get_paths()[0].vertices[:, 1]
    assert edge.min() == pytest.approx(columns[3].estimates.statistics["union_low"])
    assert edge.max() == pytest.approx(columns[3].estimates.statistics["union_high"])
    assert "Imports" in as_svg(figures["terms"])


def test_the_same_figure_gives_the_same_text():
    first, again = (drawn()[0] for _ in range(2))
    assert [as_svg(figure) for figure in first.values()] == [as_svg(figure) for figure in again.values()]


@pytest.mark.parametrize(
    ("figure", "reason"),
    [
        ({"horizons": "paht"}, "figures.f: There is no column called 'paht'; did you mean 'path'"),
        ({"horizons": "plain"}, "Column 'plain' is least_squares; the figure is one of event_study"),
        ({"coefficients": ["w"]}, "figures.f: There is no term 'w'"),
        ({"correlations": "kinky", "grid": [0, 1.5]}, "figures.f: A correlation of 1.5"),
        ({"binned_scatter": "path"}, "Column 'path' is event_study; the figure is one of least_squares"),
        ({"binned_scatter": "plain", "regressor": "xx"}, "figures.f: There is no regressor 'xx'; did you mean 'x'"),
        ({"placebo": "plain", "blocks": ["frim"]}, "figures.f: There is no column 'frim'; did you mean 'firm'"),
        ({"lags": "plain", "unit": "z", "period": "year", "horizons": [0, 99]}, "figures.f: "),
        ({"marginal_effects": "plain", "regressor": "x", "moderator": "z"}, "figures.f: There is no term 'x:z'"),
        ({"marginal_effects": "plain", "regressor": "x", "moderator": "x"}, "must be another regressor"),
    ],
)
def test_figures_that_cannot_be_drawn_are_named(figure, reason):
    with pytest.raises(InputError, match=reason):
        drawn(figures={"f": figure})


def test_names_of_figures_are_names_of_files():
    with pytest.raises(InputError, match=r"figures"):
        read_table({**TABLE, "figures": {"../f": {"coefficients": ["x"]}}})


def test_a_binned_scatter_nets_out_the_other_terms_and_the_sample():
    column = {
        "regressors": ["x", "z"],
        "fixed_effects": ["firm"],
        "sample": {"column": "year", "comparison": ">", "value": 1},
    }
    figures, columns = drawn(
        columns=[{"name": "net", **column}], figures={"f": {"binned_scatter": "net", "regressor": "z", "bins": 5}}
    )
    expected = binned_means(FIRMS[FIRMS["year"] > 1], "y", "z", controls=["x"], fixed_effects=["firm"], bins=5)
    axes = figures["f"].axes[0]
    np.testing.assert_array_equal(axes.collections[0].get_offsets(), expected[["regressor", "outcome"]])
    slope = np.diff(axes.lines[0].get_ydata()) / np.diff(axes.lines[0].get_xdata())
    assert slope.item() == pytest.approx(columns[0].estimates.terms.loc["z", "estimate"])
    shown = columns[0].estimates.terms.loc["z", "standard_error"]
    assert f"(standard error {shown:.3f})" in figures["f"].legends[0].get_texts()[1].get_text()


def test_marginal_effects_follow_from_the_products_of_the_column():
    column = {"name": "moderated", "regressors": ["x", "z", "x:z"], "clusters": ["firm"]}
    asked = {"marginal_effects": "moderated", "regressor": "x", "moderator": "z"}
    figures, columns = drawn(columns=[column], figures={"grid": asked, "few": {**asked, "values": [0, 1]}})
    found = figures["grid"].axes[0].lines[0]
    expected = marginal_effects_along(columns[0].estimates, "x", {"x:z": 1}, found.get_xdata())
    np.testing.assert_allclose(found.get_ydata(), expected["effect"])
    np.testing.assert_allclose(found.get_xdata()[[0, -1]], np.percentile(FIRMS["z"], [1, 99]))
    few = figures["few"].axes[0].containers[0].lines[0].get_ydata()
    assert few[0] == columns[0].estimates.terms.loc["x", "estimate"]
    assert figures["few"].axes[0].get_ylabel().startswith("Effect of Imports on y")


def test_effects_that_move_with_a_third_regressor_have_no_curve():
    column = {"name": "moderated", "regressors": ["x", "z", "x:z", "x:e"]}
    with pytest.raises(InputError, match="depends on more than 'z': see 'x:e'"):
        drawn(columns=[column], figures={"f": {"marginal_effects": "moderated", "regressor": "x", "moderator": "z"}})


@pytest.mark.parametrize("by", ["estimate", "statistic"])
def test_a_placebo_distribution_is_that_of_the_estimator(by):
    column = {"name": "plain", "regressors": ["x", "z"], "fixed_effects": ["firm"], "clusters": ["firm"]}
    asked = {"placebo": "plain", "strata": ["year"], "draws": 60, "seed": 3, "by": by}
    figures, _ = drawn(columns=[column], figures={"f": asked})
    settings = {"controls": ["z"], "fixed_effects": ["firm"], "clusters": ["firm"], "strata": ["year"]}
    expected = placebo(FIRMS, "y", "x", draws=60, seed=3, **settings)
    axes = figures["f"].axes[0]
    counts, edges = np.histogram(expected.draws[by], bins=12)
    assert [bar.get_height() for bar in axes.patches] == counts.tolist()
    assert axes.patches[0].get_x() == edges[0]
    true = expected.statistic if by == "statistic" else expected.estimates.terms.loc["x", "estimate"]
    assert axes.lines[0].get_xdata()[0] == true


def test_lags_are_the_responses_of_the_column_with_its_weights():
    data = FIRMS.assign(size=1.0 + FIRMS["firm"] % 3)
    table = read_table({
        "table": "t", "outcome": "y", "weights": "size", "covariance": "iid",
        "columns": [{"name": "plain", "regressors": ["x", "z"], "fixed_effects": ["firm"]}],
        "figures": {"f": {"lags": "plain", "unit": "firm", "period": "year", "horizons": [-1, 0, 2]}},
    })  # fmt: skip
    columns = estimate_columns(table, data)
    found = draw_figures(table, data, columns)["f"].axes[0].containers[0]
    settings = {"controls": ["z"], "fixed_effects": ["firm"], "weights": "size", "covariance": "iid"}
    expected = lagged_responses(data, "y", "x", "firm", "year", horizons=[-1, 0, 2], **settings).points
    np.testing.assert_array_equal(found.lines[0].get_xydata(), expected[["horizon", "estimate"]])
    np.testing.assert_allclose(np.array(found.lines[1][0].get_ydata(), float), expected["ci_low"].astype(float))
    assert expected["estimate"][1] == columns[0].estimates.terms.loc["x", "estimate"]
    now = least_squares(data, "y", ["x", "z"], fixed_effects=["firm"], weights="size", covariance="iid")
    assert expected["standard_error"][1] == now.terms.loc["x", "standard_error"]


def test_unknown_keys_of_figures_are_answered_by_the_nearest():
    for figure, reason in [
        ({"binned_scater": "plain"}, "did you mean 'binned_scatter'"),
        ({"binned_scatter": "plain", "bin": 3}, "There is no key 'bin'; did you mean 'bins'"),
        ({"placebo": "plain", "block": ["firm"]}, "There is no key 'block'; did you mean 'blocks'"),
        ({"marginal_effects": "plain", "regressor": "x", "moderater": "z"}, "did you mean 'moderator'"),
    ]:
        with pytest.raises(InputError, match=reason):
            read_table({**TABLE, "figures": {"f": figure}})


def test_columns_that_only_a_figure_reads_are_read():
    figures = {"p": {"placebo": "plain", "blocks": ["city"]}, "l": {"lags": "plain", "unit": "unit", "period": "t"}}
    assert {"city", "unit", "t"} <= columns_read(read_table({**TABLE, "figures": figures}))


def test_labels_and_titles_are_the_table_s_unless_the_figure_has_its_own():
    own = {"horizons": "path", "title": "", "across": "开业后年数", "upright": "Effect (log points)"}
    figures, _ = drawn(figures={"usual": {"horizons": "path"}, "own": own})
    usual, changed = figures["usual"].axes[0], figures["own"].axes[0]
    assert (usual.get_title(), changed.get_title()) == ("Path", "")
    assert (changed.get_xlabel(), changed.get_ylabel()) == ("开业后年数", "Effect (log points)")
    with in_style(), warnings.catch_warnings():
        warnings.simplefilter("error" if len(font_families()) > 1 else "ignore")
        assert as_png(figures["own"]).startswith(b"\x89PNG")
