"""Simulated firms for worked examples: the assumptions of the proxy estimators hold, the coefficients are known."""

from __future__ import annotations

import numpy as np
import pandas as pd

LABOUR, CAPITAL = 0.6, 0.4
PERSISTENCE = 0.7
_MEAN_CAPITAL = 5.0


def example_firms(firms: int = 800, years: int = 10, seed: int = 0, leave: bool = True) -> pd.DataFrame:
    """A panel whose firms leave once productivity is too low for their capital.

    Log output is .6 labour + .4 capital + productivity + an unforeseen shock (sd .1). Productivity is an AR(1), .7.
    Capital is built by last year's investment; labour follows productivity, capital and a persistent wage; investment
    and materials rise with productivity given capital. Small firms need more productivity to stay, and how much differs
    by year: without correction for exit the coefficient of capital is too low.

    Args:
        firms: number of firms, all present in the first year unless they leave at once.
        years: length of the panel.
        seed: of the generator.
        leave: whether firms whose productivity is too low leave; otherwise all stay.

    Returns:
        Grain firm x year, logs: firm, year, output, labour, capital, investment, materials, productivity (the truth)
            and
        survival (1 seen in the following year, 0 exits, missing in the last year).
    """
    draw = np.random.default_rng(seed)
    omega = draw.normal(0, 0.4, firms)
    capital = draw.normal(_MEAN_CAPITAL, 1.0, firms)
    wage = draw.normal(0, 0.8, firms)
    present = np.ones(firms, dtype=bool)
    panel = []
    for year in range(2000, 2000 + years):
        present &= (omega > draw.normal(-0.45, 0.3) - 0.45 * (capital - _MEAN_CAPITAL)) | (not leave)
        panel.append(_year(draw, year, omega, capital, wage, present))
        investment = _investment(capital, omega)
        capital = np.log(0.85 * np.exp(capital) + np.exp(investment))
        omega = PERSISTENCE * omega + draw.normal(0, 0.4 * np.sqrt(1 - PERSISTENCE**2), firms)
        wage = 0.8 * wage + draw.normal(0, 0.5, firms)
    frame = pd.concat(panel, ignore_index=True).sort_values(["firm", "year"], ignore_index=True)
    last_seen = ~frame.duplicated("firm", keep="last")
    return frame.assign(survival=np.where(frame["year"] == frame["year"].max(), np.nan, ~last_seen))


def _investment(capital: np.ndarray, omega: np.ndarray) -> np.ndarray:
    return np.log(0.15) + _MEAN_CAPITAL + 0.7 * (capital - _MEAN_CAPITAL) + 1.2 * omega


def _year(
    draw: np.random.Generator, year: int, omega: np.ndarray, capital: np.ndarray, wage: np.ndarray, present: np.ndarray
) -> pd.DataFrame:
    labour = 4 + 0.6 * omega + 0.3 * capital - wage
    output = LABOUR * labour + CAPITAL * capital + omega + draw.normal(0, 0.1, len(omega))
    values = {
        "firm": np.arange(len(omega)),
        "year": year,
        "output": output,
        "labour": labour,
        "capital": capital,
        "investment": _investment(capital, omega),
        "materials": 3 + 0.4 * capital + omega,
        "productivity": omega,
    }
    return pd.DataFrame(values)[present]
