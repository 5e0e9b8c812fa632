"""One production function per industry: a plain function of one industry's rows, and Spark's loop over industries."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from threadpoolctl import threadpool_limits

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.production.function import ProductionFunction
from haiguan.transforms.estimators.result import Estimates

_NUMBERS = ("estimate", "standard_error", "statistic", "p_value", "ci_low", "ci_high")
_PRODUCTIVITY = ("productivity", "anticipated_productivity", "first_stage_residual")


def coefficients_by_industry(
    panel: DataFrame, industry: str, estimate: Callable[[pd.DataFrame], Estimates]
) -> DataFrame:
    """Coefficients of every industry, each industry a task of its own.

    Args:
        panel: Spark frame, grain firm x year.
        industry: column of the industry, a string.
        estimate: what to run on one industry's rows, e.g. an estimator followed by `bootstrap`; reads pandas.

    Returns:
        Grain industry x term: the industry as a string, term, estimate, standard_error, statistic, p_value, ci_low,
        ci_high, observations, firms, message (warnings, or why there is no estimate: then the only row of its
        industry).

    >>> from haiguan.transforms.estimators.production.example import example_firms
    >>> from haiguan.transforms.estimators.production.bootstrap import bootstrap
    >>> from haiguan.transforms.estimators.production.levinsohn_petrin import levinsohn_petrin
    >>> from haiguan.transforms.estimators.production.panel import ProductionColumns
    >>> read = ["firm", "year", "output", "labour", "capital", "materials"]
    >>> firms = example_firms(firms=200, years=4, seed=1, leave=False)[read].assign(industry="13")
    >>> def estimate(rows):
    ...     columns = ProductionColumns("firm", "year", "output", ("labour",), ("capital",), "materials")
    ...     return bootstrap(levinsohn_petrin(rows, columns), draws=20, seed=1).estimates
    >>> found = coefficients_by_industry(spark.createDataFrame(firms), "industry", estimate)
    >>> [(row.industry, row.term, round(row.estimate, 1)) for row in found.orderBy("term").collect()]
    [('13', 'capital', 0.4), ('13', 'labour', 0.6)]
    """
    schema = ", ".join(
        [
            f"`{industry}` string, term string",
            *(f"{name} double" for name in _NUMBERS),
            "observations long, firms long, message string",
        ]
    )

    def one(rows: pd.DataFrame) -> pd.DataFrame:
        """One industry, as Spark hands it over."""
        return industry_coefficients(rows, industry=industry, estimate=estimate)

    return panel.withColumn(industry, F.col(industry).cast("string")).groupBy(industry).applyInPandas(one, schema)


def industry_coefficients(
    rows: pd.DataFrame, *, industry: str, estimate: Callable[[pd.DataFrame], Estimates]
) -> pd.DataFrame:
    """Coefficients of one industry, or one row that says why there are none.

    >>> def fail(rows):
    ...     raise InputError("no firm has two consecutive years")
    >>> found = industry_coefficients(pd.DataFrame({"sic": ["13"]}), industry="sic", estimate=fail)
    >>> found[["sic", "message"]].to_numpy().tolist()
    [['13', 'no firm has two consecutive years']]
    """
    code = rows[industry].iloc[0]
    # One thread per industry: Spark already runs as many industries as there are cores.
    with threadpool_limits(1):
        try:
            found = estimate(rows)
        except InputError as error:
            return _no_estimate(industry, code, len(rows), str(error))
    table = found.terms.rename_axis("term").reset_index().assign(**{industry: code})
    return table.assign(
        observations=found.observations, firms=max(found.clusters.values()), message="; ".join(found.warnings) or None
    )[[industry, "term", *_NUMBERS, "observations", "firms", "message"]]


def productivity_by_industry(
    panel: DataFrame,
    industry: str,
    keys: tuple[str, str],
    inputs: tuple[str, ...],
    fit: Callable[[pd.DataFrame], ProductionFunction],
) -> DataFrame:
    """Productivity of every firm-year, from the production function of its industry, each industry a task of its own.

    Args:
        panel: Spark frame, grain firm x year.
        industry: column of the industry, a string.
        keys: columns of firm and year.
        inputs: inputs of the production function, for their elasticities.
        fit: the estimator to run on one industry's rows; reads pandas.

    Returns:
        Every row of the panel: industry, keys, productivity, anticipated_productivity, first_stage_residual (logs),
        elasticity_<input> of each input, and message where they are null.

    >>> from haiguan.transforms.estimators.production.example import example_firms
    >>> from haiguan.transforms.estimators.production.levinsohn_petrin import levinsohn_petrin
    >>> from haiguan.transforms.estimators.production.panel import ProductionColumns
    >>> read = ["firm", "year", "output", "labour", "capital", "materials"]
    >>> firms = example_firms(firms=200, years=4, seed=1, leave=False)[read].assign(industry="13")
    >>> def fit(rows):
    ...     columns = ProductionColumns("firm", "year", "output", ("labour",), ("capital",), "materials")
    ...     return levinsohn_petrin(rows, columns)
    >>> panel, inputs = spark.createDataFrame(firms), ("labour", "capital")
    >>> found = productivity_by_industry(panel, "industry", ("firm", "year"), inputs, fit)
    >>> found.where("productivity is not null").count(), len(firms)
    (800, 800)
    """
    types = dict(panel.select(*keys).dtypes)
    schema = ", ".join(
        [
            f"`{industry}` string",
            *(f"`{key}` {types[key]}" for key in keys),
            *(f"`{name}` double" for name in _results(inputs)),
            "message string",
        ]
    )

    def one(rows: pd.DataFrame) -> pd.DataFrame:
        """One industry, as Spark hands it over."""
        return industry_productivity(rows, industry=industry, keys=keys, inputs=inputs, fit=fit)

    return panel.withColumn(industry, F.col(industry).cast("string")).groupBy(industry).applyInPandas(one, schema)


def industry_productivity(
    rows: pd.DataFrame,
    *,
    industry: str,
    keys: tuple[str, str],
    inputs: tuple[str, ...],
    fit: Callable[[pd.DataFrame], ProductionFunction],
) -> pd.DataFrame:
    """Productivity and elasticities of the rows of one industry; rows without them carry the reason.

    >>> def fail(rows):
    ...     raise InputError("no firm has two consecutive years")
    >>> rows = pd.DataFrame({"sic": ["13"], "firm": ["a"], "year": [2001]})
    >>> found = industry_productivity(rows, industry="sic", keys=("firm", "year"), inputs=("labour",), fit=fail)
    >>> found[["firm", "productivity", "message"]].to_numpy().tolist()
    [['a', None, 'no firm has two consecutive years']]
    """
    out, results = rows[[industry, *keys]], _results(inputs)
    with threadpool_limits(1):
        try:
            found = fit(rows).rows[results]
        except InputError as error:
            return out.assign(**dict.fromkeys(results), message=str(error))
    out = out.join(found)
    incomplete = pd.Series("a column of the production function is missing in this row", out.index, dtype=object)
    return out.assign(message=incomplete.where(out["productivity"].isna(), None))


def _results(inputs: tuple[str, ...]) -> list[str]:
    return [*_PRODUCTIVITY, *(f"elasticity_{name}" for name in inputs)]


def _no_estimate(industry: str, code: object, observations: int, message: str) -> pd.DataFrame:
    empty: dict[str, object] = dict.fromkeys(("term", *_NUMBERS))
    return pd.DataFrame([{industry: code, **empty, "observations": observations, "firms": None, "message": message}])
