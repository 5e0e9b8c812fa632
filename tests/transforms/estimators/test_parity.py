"""Published values, digit by digit, and the table of docs/estimators.md that is made from them.

`HAIGUAN_WRITE_DOCS=1 python -m pytest tests/transforms/estimators/test_parity.py` writes the table anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels
import statsmodels.api as sm
from linearmodels.datasets import card, jobtraining, mroz, munnell, wage_panel

from haiguan.transforms.estimators.instrumented_equation import instrumented_equation
from haiguan.transforms.estimators.instruments import two_stage_least_squares
from haiguan.transforms.estimators.kinky_least_squares import kinky_least_squares
from haiguan.transforms.estimators.linear import least_squares
from haiguan.transforms.estimators.plausibly_exogenous import local_to_zero, union_of_intervals
from haiguan.transforms.estimators.poisson import poisson
from haiguan.transforms.estimators.probit import logit, probit
from haiguan.transforms.estimators.quantile import quantile_regression
from haiguan.transforms.estimators.result import Estimates
from haiguan.transforms.estimators.spatial import DriscollKraay

# Data of published examples that statsmodels ships with its own tests against Stata.
SHIPPED = Path(statsmodels.__file__).parent
PAGE = Path(__file__).parents[3] / "docs" / "estimators.md"
BEGIN, END = "<!-- parity table: made by the tests -->", "<!-- end of the parity table -->"


@dataclass(frozen=True)
class Case:
    """One equation of a published source: what it prints, and how we compute it."""

    estimator: str
    source: str
    published: Mapping[str, str]
    computed: Callable[[], Mapping[str, float]]


def coefficients(fit: Estimates) -> dict[str, float]:
    """Estimates as `b name` and `se name`, and the statistics by name."""
    estimates = {f"b {name}": value for name, value in fit.terms["estimate"].items()}
    errors = {f"se {name}": value for name, value in fit.terms["standard_error"].items()}
    return estimates | errors | dict(fit.statistics)


@cache
def formula_data() -> pd.DataFrame:
    """Two hundred rows from formulas: no random numbers, so that any program can make them."""
    i = np.arange(1, 201)
    z = np.sin(1.7 * i) + 0.3 * np.cos(0.9 * i)
    w, e = np.cos(2.3 * i), np.sin(3.1 * i + 0.5) + 0.4 * np.cos(5.7 * i)
    x = 0.8 * z + 0.3 * w + np.cos(4.3 * i) + 0.5 * e
    return pd.DataFrame({"y": 1 + 0.5 * x - 0.7 * w + e, "x": x, "w": w, "z": z, "cl": (i - 1) // 5})


def grunfeld() -> pd.DataFrame:
    """The ten firms that the textbooks use; statsmodels adds an eleventh."""
    return sm.datasets.grunfeld.load_pandas().data.query("firm != 'American Steel'")


def grunfeld_equation(**arguments: object) -> dict[str, float]:
    return coefficients(least_squares(grunfeld(), "invest", ["value", "capital"], **arguments))


def wages() -> dict[str, float]:
    effects = {"fixed_effects": ["nr", "year"], "covariance": "iid"}
    return coefficients(least_squares(wage_panel.load(), "lwage", ["married", "union", "expersq"], **effects))


def wages_clustered() -> dict[str, float]:
    effects = {"fixed_effects": ["nr", "year"], "clusters": ["nr"]}
    return coefficients(least_squares(wage_panel.load(), "lwage", ["married", "union", "expersq"], **effects))


def petersen(clusters: list[str], small_sample: str = "reghdfe") -> dict[str, float]:
    names = ["firm", "year", "x", "y"]
    frame = pd.read_csv(SHIPPED / "stats" / "tests" / "test_data.txt", sep=r"\s+", header=None, names=names)
    return coefficients(least_squares(frame, "y", ["x"], clusters=clusters, small_sample=small_sample))


def young_men(covariance: str) -> dict[str, float]:
    frame = pd.read_stata(SHIPPED / "sandbox" / "regression" / "tests" / "griliches76.dta")
    named = (["expr", "tenure", "rns", "smsa"], ["s", "iq"], ["med", "kww", "age", "mrt"])
    return coefficients(two_stage_least_squares(frame, "lw", *named, fixed_effects=["year"], covariance=covariance))


def ship_accidents(clusters: list[str]) -> dict[str, float]:
    """Stata's errors have the factor G/(G-1), or N/(N-1) where nothing is clustered, and no other."""
    frame = pd.read_csv(SHIPPED / "discrete" / "tests" / "results" / "ships.csv").dropna()
    fit = poisson(frame, "accident", ["yr_con", "op_75_79"], clusters=clusters, small_sample="none")
    groups = fit.clusters["ship"] if clusters else fit.observations
    factor = np.sqrt(groups / (groups - 1))
    return {name: value * (factor if name.startswith("se ") else 1) for name, value in coefficients(fit).items()}


