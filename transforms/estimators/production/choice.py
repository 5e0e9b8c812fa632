"""Which solution to take where the moments have several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from haiguan.transforms.estimators.production.markov import Solution

_SOLVED = 1e-8


def choose(
    solutions: Sequence[Solution], slopes: np.ndarray, naive: np.ndarray, scale: float
) -> tuple[Solution, tuple[str, ...]]:
    """The economically admissible solution, and a warning that names the others.

    Moments of persistent processes have solutions in which "productivity" is another of them, such as wages or capital
    itself (Kim, Luo and Su 2019). Among those that solve the moments equally well, a solution whose mean output
    elasticities all lie between 0 and 1 is preferred, then the one closest to least squares.

    Args:
        solutions: best first, at least one.
        slopes: inputs x coefficients: mean output elasticities are slopes @ coefficients.
        naive: coefficients by least squares.
        scale: sum of squares of log output, against which objectives are judged equal.
    """
    solved = [s for s in solutions if s.objective <= solutions[0].objective + _SOLVED * scale]

    def rank(solution: Solution) -> tuple[bool, float]:
        """Inadmissible ones last, then by distance from least squares."""
        elasticities = slopes @ solution.coefficients
        distance = np.abs(slopes @ (solution.coefficients - naive)).sum()
        return bool(((elasticities <= 0) | (elasticities >= 1)).any()), float(distance)

    first, *others = sorted(solved, key=rank)
    if not others:
        return first, ()
    rest = "; ".join(", ".join(f"{value:.3f}" for value in s.coefficients) for s in others)
    return first, (f"the moments have {len(solved)} solutions: the others are {rest} (in the order of the terms)",)
