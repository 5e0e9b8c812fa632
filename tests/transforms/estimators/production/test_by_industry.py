"""One production function per industry: the plain function, and Spark's loop over it."""

from __future__ import annotations

import doctest

import numpy as np
import pandas as pd
import pytest

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.production.bootstrap import bootstrap
from haiguan.transforms.estimators.production.by_industry import (
    coefficients_by_industry,
    industry_coefficients,
    industry_productivity,
    productivity_by_industry,
)
from haiguan.transforms.estimators.production.example import example_firms
from haiguan.transforms.estimators.production.levinsohn_petrin import levinsohn_petrin
from haiguan.transforms.estimators.production.panel import ProductionColumns

COLUMNS = ProductionColumns("firm", "year", "output", ("labour",), ("capital",), "materials")


def fit(rows: pd.DataFrame):
    return levinsohn_petrin(rows, COLUMNS)


def estimate(rows: pd.DataFrame):
    return bootstrap(fit(rows), draws=20, seed=1).estimates


@pytest.fixture(scope="module")
def firms() -> pd.DataFrame:
    frame = example_firms(firms=120, years=5, seed=2, leave=False)
    lone = pd.DataFrame(
        {"firm": [999], "year": [2001], "output": [1.0], "labour": [1.0], "capital": [2.0], "materials": [1.0]}
    )
    return pd.concat([frame, lone], ignore_index=True).assign(industry=lambda f: np.where(f["firm"] == 999, "37", "13"))


def test_an_industry_gives_its_terms_and_one_that_cannot_be_estimated_its_reason(firms):
    good, bad = (
        industry_coefficients(rows, industry="industry", estimate=estimate) for _, rows in firms.groupby("industry")
    )
    assert good["term"].tolist() == ["labour", "capital"]
    assert good["firms"].tolist() == [120, 120]
    assert bad["message"].item().startswith("column 'output' does not vary")
    assert bad["term"].item() is None


def test_every_row_comes_back_with_productivity_or_a_reason(firms):
    rows = firms[firms["industry"] == "13"].copy()
    rows.loc[rows.index[0], "labour"] = np.nan
    found = industry_productivity(
        rows, industry="industry", keys=("firm", "year"), inputs=("labour", "capital"), fit=fit
    )
    assert len(found) == len(rows)
    assert found["productivity"].isna().sum() == 1
    assert found["elasticity_labour"].nunique() == 1
    assert found.loc[found["productivity"].isna(), "message"].item().endswith("missing in this row")


def test_spark_gives_what_the_plain_function_gives(firms, spark):
    def there(rows: pd.DataFrame):
        # Defined here, so that it travels to the workers whole: they cannot import a test.
        columns = ProductionColumns("firm", "year", "output", ("labour",), ("capital",), "materials")
        return levinsohn_petrin(rows, columns)

    columns = ["industry", "firm", "year", "output", "labour", "capital", "materials"]
    panel = spark.createDataFrame(firms[columns])
    found = (
        coefficients_by_industry(panel, "industry", lambda rows: bootstrap(there(rows), draws=20, seed=1).estimates)
        .toPandas()
        .sort_values(["industry", "term"])
    )
    plain = estimate(firms[firms["industry"] == "13"]).terms
    np.testing.assert_allclose(
        found.set_index("term").loc[["labour", "capital"], "standard_error"], plain["standard_error"], rtol=1e-9
    )
    rows = productivity_by_industry(panel, "industry", ("firm", "year"), ("labour", "capital"), there).toPandas()
    assert len(rows) == len(firms)
    assert rows["productivity"].isna().sum() == 1


@pytest.mark.parametrize("function", [coefficients_by_industry, productivity_by_industry])
def test_the_worked_examples_hold(function, spark):
    runner = doctest.DocTestRunner()
    (example,) = doctest.DocTestFinder().find(function, globs={"spark": spark, function.__name__: function})
    assert len(example.examples) > 5
    assert runner.run(example).failed == 0


def test_a_fault_of_ours_is_not_hidden(firms):
    def broken(rows):
        raise KeyError("ours")

    with pytest.raises(KeyError):
        industry_coefficients(firms, industry="industry", estimate=broken)
    with pytest.raises(InputError):
        fit(firms[firms["industry"] == "37"])
