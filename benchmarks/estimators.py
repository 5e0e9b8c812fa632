"""How fast the estimators are, and what memory they take, beside pyfixest's defaults, linearmodels and statsmodels.

    python benchmarks/estimators.py
    python benchmarks/estimators.py --only sparse    only tasks with this word in their name

A panel of firms has 405,493 rows, 90,000 firms and 14 years; then 5 million rows with three sparse effects, and
production functions. Each engine runs in a process of its own, once on a small panel so that compiling does not count.
Then the engines take turns, three rounds of them, so that what else the machine does meets all alike, and the best call
of each counts (only one where a call takes more than a minute). CPU is the processor time of that call, that of
processes which it started included. Memory is the highest that a call holds beyond what the libraries and the frame
hold already, as a multiple of the frame (read from Linux's /proc; not of the production functions of all industries,
which run in Spark's processes). Where an engine does not return our coefficient to six digits, the last column says so.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from multiprocessing.pool import Pool

    from pyspark.sql import SparkSession

    from haiguan.transforms.estimators.result import Estimates

ROWS, FIRMS, YEARS, INDUSTRIES = 405_493, 90_000, 14, 30
ROUNDS, LONG = 3, 60.0
REGRESSORS = [f"x{j}" for j in range(10)]


def firm_panel(share: float = 1.0) -> pd.DataFrame:
    """Ten regressors that firm effects move, one endogenous with its instrument, clusters that nest the firms."""
    rng = np.random.default_rng(2_000)
    rows, firms = int(ROWS * share), int(FIRMS * share)
    frame = pd.DataFrame({"firm": rng.integers(0, firms, rows), "year": rng.integers(0, YEARS, rows)})
    frame["city"] = frame["firm"] % 290
    effect = rng.normal(size=firms)[frame["firm"]]
    frame["z"], error = rng.normal(size=rows), rng.normal(size=rows)
    for name in REGRESSORS:
        frame[name] = rng.normal(size=rows) + 0.5 * effect
    frame["x0"] += 0.8 * frame["z"] + 0.4 * error
    frame["y"] = 0.5 * frame["x0"] - 0.2 * frame["x1"] + effect + error
    return frame


def sparse_panel(share: float = 1.0) -> pd.DataFrame:
    """Five million rows: exporters, buyers that seldom change their exporter, and products."""
    rng = np.random.default_rng(5_000)
    n, firms, products = (int(count * share) for count in (5_000_000, 500_000, 100_000))
    firm = rng.integers(0, firms, n)
    buyer = np.where(rng.random(n) < 0.3, rng.integers(0, firms // 3, n), firm // 3)
    frame = pd.DataFrame({"firm": firm, "buyer": buyer, "product": rng.integers(0, products, n), "city": firm % 290})
    for name in ("x0", "x1"):
        frame[name] = rng.normal(size=n) + 0.3 * np.sin(firm) + 0.3 * np.cos(buyer)
    frame["y"] = 0.5 * frame["x0"] + np.sin(firm) + np.cos(buyer) + rng.normal(size=n)
    return frame


def haiguan_effects(frame: pd.DataFrame) -> float:
    from haiguan.transforms.estimators.linear import least_squares

    fit = least_squares(frame, "y", REGRESSORS, fixed_effects=["firm", "year"], clusters=["city"])
    return fit.terms.loc["x0", "estimate"]


def pyfixest_effects(frame: pd.DataFrame) -> float:
    import pyfixest

    fit = pyfixest.feols(f"y ~ {' + '.join(REGRESSORS)} | firm + year", frame, vcov={"CRV1": "city"})
    return fit.coef()["x0"]


def linearmodels_effects(frame: pd.DataFrame) -> float:
    from linearmodels.iv.absorbing import AbsorbingLS

    absorbed = frame[["firm", "year"]].astype("category")
    model = AbsorbingLS(frame["y"], frame[REGRESSORS], absorb=absorbed, drop_absorbed=True)
    return model.fit(cov_type="clustered", clusters=frame["city"]).params["x0"]


def haiguan_instruments(frame: pd.DataFrame) -> float:
    from haiguan.transforms.estimators.instruments import two_stage_least_squares

    effects = {"fixed_effects": ["firm", "year"], "clusters": ["city"]}
    fit = two_stage_least_squares(frame, "y", REGRESSORS[1:], ["x0"], ["z"], **effects)
    return fit.terms.loc["x0", "estimate"]


def pyfixest_instruments(frame: pd.DataFrame) -> float:
    import pyfixest

    fit = pyfixest.feols(f"y ~ {' + '.join(REGRESSORS[1:])} | firm + year | x0 ~ z", frame, vcov={"CRV1": "city"})
    return fit.coef()["x0"]


def haiguan_years(frame: pd.DataFrame) -> float:
    from haiguan.transforms.estimators.linear import least_squares

    return least_squares(frame, "y", REGRESSORS, fixed_effects=["year"], clusters=["city"]).terms.loc["x0", "estimate"]


def pyfixest_years(frame: pd.DataFrame) -> float:
    import pyfixest

    return pyfixest.feols(f"y ~ {' + '.join(REGRESSORS)} | year", frame, vcov={"CRV1": "city"}).coef()["x0"]


def statsmodels_years(frame: pd.DataFrame) -> float:
    import statsmodels.api as sm

    X = pd.concat([frame[REGRESSORS], pd.get_dummies(frame["year"], dtype=float)], axis=1)
    return sm.OLS(frame["y"], X).fit(cov_type="cluster", cov_kwds={"groups": frame["city"]}).params["x0"]


def binary_panel(share: float = 1.0) -> pd.DataFrame:
    """The firm panel with 46 industries and a zero-one outcome."""
    frame = firm_panel(share).assign(industry=lambda f: f["firm"] % 46)
    return frame.assign(entry=(frame["y"] > frame["y"].median()).astype(float))


def haiguan_probit(frame: pd.DataFrame) -> float:
    from haiguan.transforms.estimators.probit import probit

    fit = probit(frame, "entry", REGRESSORS, dummies=["industry", "year"], clusters=["city"])
    assert "average marginal effects" in fit.related
    return fit.terms.loc["x0", "estimate"]


def pyfixest_probit(frame: pd.DataFrame) -> float:
    """Without marginal effects, which it has not."""
    import pyfixest

    formula = f"entry ~ {' + '.join(REGRESSORS)} | industry + year"
    return pyfixest.feglm(formula, frame, family="probit", vcov={"CRV1": "city"}).coef()["x0"]


def haiguan_placebo(frame: pd.DataFrame) -> float:
    from haiguan.transforms.estimators.placebo import placebo

    asked = {"fixed_effects": ["firm", "year"], "clusters": ["city"], "controls": REGRESSORS[1:]}
    return placebo(frame, "y", "x0", draws=500, **asked).estimates.terms.loc["x0", "estimate"]


def industry_panel(share: float = 1.0) -> pd.DataFrame:
    """One industry: 3,000 firms over ten years."""
    from haiguan.transforms.estimators.production.example import example_firms

    return example_firms(firms=max(int(3_000 * share), 100), seed=1)


def all_industries(share: float = 1.0) -> pd.DataFrame:
    """Thirty industries of that size."""
    from haiguan.transforms.estimators.production.example import example_firms

    firms = max(int(3_000 * share), 100)
    return pd.concat(
        [example_firms(firms=firms, seed=code).assign(industry=f"{code:02d}") for code in range(INDUSTRIES)],
        ignore_index=True,
    )


def bootstrapped(frame: pd.DataFrame) -> Estimates:
    """One industry by Ackerberg, Caves and Frazer, with 200 draws of its firms."""
    from haiguan.transforms.estimators.production.ackerberg_caves_frazer import ackerberg_caves_frazer
    from haiguan.transforms.estimators.production.bootstrap import bootstrap
    from haiguan.transforms.estimators.production.panel import ProductionColumns

    columns = ProductionColumns("firm", "year", "output", ("labour",), ("capital",), "materials")
    return bootstrap(ackerberg_caves_frazer(frame, columns), draws=200).estimates


def haiguan_production(frame: pd.DataFrame) -> float:
    return bootstrapped(frame).terms.loc["labour", "estimate"]


@cache
def spark_session() -> SparkSession:
    """The session that a run of Haiguan has by default."""
    from haiguan.jobs.runtime.run import read_settings
    from haiguan.jobs.runtime.session import open_session

    return open_session(read_settings(None, []).spark, Path(tempfile.mkdtemp()) / "spark.log")


def haiguan_industries(frame: pd.DataFrame) -> float:
    """Every industry a task of Spark's, the mean of their coefficients."""
    from pyspark import cloudpickle

    from haiguan.transforms.estimators.production.by_industry import coefficients_by_industry

    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # Spark's workers cannot import this script
    found = coefficients_by_industry(spark_session().createDataFrame(frame), "industry", bootstrapped).toPandas()
    labour = found.loc[found["term"] == "labour", "estimate"]
    assert len(labour) == INDUSTRIES
    return labour.mean()