CARD_CONTROLS = ["exper", "expersq", "black", "smsa", "south", "smsa66", *(f"reg66{j}" for j in range(2, 10))]


def card_instrumented() -> dict[str, float]:
    fit = two_stage_least_squares(card.load(), "lwage", CARD_CONTROLS, ["educ"], ["nearc4"], covariance="iid")
    first = fit.related["first stage of educ"].terms.loc["nearc4"]
    return coefficients(fit) | {
        "first stage b nearc4": first["estimate"],
        "first stage se nearc4": first["standard_error"],
    }


def mroz_instrumented(covariance: str, small_sample: str = "reghdfe") -> dict[str, float]:
    working = mroz.load().query("inlf == 1")
    parents = ["motheduc", "fatheduc"]
    return coefficients(
        two_stage_least_squares(
            working, "lwage", ["exper", "expersq"], ["educ"], parents, covariance=covariance, small_sample=small_sample
        )
    )


def participation(estimator: Callable[..., Estimates]) -> dict[str, float]:
    columns = ["nwifeinc", "educ", "exper", "expersq", "age", "kidslt6", "kidsge6"]
    fit = estimator(mroz.load(), "inlf", columns)
    effects = fit.related["average marginal effects"].terms
    return coefficients(fit) | {
        f"effect {name}" if kind == "estimate" else f"effect se {name}": effects.loc[name, kind]
        for name in columns
        for kind in ("estimate", "standard_error")
    }


def programmed_instruction(estimator: Callable[..., Estimates]) -> dict[str, float]:
    return coefficients(estimator(sm.datasets.spector.load_pandas().data, "GRADE", ["GPA", "TUCE", "PSI"]))


def longley() -> dict[str, float]:
    frame = sm.datasets.longley.load_pandas().data
    columns = ["GNPDEFL", "GNP", "UNEMP", "ARMED", "POP", "YEAR"]
    return coefficients(least_squares(frame, "TOTEMP", columns, covariance="iid"))


def scrap_rates() -> dict[str, float]:
    columns = ["d88", "d89", "grant", "grant_1"]
    fit = least_squares(jobtraining.load(), "lscrap", columns, fixed_effects=["fcode"], covariance="iid")
    return coefficients(fit) | {"observations": float(fit.observations)}


def public_capital() -> dict[str, float]:
    frame = munnell.load()
    logs = (
        np.log(frame[["GSP", "P_CAP", "PC", "EMP"]])
        .add_prefix("ln ")
        .assign(UNEMP=frame["UNEMP"], state=frame["ST_ABB"])
    )
    columns = ["ln P_CAP", "ln PC", "ln EMP", "UNEMP"]
    return coefficients(least_squares(logs, "ln GSP", columns, fixed_effects=["state"], covariance="iid"))


def food() -> dict[str, float]:
    return coefficients(quantile_regression(sm.datasets.engel.load_pandas().data, "foodexp", ["income"], quantile=0.5))


def formula_least_squares(small_sample: str) -> dict[str, float]:
    return coefficients(least_squares(formula_data(), "y", ["x", "w"], clusters=["cl"], small_sample=small_sample))


def formula_instrumented(small_sample: str) -> dict[str, float]:
    arguments = {"clusters": ["cl"], "small_sample": small_sample}
    fit = two_stage_least_squares(formula_data(), "y", ["w"], ["x"], ["z"], **arguments)
    pi = fit.related["first stage of x"].terms.loc["z", "estimate"]
    # The Wald statistic without its factor: N = 200, three parameters, G = 40.
    wald = fit.statistics["kleibergen_paap_f"] * 199 / 197 * 40 / 39
    return coefficients(fit) | {"first stage b z": pi, "rank Wald": wald}


