"""Bias and coverage of each estimator on its own model, 500 draws, written into docs/estimators.md.

    python benchmarks/monte_carlo.py [--draws 500] [--write]

Every model plants the coefficient 0.5. Coverage is the share of 95 % intervals that hold it; with 500 draws it has a
standard error of one point. Errors are correlated within clusters, so that an interval that ignores them fails.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from haiguan.transforms.estimators.instruments import two_stage_least_squares
from haiguan.transforms.estimators.kinky_least_squares import kinky_least_squares
from haiguan.transforms.estimators.linear import least_squares
from haiguan.transforms.estimators.poisson import poisson
from haiguan.transforms.estimators.probit import probit
from haiguan.transforms.estimators.result import Estimates
from haiguan.transforms.estimators.wild_bootstrap import wild_cluster_bootstrap

TRUTH = 0.5
PAGE = Path(__file__).parents[1] / "docs" / "estimators.md"
BEGIN, END = "<!-- Monte Carlo: made by benchmarks/monte_carlo.py -->", "<!-- end of the Monte Carlo -->"


def panel(rng: np.random.Generator, clusters: int = 60, first_stage: float = 1.0) -> pd.DataFrame:
    """Cities of four firms over five years; regressor and error share city shocks; x is moved by z and by the error."""
    frame = pd.DataFrame({"city": np.repeat(np.arange(clusters), 20), "year": np.tile(np.arange(5), clusters * 4)})
    n, city = len(frame), frame["city"]
    frame["firm"] = np.arange(n) // 5
    cell = city * 5 + frame["year"]
    shock, other = rng.normal(size=(2, clusters * 5))
    frame["error"] = shock[cell] + rng.normal(size=n)
    frame["exogenous"] = other[cell] + rng.normal(size=n) + 0.5 * rng.normal(size=n // 5)[frame["firm"]]
    frame["z"] = rng.normal(size=clusters * 5)[cell] + rng.normal(size=n)
    frame["x"] = first_stage * frame["z"] + 0.6 * frame["error"] + rng.normal(size=n)
    frame["level"] = rng.normal(size=n // 5)[frame["firm"]] + 0.2 * frame["year"]
    return frame


Interval = tuple[float, float, float]


def interval(fit: Estimates, term: str) -> Interval:
    return tuple(fit.terms.loc[term, ["estimate", "ci_low", "ci_high"]])  # type: ignore[return-value]


def effects(rng: np.random.Generator) -> Interval:
    frame = panel(rng).assign(y=lambda f: TRUTH * f["exogenous"] + f["level"] + f["error"])
    fit = least_squares(frame, "y", ["exogenous"], fixed_effects=["firm", "year"], clusters=["city"])
    return interval(fit, "exogenous")


def effects_robust(rng: np.random.Generator) -> Interval:
    frame = panel(rng).assign(y=lambda f: TRUTH * f["exogenous"] + f["level"] + f["error"])
    fit = least_squares(frame, "y", ["exogenous"], fixed_effects=["firm", "year"], covariance="robust")
    return interval(fit, "exogenous")


def instrumented(rng: np.random.Generator) -> Interval:
    frame = panel(rng).assign(y=lambda f: TRUTH * f["x"] + f["level"] + f["error"])
    fit = two_stage_least_squares(frame, "y", [], ["x"], ["z"], fixed_effects=["firm", "year"], clusters=["city"])
    return interval(fit, "x")


def weak_instrument(rng: np.random.Generator) -> Interval:
    frame = panel(rng, first_stage=0.03).assign(y=lambda f: TRUTH * f["x"] + f["error"])
    return interval(two_stage_least_squares(frame, "y", [], ["x"], ["z"], clusters=["city"]), "x")


def anderson_rubin(rng: np.random.Generator) -> Interval:
    frame = panel(rng, first_stage=0.03).assign(y=lambda f: TRUTH * f["x"] + f["error"])
    at_truth = frame.assign(y=frame["y"] - TRUTH * frame["x"])
    fit = two_stage_least_squares(at_truth, "y", [], ["x"], ["z"], clusters=["city"])
    held = fit.statistics["anderson_rubin_p_value"] > 0.05
    return TRUTH + fit.terms.loc["x", "estimate"], TRUTH - held, TRUTH + (1 if held else -1)


def few_clusters(rng: np.random.Generator) -> Interval:
    frame = panel(rng, clusters=8).assign(y=lambda f: TRUTH * f["exogenous"] + f["error"])
    return interval(least_squares(frame, "y", ["exogenous"], clusters=["city"]), "exogenous")


def wild_bootstrap(rng: np.random.Generator) -> Interval:
    frame = panel(rng, clusters=8).assign(y=lambda f: f["error"])
    test = wild_cluster_bootstrap(frame, "y", ["exogenous"], "exogenous", cluster="city", draws=255)
    fit = least_squares(frame, "y", ["exogenous"], clusters=["city"])
    held = test.p_value > 0.05
    return TRUTH + fit.terms.loc["exogenous", "estimate"], TRUTH - held, TRUTH + (1 if held else -1)


def binary(rng: np.random.Generator) -> Interval:
    # A probit identifies coefficients in units of the error, whose variance is 2 here.
    frame = panel(rng).assign(y=lambda f: (TRUTH * f["exogenous"] - 0.3 + f["error"] / np.sqrt(2) > 0).astype(float))
    return interval(probit(frame, "y", ["exogenous"], clusters=["city"]), "exogenous")


def counts(rng: np.random.Generator) -> Interval:
    frame = panel(rng)
    mean = np.exp(TRUTH * frame["exogenous"] + 0.5 * frame["level"]) * np.exp(0.5 * frame["error"] - 0.25)
    frame = frame.assign(y=rng.poisson(mean).astype(float))
    fit = poisson(frame, "y", ["exogenous"], fixed_effects=["firm", "year"], clusters=["city"])
    return interval(fit, "exogenous")


def kinky(rng: np.random.Generator) -> Interval:
    # Corr(x, error) = .6 * 2 / sqrt(2 * (2 + .36 * 2 + 1)).
    frame = panel(rng).assign(y=lambda f: TRUTH * f["x"] + f["error"])
    correlation = 0.6 * 2 / np.sqrt(2 * (2 + 0.36 * 2 + 1))
    fit = kinky_least_squares(frame, "y", "x", [], correlations=[correlation], clusters=["city"])
    return interval(fit.at(correlation), "x")


MODELS: dict[str, Callable[[np.random.Generator], Interval]] = {
    "least squares, firm and year effects, clustered, 60 clusters": effects,
    "the same with robust errors only": effects_robust,
    "2SLS, firm and year effects, clustered": instrumented,
    "2SLS, weak instrument": weak_instrument,
    "Anderson-Rubin test, weak instrument": anderson_rubin,
    "least squares, clustered, 8 clusters": few_clusters,
    "wild cluster bootstrap, 8 clusters (a fifth of the draws)": wild_bootstrap,
    "probit, clustered": binary,
    "Poisson, firm and year effects, clustered": counts,
    "kinky least squares at the true correlation, clustered": kinky,
}


def table(draws: int) -> str:
    lines = ["| Model | Median bias | Standard deviation | Coverage of 95 % |", "|---|---:|---:|---:|"]
    for name, model in MODELS.items():
        # wildboottest compiles anew at every call, so its draws are a fifth.
        count = draws // 5 if model is wild_bootstrap else draws
        rows = np.array([model(np.random.default_rng([draw, 1_999])) for draw in range(count)])
        bias, spread = np.median(rows[:, 0]) - TRUTH, np.subtract(*np.percentile(rows[:, 0], [75, 25])) / 1.349
        covered = ((rows[:, 1] <= TRUTH) & (rows[:, 2] >= TRUTH)).mean()
        lines.append(f"| {name} | {bias:+.3f} | {spread:.3f} | {covered:.1%} |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--write", action="store_true", help="put the table into docs/estimators.md")
    arguments = parser.parse_args()
    made = table(arguments.draws)
    if arguments.write:
        before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{made}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
