"""Figures that regression tables of studies ask for: their points in the lake are what the estimator gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.figures import binned_means
from haiguan.transforms.schema import COLUMNS, TABLES
from haiguan.transforms.studies.plots import result_studies__plots

DRAW = np.random.default_rng(5)
PANEL = pd.DataFrame({"firm_code": np.repeat(["01", "02", "03", "04"], 6), "year": np.tile(np.arange(2000, 2006), 4)})
PANEL["ln_imports"] = DRAW.normal(size=24)
PANEL["ln_exports"] = 0.5 * PANEL["ln_imports"] + DRAW.normal(size=24)
CONTENT = {
    "kind": "estimates",
    "panel": "panel_customs__firm_year",
    "title": "Exports",
    "notes": ["A note."],
    "outcome": "ln_exports",
    "columns": [{"name": "within", "title": "Within", "regressors": ["ln_imports"], "fixed_effects": ["firm_code"]}],
    "figures": {
        "bins": {"binned_scatter": "within", "bins": 4},
        "terms": {"coefficients": ["ln_imports"]},
        "later": {"lags": "within", "unit": "firm_code", "period": "year", "horizons": [0, 1]},
    },
}


def points(**changes: object) -> pd.DataFrame:
    text = yaml.safe_dump({**CONTENT, **changes})
    return result_studies__plots(pd.DataFrame([{"study": "s", "item": "table_1", "text": text}]), PANEL)


def test_points_are_those_of_the_figure_and_coefficients_have_none():
    found = points()
    assert list(found.columns) == list(TABLES["result_studies__plots"].column_names)
    assert set(found["item"]) == {"table_1_bins", "table_1_later"}
    assert not found.duplicated(list(TABLES["result_studies__plots"].key)).any()
    assert set(found["mark"]) <= set(COLUMNS["mark"].values)
    means = found[(found["item"] == "table_1_bins") & (found["mark"] == "points")]
    expected = binned_means(PANEL, "ln_exports", "ln_imports", fixed_effects=["firm_code"], bins=4)
    np.testing.assert_array_equal(means[["x", "value"]].astype(float), expected[["regressor", "outcome"]])
    assert set(means["title"]) == {"Exports: Within"}
    later = found[found["item"] == "table_1_later"]
    assert later["x"].tolist() == [0, 1]
    assert (later["low"] < later["value"]).all()
    assert (later["value"] < later["high"]).all()


def test_without_the_panel_there_are_no_points():
    files = pd.DataFrame([{"study": "s", "item": "table_1", "text": yaml.safe_dump(CONTENT)}])
    assert result_studies__plots(files).empty


def test_a_figure_that_cannot_be_is_told_with_its_file():
    with pytest.raises(InputError, match=r"figures.f: There is no column called 'witin'; did you mean 'within'"):
        points(figures={"f": {"binned_scatter": "witin"}})
    with pytest.raises(InputError, match=r"studies/s/table_1.yaml: .*did you mean 'binned_scatter'"):
        points(figures={"f": {"binned_scater": "within"}})