def formula_plausibly_exogenous() -> dict[str, float]:
    equation = instrumented_equation(formula_data(), "y", ["w"], ["x"], ["z"], clusters=["cl"])
    exogenous = local_to_zero(equation, {}, {}).terms.loc["x"]
    tight = local_to_zero(equation, {}, {"z": 0.01}).terms.loc["x"]
    shifted = local_to_zero(equation, {"z": 0.05}, {"z": 0.01}).terms.loc["x"]
    union = union_of_intervals(equation, {"z": (-0.1, 0.1)}).intervals.loc["x"]
    return {
        "se x, variance .01": tight["standard_error"],
        "ci low x, variance .01": tight["ci_low"],
        "ci high x, variance .01": tight["ci_high"],
        "ci low x, no direct effect": exogenous["ci_low"],
        "ci high x, no direct effect": exogenous["ci_high"],
        "ci low x, mean .05": shifted["ci_low"],
        "b x, mean .05": shifted["estimate"],
        "ci high x, mean .05": shifted["ci_high"],
        "union low x": union["ci_low"],
        "union high x": union["ci_high"],
    }


def formula_kinky(correlation: float, covariance: str) -> dict[str, float]:
    clusters = {"clusters": ["cl"]} if covariance == "clustered" else {"covariance": covariance}
    fit = kinky_least_squares(formula_data(), "y", "x", ["w"], correlations=[correlation], **clusters)
    return coefficients(fit.at(correlation))


def formula_kinky_errors(correlation: float) -> dict[str, float]:
    errors = {kind: formula_kinky(correlation, kind) for kind in ("robust", "clustered", "parametric")}
    named = {f"{kind} se {name}": errors[kind][f"se {name}"] for kind in errors for name in ("x", "w")}
    return named | errors["robust"]