def haiguan_sparse(frame: pd.DataFrame) -> float:
    from haiguan.transforms.estimators.linear import least_squares

    fit = least_squares(frame, "y", ["x0", "x1"], fixed_effects=["firm", "buyer", "product"], clusters=["city"])
    return fit.terms.loc["x0", "estimate"]


def pyfixest_sparse(frame: pd.DataFrame) -> float:
    import pyfixest

    return pyfixest.feols("y ~ x0 + x1 | firm + buyer + product", frame, vcov={"CRV1": "city"}).coef()["x0"]


Panel = Callable[[float], pd.DataFrame]
Engines = dict[str, Callable[[pd.DataFrame], float]]
TASKS: dict[str, tuple[Panel, Engines]] = {
    "firm and year effects": (
        firm_panel,
        {"haiguan": haiguan_effects, "pyfixest": pyfixest_effects, "linearmodels": linearmodels_effects},
    ),
    "the same, instrumented": (firm_panel, {"haiguan": haiguan_instruments, "pyfixest": pyfixest_instruments}),
    "year effects": (
        firm_panel,
        {"haiguan": haiguan_years, "pyfixest": pyfixest_years, "statsmodels": statsmodels_years},
    ),
    "probit, 60 dummies, marginal effects": (binary_panel, {"haiguan": haiguan_probit, "pyfixest": pyfixest_probit}),
    "500 placebo draws": (firm_panel, {"haiguan": haiguan_placebo}),
    "one industry, ACF, 200 draws": (industry_panel, {"haiguan": haiguan_production}),
    f"{INDUSTRIES} industries, ACF, 200 draws each": (all_industries, {"haiguan": haiguan_industries}),
    "5 million rows, three sparse effects": (sparse_panel, {"haiguan": haiguan_sparse, "pyfixest": pyfixest_sparse}),
}


