"""The planted regression, estimated by numpy on the simulator's own arrays."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from haiguan.transforms.simulation.contacts import proper_names
from haiguan.transforms.simulation.draws import Draws
from haiguan.transforms.simulation.firms import NEVER, PLANTED_B, Firms, simulate_firms

YEARS = (2003, 2004, 2007)


def firms_with(seed: int, count: int, years: tuple[int, ...] = YEARS) -> Firms:
    return simulate_firms(Draws(seed), np.arange(count), years)


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
    b, standard_error, firms = _within_estimate(firms_with(seed, 14_000))
    assert abs(b - PLANTED_B) < 4 * standard_error
    assert 0.008 < standard_error < 0.02
    assert firms > 3_000


def test_estimates_scatter_as_their_standard_errors_say() -> None:
    estimates = [_within_estimate(firms_with(seed, 2_500)) for seed in range(100, 140)]
    scores = np.array([(b - PLANTED_B) / standard_error for b, standard_error, _ in estimates])
    assert abs(scores.mean()) < 4 / np.sqrt(len(scores))
    assert 0.6 < scores.std() < 1.4


def test_the_largest_hundredth_of_exporters_sells_most() -> None:
    exports = np.sort(firms_with(1, 40_000).export_cents.sum(axis=1))
    exporters = exports[exports > 0]
    assert exporters[-len(exporters) // 100 :].sum() / exporters.sum() > 0.5


@pytest.mark.parametrize("year", [2000, 2016])
def test_every_firm_has_a_code_of_its_own(year: int) -> None:
    codes = firms_with(3, 300_000, (2003,)).codes(Draws(3), year)
    assert len(set(codes)) == len(codes)
    assert {len(code) for code in codes} == {10}
    assert len({code[6:] for code in codes if code[6] >= "A"}) > 100


def test_a_firm_is_the_same_whichever_block_it_is_made_in() -> None:
    whole, part = firms_with(5, 5_000), simulate_firms(Draws(5), np.arange(3_000, 4_000), YEARS)
    assert (whole.export_cents[3_000:4_000] == part.export_cents).all()
    assert whole.codes(Draws(5), 2007)[3_000:4_000] == part.codes(Draws(5), 2007)
    assert proper_names(Draws(5), whole, 2007)[3_000:4_000] == proper_names(Draws(5), part, 2007)


def test_firms_enter_and_exit() -> None:
    years = tuple(range(2000, 2017))
    firms = firms_with(2, 20_000, years)
    trades = (firms.import_cents > 0) | (firms.export_cents > 0)
    first, last = trades.argmax(axis=1), len(years) - 1 - trades[:, ::-1].argmax(axis=1)
    ever = trades.any(axis=1)
    assert ((first > 0) & ever).mean() > 0.2
    assert ((last < len(years) - 1) & ever).mean() > 0.3
    gaps = (last - first + 1 - trades.sum(axis=1))[ever]
    assert (gaps > 0).mean() > 0.2


def test_a_code_changes_only_with_a_move_and_a_name_only_with_a_renaming() -> None:
    firms = firms_with(4, 20_000)
    before, after = firms.codes(Draws(4), 2005), firms.codes(Draws(4), 2006)
    moved = firms.moves == 2006
    changed = np.array(before) != np.array(after)
    assert changed.sum() > 10
    assert (changed == (moved & firms.is_recoded)).all()
    assert (firms.places(2005) == firms.places(2006))[~moved].all()
    names = np.array(proper_names(Draws(4), firms, 2005)) != np.array(proper_names(Draws(4), firms, 2006))
    renamed = firms.renamed == 2006
    assert not (names & ~renamed).any()
    assert names[renamed].mean() > 0.9
    assert 0.8 < (firms.renamed == NEVER).mean() < 0.95
