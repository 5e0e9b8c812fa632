"""Bias and coverage of each estimator on its own model, 500 draws, written into docs/estimators.md.

    python -m benchmarks.monte_carlo [--draws 500] [--only WORDS] [--write]

A production function takes a second, errors included, so that two fifths of the draws must do there.
Coverage is the share of 95 % intervals that hold the truth, or of tests at 5 % that keep it; with 500 draws it has a
standard error of one point. Every draw has a seed of its own, so that the table does not depend on the number of cores.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
from pathlib import Path

import numpy as np

from benchmarks.monte_carlo_models import instruments, linear, paths, production, responses
from benchmarks.monte_carlo_models.worlds import Interval, Model

PAGE = Path(__file__).parents[1] / "docs" / "estimators.md"
BEGIN, END = "<!-- Monte Carlo: made by benchmarks/monte_carlo.py -->", "<!-- end of the Monte Carlo -->"
HEAD = [
    "| Model | Median bias | Standard deviation | Median standard error | Coverage of 95 % |",
    "|---|---:|---:|---:|---:|",
]
LINES: dict[Model, tuple[str, ...]] = {
    **linear.LINES,
    **instruments.LINES,
    **responses.LINES,
    **paths.LINES,
    **production.LINES,
}
MODELS = list(LINES)


def drawn(place: tuple[int, int]) -> tuple[Interval, ...]:
    """One draw of one model."""
    model, draw = place
    return MODELS[model](np.random.default_rng([draw, 1_999]))


def line(name: str, intervals: np.ndarray) -> str:
    """One line of the table from draws x (error, low, high); spreads by quartiles, since tails may have no variance."""
    errors, low, high = intervals.T
    spread = np.subtract(*np.percentile(errors, [75, 25])) / 1.349
    covered = ((low <= 0) & (high >= 0)).mean()
    claimed = f"{np.median(high - low) / 2 / 1.96:.3f}" if np.isfinite(low).all() else ""
    return f"| {name} | {np.median(errors):+.3f} | {spread:.3f} | {claimed} | {covered:.1%} |"


def table(draws: int, only: str) -> str:
    """The table, model by model, the draws of each over all cores."""
    rows = list(HEAD)
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        for place, (_, names) in enumerate(LINES.items()):
            if not any(only in name for name in names):
                continue
            count = draws * 2 // 5 if MODELS[place] in production.LINES else draws
            found = np.array(pool.map(drawn, [(place, draw) for draw in range(count)], chunksize=5))
            rows += [line(name, found[:, j]) for j, name in enumerate(names)]
            print("\n".join(rows[-len(names) :]), flush=True)
    return "\n".join(rows)


def main() -> None:
    """Prints the table, and writes it where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--only", default="", help="models whose name holds these words")
    parser.add_argument("--write", action="store_true", help="put the table into docs/estimators.md")
    arguments = parser.parse_args()
    made = table(arguments.draws, arguments.only)
    if arguments.write:
        before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{made}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
