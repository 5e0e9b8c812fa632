"""Why a firm is not seen again, and the probability that it is."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.naming import unknown_name

SURVEY_THRESHOLD_THOUSAND_CNY = 20_000.0


def exit_reason(
    panel: pd.DataFrame,
    *,
    firm: str,
    year: str,
    revenue_thousand_cny: str | None = None,
    threshold_years: tuple[int, int] = (2009, 2011),
) -> pd.Series:
    """Why a firm-year is the last before a year in which the firm is not seen.

    The industrial survey covers firms above a revenue threshold, raised from 5 to 20 million CNY in 2011; the years
    before are poor. A small firm that vanishes then has left the survey, and whether it left the market cannot be told:
    it is censored.

    Args:
        panel: grain firm x year, all years of the survey, before rows with missing inputs are left out.
        firm: column of the firm.
        year: column of the year, whole numbers.
        revenue_thousand_cny: column of revenue in thousand CNY; without it no row is given "threshold".
        threshold_years: first and last year in which a firm may have vanished for being small.

    Returns:
        On the index of the panel: null where the firm is seen in the following year, else "gap" (seen again later),
        "sample_end" (the panel ends), "threshold" (revenue below 20 million CNY, or unknown, and vanished within
        `threshold_years`) or "exit". Only the last is an exit.

    Raises:
        InputError: an unknown column, or a firm-year twice.

    >>> survey = pd.DataFrame({"firm": list("aaabbcc"), "year": [2007, 2008, 2010, 2007, 2008, 2007, 2008],
    ...                        "revenue": [9e4, 9e4, 9e4, 8e3, 8e3, 5e4, 5e4]})
    >>> exit_reason(survey, firm="firm", year="year", revenue_thousand_cny="revenue").tolist()
    [None, 'gap', 'sample_end', None, 'threshold', None, 'exit']
    """
    wanted = [firm, year] + ([revenue_thousand_cny] if revenue_thousand_cny is not None else [])
    if unknown := [unknown_name("column", name, panel.columns) for name in wanted if name not in panel]:
        raise InputError(*unknown)
    if twice := int(panel.duplicated([firm, year]).sum()):
        raise InputError(f"{twice} rows repeat a pair of '{firm}' and '{year}'; keep one row per firm and year")
    years = panel[year].sort_values(kind="stable")
    following = years.groupby(panel[firm].loc[years.index], sort=False).shift(-1).reindex(panel.index)
    vanished = panel[year] + 1
    small = pd.Series(False, panel.index)
    if revenue_thousand_cny is not None:
        small = vanished.between(*threshold_years) & ~(panel[revenue_thousand_cny] >= SURVEY_THRESHOLD_THOUSAND_CNY)
    reason = np.select(
        [following == vanished, following.notna(), panel[year] == panel[year].max(), small],
        ["seen", "gap", "sample_end", "threshold"],
        "exit",
    )
    return pd.Series(reason, panel.index, dtype=object, name="exit_reason").where(reason != "seen", None)


def survival(reason: pd.Series, year: pd.Series) -> pd.Series:
    """Whether the firm of a row lives in the following year: 1, 0, or missing where that cannot be told.

    Args:
        reason: what `exit_reason` found.
        year: year of the same rows; a year that no row follows (the last one, or one before a year without a survey)
            gives missing, as nobody can be seen then.

    >>> survival(pd.Series([None, "gap", "exit", "threshold"], dtype=object), pd.Series([1, 1, 1, 2])).tolist()
    [1.0, 1.0, 0.0, nan]
    """
    lives = reason.map({"gap": 1.0, "exit": 0.0}).astype(float).where(reason.notna(), 1.0)
    return lives.where((year + 1).isin(set(year)) & (reason.isna() | reason.isin(["gap", "exit"]))).rename("survival")


def survival_probability(design: np.ndarray, lives: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pr(observed at t | what is known at t-1), by probit, for every row at t-1.

    Args:
        design: regressors, rows x columns, with a constant in their span.
        lives: 1, 0 or missing per row; missing rows are predicted and not used.
        weights: per row, 0 or more.

    Raises:
        InputError: no exit, or no survivor, among the rows of known fate.
    """
    known = ~np.isnan(lives) & (weights > 0)
    if len(np.unique(lives[known])) < 2:
        raise InputError("the survival column holds no exit, or no survivor: estimate without correction for exit")
    return norm.cdf(design @ _probit(design[known], 2 * lives[known] - 1, weights[known]))


def _probit(design: np.ndarray, sign: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Newton's steps to the coefficients of a weighted probit; the likelihood is concave, so they are the maximum."""
    beta = np.zeros(design.shape[1])
    for _ in range(50):
        index = design @ beta
        mills = sign * np.exp(norm.logpdf(index) - norm.logcdf(sign * index))
        curvature = weights * mills * (mills + index)
        step = np.linalg.lstsq((design * curvature[:, None]).T @ design, design.T @ (weights * mills), rcond=1e-12)[0]
        beta += np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-9:
            break
    return beta
