"""Markups against arithmetic that fits on one line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.production.ackerberg_caves_frazer import ackerberg_caves_frazer
from haiguan.transforms.estimators.production.example import example_firms
from haiguan.transforms.estimators.production.levinsohn_petrin import levinsohn_petrin
from haiguan.transforms.estimators.production.markups import markups
from haiguan.transforms.estimators.production.panel import ProductionColumns

COLUMNS = ProductionColumns("firm", "year", "output", ("labour",), ("capital",), "materials")
ASKED = {"flexible_input": "labour", "expenditure": "wages", "revenue": "sales"}


@pytest.fixture(scope="module")
def firms() -> pd.DataFrame:
    """Firms whose wage bill is what a markup of 1.25 leaves: wages = .6 x sales net of the unforeseen shock / 1.25."""
    frame = example_firms(firms=1000, years=8, seed=3, leave=False)
    foreseen = 0.6 * frame["labour"] + 0.4 * frame["capital"] + frame["productivity"]
    return frame.assign(sales=np.exp(frame["output"]), wages=0.6 / 1.25 * np.exp(foreseen))


def test_a_planted_markup_is_recovered(firms):
    found = markups(levinsohn_petrin(firms, COLUMNS), firms, **ASKED)
    assert found["markup"].median() == pytest.approx(1.25, rel=0.02)
    # The first stage's residual takes the unforeseen shock (sd .1) out of the share.
    assert found["markup"].std() < 0.02


def test_a_cobb_douglas_markup_is_elasticity_over_corrected_share(firms):
    function = levinsohn_petrin(firms, COLUMNS)
    row = firms.iloc[5]
    share = row["wages"] / (row["sales"] / np.exp(function.rows["first_stage_residual"].iloc[5]))
    found = markups(function, firms, **ASKED).iloc[5]
    assert found["markup"] == pytest.approx(function.coefficients["labour"] / share, rel=1e-12)


def test_a_translog_elasticity_is_the_derivative_at_the_firms_own_inputs(firms):
    function = ackerberg_caves_frazer(firms, COLUMNS, order=2)
    b, row = function.coefficients, firms.iloc[5]
    theta = b["labour"] + 2 * b["labour^2"] * row["labour"] + b["labour:capital"] * row["capital"]
    assert markups(function, firms, **ASKED)["output_elasticity"].iloc[5] == pytest.approx(theta, rel=1e-10)


def test_bad_expenditure_is_refused_by_name(firms):
    function = levinsohn_petrin(firms, COLUMNS)
    with pytest.raises(InputError, match="column 'wages' is missing, infinite, zero or negative in 1 estimated rows"):
        markups(function, firms.assign(wages=firms["wages"].where(firms.index > 0, 0.0)), **ASKED)
    with pytest.raises(InputError, match="its inputs are labour, capital"):
        markups(function, firms, flexible_input="energy", expenditure="wages", revenue="sales")
