"""The ladder finds the level at which a regressor varies, and prints each level with its clusters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.cluster_ladder import level_of_variation
from haiguan.transforms.estimators.linear import least_squares
from haiguan.transforms.estimators.regression_table import regression_table
from haiguan.transforms.estimators.specification import read_table

DRAW = np.random.default_rng(8)
FIRMS = pd.DataFrame({"firm": np.repeat(np.arange(120), 5), "year": np.tile(np.arange(5), 120)})
FIRMS["city"] = FIRMS["firm"] % 24
FIRMS["province"] = FIRMS["city"] % 6
FIRMS["access"] = DRAW.normal(size=(24, 5))[FIRMS["city"], FIRMS["year"]]
FIRMS["coast"] = FIRMS["province"] % 2
FIRMS["size"] = DRAW.normal(size=len(FIRMS))
FIRMS["y"] = 0.3 * FIRMS["access"] + DRAW.normal(size=24)[FIRMS["city"]] + DRAW.normal(size=len(FIRMS))
LEVELS = ["firm", "firm^year", "city", "city^year", "province"]


@pytest.mark.parametrize(
    ("term", "level"),
    [
        ("access", "city^year"),
        ("coast", "province"),
        ("size", "firm^year"),
        ("access:coast", "city^year"),
        ("size:access", "firm^year"),
    ],
)
def test_the_coarsest_level_within_which_a_regressor_is_constant(term, level):
    assert level_of_variation(FIRMS, term, LEVELS) == level
    assert level_of_variation(FIRMS.sample(frac=1, random_state=1), term, LEVELS[::-1]) == level


def test_a_regressor_that_varies_from_row_to_row_has_no_level():
    assert level_of_variation(FIRMS, "size", ["firm", "city"]) is None


def test_rows_without_the_regressor_or_the_level_do_not_count():
    holed = FIRMS.assign(coast=FIRMS["coast"].where(FIRMS.index > 3), province=FIRMS["province"].where(FIRMS.index > 9))
    assert level_of_variation(holed, "coast", ["city", "province"]) == "province"


def test_unknown_levels_are_named():
    with pytest.raises(InputError, match="no column 'cty'; did you mean 'city'"):
        level_of_variation(FIRMS, "access", ["cty"])


def ladder_of(ladder: dict, **column: object) -> dict[str, tuple[str, str]]:
    content = {"table": "t", "outcome": "y", "columns": [{"regressors": ["access"], **column}], "ladder": ladder}
    rows = [row for row in regression_table(read_table(content), FIRMS).rows if row.kind == "ladder"]
    return {error.label: (error.cells[0], count.cells[0]) for error, count in zip(rows[::2], rows[1::2], strict=True)}


def error(**settings: object) -> str:
    return f"({least_squares(FIRMS, 'y', ['access'], **settings).terms.loc['access', 'standard_error']:.3f})"


def test_the_table_s_level_the_regressor_s_and_two_way():
    rungs = ladder_of({"candidates": ["firm", "city", "city^year"], "two_way": ["city", "year"]}, clusters=["firm"])
    assert rungs == {
        "As in the table: error of access": (error(clusters=["firm"]), "120 firm"),
        "Where the regressor varies: error of access": (error(clusters=["city^year"]), "120 city^year"),
        "Two-way: error of access": (error(clusters=["city", "year"]), "24 city and 5 year"),
    }


def test_two_way_is_the_table_s_and_the_regressor_s_level_unless_one_nests_the_other():
    crossed = ladder_of({"candidates": ["city^year"]}, clusters=["firm"])
    assert crossed["Two-way: error of access"] == (error(clusters=["firm", "city^year"]), "120 firm and 120 city^year")
    assert "Two-way: error of access" not in ladder_of({"candidates": ["city^year"]}, clusters=["city"])


@pytest.mark.parametrize(
    "column",
    [
        {"estimator": "quantile_regression", "outcome": "size"},
        {"estimator": "poisson", "outcome": "firm"},
        {"estimator": "kinky_least_squares", "endogenous": ["access"], "regressors": [], "kinky": {"correlation": 0.1}},
        {"estimator": "probit", "outcome": "coast"},
        {"estimator": "event_study", "event": {"unit": "firm", "period": "year", "event_period": "opened"}},
    ],
    ids=lambda column: column["estimator"],
)
def test_every_estimator_with_clusters_has_a_ladder(column):
    frame = FIRMS.assign(opened=np.where(FIRMS["firm"] < 60, 2.0, np.nan), size=FIRMS["size"] + FIRMS["access"])
    for candidates in (["city^year"], ["province"]):
        ladder = {"candidates": candidates, "rungs": {"City": ["city"]}}
        content = {"table": "t", "outcome": "y", "columns": [{"regressors": ["access"], **column}], "ladder": ladder}
        rows = [row for row in regression_table(read_table(content), frame).rows if row.kind == "ladder"]
        assert rows[0].label.startswith("As in the table")
        assert rows[-1].cells == ("24 city",)


def test_a_regressor_without_level_gets_robust_errors():
    rungs = ladder_of({"candidates": ["firm"]}, regressors=["size"], clusters=["firm"])
    assert rungs["Where the regressor varies: error of size"][1] == "none (robust)"