def resident(field: str) -> int:
    """Bytes of memory that this process holds (VmRSS), or has held at most (VmHWM)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def processor_seconds() -> float:
    """Processor time of this process, of those that it started, and of those that they waited for."""
    import psutil

    own = psutil.Process()
    return sum(sum(process.cpu_times()[:4]) for process in (own, *own.children(recursive=True)))


def as_text_where_it_fails(work: Callable[..., Any], *arguments: object) -> Any:
    """What some work returns; errors of Spark's cannot leave the process of their session, so their text does."""
    try:
        return work(*arguments)
    except Exception as error:
        raise RuntimeError(traceback.format_exc()) from error


@cache
def loaded(panel: Panel, share: float) -> pd.DataFrame:
    return panel(share)


def prepared(panel: Panel, engine: Callable[[pd.DataFrame], float]) -> None:
    """Compiles and imports what an engine needs, and loads the panel; its warnings are not what is measured."""
    warnings.simplefilter("ignore")
    engine(panel(0.02))
    loaded(panel, 1.0)


def measured(panel: Panel, engine: Callable[[pd.DataFrame], float]) -> dict[str, float]:
    """Seconds of one call, memory above the loaded libraries as a multiple of the columns, and the coefficient."""
    frame = loaded(panel, 1.0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # Forgets the peak so far.
    before, start, worked = resident("VmRSS"), time.perf_counter(), processor_seconds()
    estimate = engine(frame)
    return {
        "estimate": float(estimate),
        "seconds": time.perf_counter() - start,
        "cpu": processor_seconds() - worked,
        "memory": math.nan if engine is haiguan_industries else _multiple(resident("VmHWM") - before, frame),
    }


def _multiple(held: int, frame: pd.DataFrame) -> float:
    return held / int(frame.memory_usage().sum())


def in_turns(panel: Panel, engines: Engines) -> dict[str, list[dict[str, float]]]:
    """The calls of every engine, each in a process of its own, one engine after the other in every round."""
    with ExitStack() as stack:
        context = multiprocessing.get_context("spawn")
        pools: dict[str, Pool] = {name: stack.enter_context(context.Pool(1)) for name in engines}
        for name, pool in pools.items():
            pool.apply(as_text_where_it_fails, (prepared, panel, engines[name]))
        calls: dict[str, list[dict[str, float]]] = {name: [] for name in engines}
        for _ in range(ROUNDS):
            for name, pool in pools.items():
                if not any(call["seconds"] > LONG for call in calls[name]):
                    calls[name].append(pool.apply(as_text_where_it_fails, (measured, panel, engines[name])))
    return calls


def compare(tasks: dict[str, tuple[Panel, Engines]]) -> Iterator[dict[str, object]]:
    """One row per task and engine; ratio is our time over the engine's."""
    for task, (panel, engines) in tasks.items():
        calls = in_turns(panel, engines)
        best = {name: min(made, key=lambda call: call["seconds"]) for name, made in calls.items()}
        ours = best["haiguan"]
        for name, result in best.items():
            same = abs(result["estimate"] - ours["estimate"]) < 1e-6 * abs(ours["estimate"])
            # The first call holds memory that later ones find free.
            memory = max(call["memory"] for call in calls[name])
            ratio = ours["seconds"] / result["seconds"]
            yield {"task": task, "engine": name, **result, "memory": memory, "ratio": ratio, "same": same}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[""], help="tasks with one of these words in their name")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    arguments = parser.parse_args()
    print(f"load of the last minute {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"{'task':38}{'engine':14}{'seconds':>9}{'CPU':>9}{'memory':>9}{'ours/its':>10}  same numbers")
    rows = []
    for row in compare({task: asked for task, asked in TASKS.items() if any(word in task for word in arguments.only)}):
        rows.append(row)
        print(
            f"{row['task']:38}{row['engine']:14}{row['seconds']:9.2f}{row['cpu']:9.2f}{row['memory']:8.1f}x"
            f"{row['ratio']:10.2f}  {'yes' if row['same'] else 'NO'}",
            flush=True,
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
