"""The planted regression, estimated by numpy on the simulator's own arrays."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from haiguan.transforms.simulation.draws import Draws
from haiguan.transforms.simulation.firms import PLANTED_B, Firms, pick, simulate_firms

YEARS = (2003, 2004, 2007)


def _within_estimate(firms: Firms) -> tuple[float, float, int]:
    """b, its standard error clustered by firm, and how many firms were seen twice or more."""
    both = (firms.import_cents > 0) & (firms.export_cents > 0)
    firm, year = np.nonzero(both)
    counts = np.bincount(firm, minlength=len(both))
    kept = counts[firm] > 1
    firm, year = np.unique(firm[kept], return_inverse=True)[1], year[kept]
    x, y = (np.log(cents[both][kept] / 100) for cents in (firms.import_cents, firms.export_cents))
    x, y = _demeaned(x, firm, year), _demeaned(y, firm, year)
    b = float(x @ y / (x @ x))
    scores = np.bincount(firm, weights=x * (y - b * x))
    return b, float(np.sqrt(scores @ scores) / (x @ x)), int(firm.max()) + 1


def _demeaned(values: NDArray[np.float64], firm: NDArray[np.int64], year: NDArray[np.int64]) -> NDArray[np.float64]:
    """Without firm and year effects, by least squares on dummies of the years after demeaning by firm."""
    dummies = np.eye(year.max() + 1)[year][:, 1:]
    sizes = np.bincount(firm)
    columns = np.column_stack([values, dummies])
    means = np.column_stack([np.bincount(firm, weights=column) / sizes for column in columns.T])
    within = columns - means[firm]
    effects = np.linalg.lstsq(within[:, 1:], within[:, 0], rcond=None)[0]
    return within[:, 0] - within[:, 1:] @ effects


@pytest.mark.parametrize("seed", range(1, 9))
def test_planted_coefficient_is_in_the_arrays(seed: int) -> None:
    b, standard_error, firms = _within_estimate(simulate_firms(Draws(seed), 200_000, YEARS))
    assert abs(b - PLANTED_B) < 4 * standard_error
    assert 0.008 < standard_error < 0.02
    assert firms > 3_000


def test_estimates_scatter_as_their_standard_errors_say() -> None:
    estimates = [_within_estimate(simulate_firms(Draws(seed), 40_000, YEARS)) for seed in range(100, 140)]
    scores = np.array([(b - PLANTED_B) / standard_error for b, standard_error, _ in estimates])
    assert abs(scores.mean()) < 4 / np.sqrt(len(scores))
    assert 0.6 < scores.std() < 1.4


def test_the_largest_hundredth_of_exporters_sells_most() -> None:
    exports = np.sort(simulate_firms(Draws(1), 400_000, YEARS).export_cents.sum(axis=1))
    exporters = exports[exports > 0]
    assert exporters[-len(exporters) // 100 :].sum() / exporters.sum() > 0.4


def test_a_serial_is_given_once_within_place_zone_and_ownership() -> None:
    firms = simulate_firms(Draws(3), 100_000, YEARS)
    codes = set(zip(firms.place, firms.zone, firms.ownership, firms.serial, strict=True))
    assert len(codes) == len(firms.place)


def test_more_declarations_add_firms_and_change_none() -> None:
    small, large = (simulate_firms(Draws(5), count, YEARS) for count in (20_000, 40_000))
    assert (large.export_cents[: len(small.place)] == small.export_cents).all()


def test_pick_follows_the_weights() -> None:
    assert pick(np.array([0.0, 0.24, 0.25, 0.99]), [1, 1, 2]).tolist() == [0, 0, 1, 2]