WOOLDRIDGE = "Wooldridge, Introductory Econometrics"
FORMULA = "formula data, by hand and other programs"
CASES = (
    Case("least squares, homoskedastic", "NIST statistical reference data, Longley: certified values",
         {"b constant": "-3482258.635", "se constant": "890420.3836", "b GNPDEFL": "15.06187227",
          "se GNPDEFL": "84.91492577", "b GNP": "-.0358191793", "se GNP": ".0334910078", "b UNEMP": "-2.0202298038",
          "se UNEMP": ".4883996817", "b ARMED": "-1.0332268672", "se ARMED": ".2142741632", "b POP": "-.0511041057",
          "se POP": ".2260732001", "b YEAR": "1829.1514646", "se YEAR": "455.4784991", "r2": ".9954790046",
          "rmse": "304.85407356", "f_statistic": "330.28533923"}, longley),
    Case("least squares, firm effects", f"{WOOLDRIDGE}, example 14.1 (job training)",
         {"b d88": "-.080", "se d88": ".109", "b d89": "-.247", "se d89": ".133", "b grant": "-.252",
          "se grant": ".151", "b grant_1": "-.422", "se grant_1": ".210", "r2_within": ".201", "observations": "162"},
         scrap_rates),
    Case("least squares, state effects", "Baltagi, Econometric Analysis of Panel Data (Munnell, public capital)",
         {"b ln P_CAP": "-.026", "se ln P_CAP": ".029", "b ln PC": ".292", "se ln PC": ".025", "b ln EMP": ".768",
          "se ln EMP": ".030", "b UNEMP": "-.005", "se UNEMP": ".001"}, public_capital),
    Case("least squares, firm effects", "Grunfeld, 10 firms: Stata `xtreg, fe`",
         {"b value": ".1101238", "se value": ".0118567", "b capital": ".3100653", "se capital": ".0173545",
          "r2_within": ".7668"},
         lambda: grunfeld_equation(fixed_effects=["firm"], covariance="iid")),
    Case("least squares, firm effects, clustered by firm", "Grunfeld, 10 firms: gretl, robust",
         {"b value": ".110124", "se value": ".0151945", "b capital": ".310065", "se capital": ".0527518",
          "b constant": "-58.7439", "se constant": "27.6029"},
         lambda: grunfeld_equation(fixed_effects=["firm"], clusters=["firm"], constant=True)),
    Case("least squares, firm and year effects", "Wooldridge, Econometric Analysis, wage panel",
         {"b married": ".046680", "se married": ".018310", "b union": ".080002", "se union": ".019310",
          "b expersq": "-.0051855", "se expersq": ".000704", "r2": ".6209123", "r2_within": ".0215684"}, wages),
    Case("least squares, firm and year effects, clustered by person", "wage panel, K of reghdfe and fixest (see below)",
         {"se married": ".021004", "se union": ".022743", "se expersq": ".000810"}, wages_clustered),
    Case("least squares, robust, no factor", "Petersen (2009), page with test data", {"se x": ".0284"},
         lambda: petersen([], "none")),
    Case("least squares, clustered by firm", "Petersen (2009), page with test data",
         {"se x": ".0506", "se constant": ".0670"}, lambda: petersen(["firm"])),
    Case("least squares, clustered by year", "Petersen (2009), page with test data",
         {"se x": ".0334", "se constant": ".0234"}, lambda: petersen(["year"])),
    Case("least squares, clustered by firm and year", "Grunfeld, 10 firms: Stata `ivreg2, cluster(company time) small`",
         {"se value": ".01635175", "se capital": ".0784739", "se constant": "19.50561"},
         lambda: grunfeld_equation(clusters=["firm", "year"])),
    Case("least squares, Driscoll-Kraay, 4 lags", "Grunfeld, 10 firms: Stata `ivreg2, dkraay(5) small`",
         {"se value": ".01385486", "se capital": ".0508451", "se constant": "12.57036"},
         lambda: grunfeld_equation(covariance=DriscollKraay("year", lags=4))),
    Case("least squares, clustered, no factor", FORMULA,
         {"b x": ".77740005", "se x": ".03268133", "b w": "-.77897896", "se w": ".06549681",
          "b constant": ".99403765", "se constant": ".04499126"}, lambda: formula_least_squares("none")),
    Case("least squares, clustered", FORMULA, {"se x": ".0332652512"}, lambda: formula_least_squares("reghdfe")),
    Case("2SLS", f"{WOOLDRIDGE}, example 15.4 (Card)",
         {"b educ": ".132", "se educ": ".055", "first stage b nearc4": ".320", "first stage se nearc4": ".088"},
         card_instrumented),
    Case("2SLS", f"{WOOLDRIDGE}, example 15.5 (Mroz)",
         {"b educ": ".0613966", "se educ": ".0314367", "b exper": ".0441704", "se exper": ".0134325",
          "b expersq": "-.000899", "se expersq": ".0004017", "b constant": ".0481003", "se constant": ".4003281",
          "kleibergen_paap_f": "55.4003", "sargan": ".378071", "sargan_p_value": ".5386"},
         lambda: mroz_instrumented("iid")),
    Case("2SLS, robust, no factor", "Mroz, linearmodels", {"se educ": ".0331824"},
         lambda: mroz_instrumented("robust", "none")),
    Case("effective F, homoskedastic", "Mroz, Montiel Olea and Pflueger's formula by hand",
         {"effective_f": "55.400300"}, lambda: mroz_instrumented("iid")),
    Case("effective F", "Mroz, Montiel Olea and Pflueger's formula by hand", {"effective_f": "54.750641"},
         lambda: mroz_instrumented("robust")),
    Case("2SLS, clustered, no factor", FORMULA,
         {"b x": ".49191292", "se x": ".02475799", "b w": "-.69300764", "se w": ".06510758",
          "b constant": ".99311076", "se constant": ".05126236"}, lambda: formula_instrumented("none")),
    Case("2SLS, clustered", FORMULA, {"se x": ".0252003465", "kleibergen_paap_f": "66.61546473",
                                       "first stage b z": ".7963333511", "rank Wald": "69.01719371"},
         lambda: formula_instrumented("reghdfe")),
    Case("2SLS, two endogenous, year effects", "Griliches (1976), Hayashi ch. 3: Stata `ivreg2, small`",
         {"b s": ".17242531", "se s": ".02091823", "b iq": "-.00909883", "se iq": ".00474527", "b expr": ".04928949",
          "se expr": ".00822543", "cragg_donald_f": "12.551614161", "kleibergen_paap_lm": "47.978043822",
          "sargan": "13.26833137", "sargan_p_value": ".00131467514"}, lambda: young_men("iid")),
    Case("2SLS, two endogenous, year effects, robust", "Griliches (1976), Hayashi ch. 3: Stata `ivreg2, small robust`",
         {"se s": ".02091964", "se iq": ".00492869", "se expr": ".00811973", "kleibergen_paap_f": "11.461427887",
          "kleibergen_paap_lm": "40.926982199", "hansen_j": "11.60148137", "hansen_j_p_value": ".003025313"},
         lambda: young_men("robust")),
    Case("Poisson, clustered", "McCullagh and Nelder, ship accidents: Stata `poisson, vce(cluster ship)`",
         {"b yr_con": "-.02172061894", "se yr_con": ".199337094", "b op_75_79": ".22148585072",
          "se op_75_79": ".110936282", "b constant": "2.26970771432", "se constant": "1.104856990"},
         lambda: ship_accidents(["ship"])),
    Case("Poisson, robust", "McCullagh and Nelder, ship accidents: Stata `poisson, vce(robust)`",
         {"se yr_con": ".192337132", "se op_75_79": ".553014048", "se constant": ".665325234"},
         lambda: ship_accidents([])),
    Case("probit", f"{WOOLDRIDGE}, example 17.1 (Mroz)",
         {"b nwifeinc": "-.012", "se nwifeinc": ".005", "b educ": ".131", "se educ": ".025",
          "b exper": ".123", "se exper": ".019", "b kidslt6": "-.868", "se kidslt6": ".119",
          "b constant": ".270", "se constant": ".509", "log_likelihood": "-401.30", "pseudo_r2": ".221",
          "effect educ": ".039", "effect exper": ".037", "effect kidslt6": "-.261"}, lambda: participation(probit)),
    Case("probit", "Mroz, statsmodels",
         {"effect se educ": ".007222", "effect se kidslt6": ".031860", "se age": ".008477", "se kidsge6": ".043477"},
         lambda: participation(probit)),
    Case("logit", f"{WOOLDRIDGE}, example 17.1 (Mroz)",
         {"b nwifeinc": "-.021", "se nwifeinc": ".008", "b educ": ".221", "se educ": ".043", "b exper": ".206",
          "se exper": ".032", "b age": "-.088", "se age": ".015", "b kidslt6": "-1.443", "se kidslt6": ".204",
          "b constant": ".425", "se constant": ".860", "log_likelihood": "-401.77", "pseudo_r2": ".220"},
         lambda: participation(logit)),
    Case("probit", "Greene, Econometric Analysis (Spector and Mazzeo)",
         {"b GPA": "1.626", "se GPA": ".694", "b TUCE": ".052", "se TUCE": ".084", "b PSI": "1.426", "se PSI": ".595",
          "b constant": "-7.452", "se constant": "2.542", "log_likelihood": "-12.8188"},
         lambda: programmed_instruction(probit)),
    Case("logit", "Greene, Econometric Analysis (Spector and Mazzeo)",
         {"b GPA": "2.826", "se GPA": "1.263", "b TUCE": ".095", "se TUCE": ".142", "b PSI": "2.379",
          "se PSI": "1.065", "b constant": "-13.021", "se constant": "4.931", "log_likelihood": "-12.8896"},
         lambda: programmed_instruction(logit)),
    Case("quantile regression, median", "Koenker and Hallock (2001), Engel's food expenditure",
         {"b income": ".560", "b constant": "81.482"}, food),
    Case("plausibly exogenous", FORMULA,
         {"se x, variance .01": ".1280791813", "ci low x, variance .01": ".24088233", "b x, mean .05": ".4291251412",
          "ci high x, mean .05": ".68015572", "ci low x, mean .05": ".17809456",
          "ci high x, variance .01": ".74294350", "ci low x, no direct effect": ".44252115",
          "ci high x, no direct effect": ".54130469", "union low x": ".30331206", "union high x": ".66969581"},
         formula_plausibly_exogenous),
    Case("kinky least squares, r = 0", FORMULA,
         {"robust se x": ".04422103", "robust se w": ".07077709", "clustered se x": ".03268133",
          "clustered se w": ".06549681", "parametric se x": ".04938786", "parametric se w": ".07103148"},
         lambda: formula_kinky_errors(0.0)),
    Case("kinky least squares, r = .1", FORMULA,
         {"clustered se x": ".02911139", "clustered se w": ".06349683", "parametric se x": ".04958853",
          "parametric se w": ".07143373", "residual_variance": ".48472034"}, lambda: formula_kinky_errors(0.1)),
    Case("kinky least squares, r = .3", FORMULA,
         {"robust se x": ".05383829", "robust se w": ".07489710", "parametric se x": ".05114015",
          "parametric se w": ".07490821", "residual_variance": ".52948994"}, lambda: formula_kinky_errors(0.3)),
    Case("kinky least squares, r = -.2, robust", FORMULA, {"se x": ".03969085", "se w": ".07222730"},
         lambda: formula_kinky(-0.2, "robust")),
    Case("kinky least squares, r = .1, robust", FORMULA,
         {"b x": ".70559534", "se x": ".04699949", "b w": "-.75735576", "se w": ".07126618"},
         lambda: formula_kinky(0.1, "robust")),
    Case("kinky least squares, r = .3, clustered", FORMULA,
         {"b x": ".55225757", "se x": ".02203139", "b w": "-.71117977", "se w": ".06368825"},
         lambda: formula_kinky(0.3, "clustered")),
    Case("kinky least squares, r = -.2, parametric", FORMULA,
         {"b x": ".92334181", "se x": ".05034906", "b w": "-.82292772", "se w": ".07269160"},
         lambda: formula_kinky(-0.2, "parametric")),
)  # fmt: skip


