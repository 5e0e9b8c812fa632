"""Figures that a table asks for show the numbers of its columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.drawn_figures import draw_figures
from haiguan.transforms.estimators.figures import as_svg
from haiguan.transforms.estimators.specification import read_table
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
    points = horizons.lines[0].get_ydata()
    assert points[1] == 0  # The reference, one period before.
    assert points[-1] == columns[1].estimates.terms.loc["distance +2", "estimate"]
    curve = figures["curve"].axes[0].lines[1].get_ydata()
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
    ],
)
def test_figures_that_cannot_be_drawn_are_named(figure, reason):
    with pytest.raises(InputError, match=reason):
        drawn(figures={"f": figure})


def test_names_of_figures_are_names_of_files():
    with pytest.raises(InputError, match=r"figures"):
        read_table({**TABLE, "figures": {"../f": {"coefficients": ["x"]}}})
