"""Markups from the output elasticity of a flexible input (De Loecker and Warzynski 2012)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.production.function import ProductionFunction


def markups(
    function: ProductionFunction, frame: pd.DataFrame, *, flexible_input: str, expenditure: str, revenue: str
) -> pd.DataFrame:
    """Price over marginal cost per firm-year: elasticity over corrected revenue share.

    De Loecker and Warzynski (2012, American Economic Review 102, 2437-2471), equation 12: mu = theta / alpha, with
    theta the output elasticity of the input (constant for Cobb-Douglas, varying over firms for the translog) and alpha
    = expenditure / (revenue / exp(eta)): revenue is corrected for the shock eta that the firm could not foresee
    (equation 16), the first stage's residual. With output deflated by an industry price the level of the markup is not
    identified, differences between firms and years are. A study of exporters puts export status among the controls of
    the first stage.

    Args:
        function: the production function, in logs.
        frame: the panel it was estimated on, with the two columns below and the same index.
        flexible_input: the input, by its name among the inputs (materials, or labour where it is flexible).
        expenditure: column of nominal expenditure on that input.
        revenue: column of nominal revenue (nominal value added for a value-added function), same unit.

    Returns:
        On the index of the estimated rows: output_elasticity, revenue_share (alpha), markup.

    Raises:
        InputError: an unknown input or column; expenditure or revenue that is missing, infinite, zero or negative.

    >>> from haiguan.transforms.estimators.production.example import example_firms
    >>> from haiguan.transforms.estimators.production.levinsohn_petrin import levinsohn_petrin
    >>> from haiguan.transforms.estimators.production.panel import ProductionColumns
    >>> firms = example_firms(firms=800, seed=1, leave=False).assign(sales=100.0, wages=50.0)
    >>> columns = ProductionColumns("firm", "year", "output", ("labour",), ("capital",), "materials")
    >>> function = levinsohn_petrin(firms, columns)
    >>> found = markups(function, firms, flexible_input="labour", expenditure="wages", revenue="sales")
    >>> round(float(found["markup"].median()), 1)
    1.2
    """
    elasticity = f"elasticity_{flexible_input}"
    faults = [f"'{name}' is not a column of the panel" for name in (expenditure, revenue) if name not in frame]
    if elasticity not in function.rows:
        inputs = ", ".join(function.panel.columns.inputs)
        faults.append(f"'{flexible_input}' is not an input of the production function; its inputs are {inputs}")
    if faults:
        raise InputError(*faults)
    used = frame.loc[function.rows.index, [expenditure, revenue]].astype(float)
    _refuse_non_positive(used)
    share = used[expenditure] / used[revenue] * np.exp(function.rows["first_stage_residual"])
    theta = function.rows[elasticity]
    return pd.DataFrame({"output_elasticity": theta, "revenue_share": share, "markup": theta / share})


def _refuse_non_positive(used: pd.DataFrame) -> None:
    valid = (used > 0) & np.isfinite(used)
    if not valid.all(axis=None):
        raise InputError(
            *(
                f"column '{name}' is missing, infinite, zero or negative in {count} estimated rows; leave them out"
                for name, count in (~valid).sum().items()
                if count
            )
        )