def agrees(printed: str, value: float) -> bool:
    """Whether a value rounds to what is printed."""
    decimals = len(printed.partition(".")[2])
    return abs(value - float(printed)) <= 0.5000001 * 10.0**-decimals


def parity_table() -> str:
    """Every published value beside ours, in Markdown."""
    lines = ["| Estimator | Source | Quantity | Published | Haiguan |", "|---|---|---|---:|---:|"]
    for case in CASES:
        computed = case.computed()
        for name, printed in case.published.items():
            decimals = len(printed.partition(".")[2]) + 2
            value = f"{computed[name]:.{decimals}f}".replace("0.", ".", 1 if abs(computed[name]) < 1 else 0)
            lines.append(f"| {case.estimator} | {case.source} | {name} | {printed} | {value} |")
    return "\n".join(lines)


def _is_same_row(documented: str, computed: str) -> bool:
    """Whether two rows agree; the last digit of a value may differ by one, since releases of scipy differ there."""
    if documented == computed:
        return True
    (words, said), (same_words, found) = (row.rstrip(" |").rsplit("| ", 1) for row in (documented, computed))
    last_digit = Decimal(1).scaleb(-len(said.partition(".")[2]))
    return words == same_words and abs(Decimal(said) - Decimal(found)) <= last_digit


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.estimator}; {case.source}")
def test_rounds_to_what_is_published(case: Case) -> None:
    computed = case.computed()
    wrong = {
        name: (printed, computed[name])
        for name, printed in case.published.items()
        if not agrees(printed, computed[name])
    }
    assert not wrong


def test_the_clustered_errors_of_the_wage_panel_count_the_years():
    """Eleven parameters: three slopes, eight years of which the nested persons make none redundant but the first.

    pyfixest 0.60 counts four where its order of the effects goes wrong, and prints .020987 and .022725.
    """
    ours, raw = wages_clustered(), least_squares(
        wage_panel.load(), "lwage", ["married", "union", "expersq"], fixed_effects=["nr", "year"], clusters=["nr"],
        small_sample="none",
    )  # fmt: skip
    rows, persons = 4360, 545
    for name, right, wrong in (("married", ".021004", ".020987"), ("union", ".022743", ".022725")):
        error = raw.terms.loc[name, "standard_error"]
        by_parameters = {k: error * np.sqrt((rows - 1) / (rows - k) * persons / (persons - 1)) for k in (4, 11)}
        assert agrees(right, by_parameters[11])
        assert agrees(wrong, by_parameters[4])
        assert ours[f"se {name}"] == pytest.approx(by_parameters[11], rel=1e-12)


def test_the_documented_table_is_the_computed_one() -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    printed, after = rest.split(END)
    if os.environ.get("HAIGUAN_WRITE_DOCS"):
        PAGE.write_text(f"{before}{BEGIN}\n{parity_table()}\n{END}{after}", encoding="utf-8")
    else:
        documented, computed = printed.strip().splitlines(), parity_table().splitlines()
        assert len(documented) == len(computed)
        wrong = [row for pair in zip(documented, computed, strict=True) for row in pair if not _is_same_row(*pair)]
        assert not wrong
