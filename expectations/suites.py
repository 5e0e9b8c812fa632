"""One suite per table, each a function that carries the table's name."""

from __future__ import annotations

from collections.abc import Callable

import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.metadata_types import FailureSeverity

from haiguan.expectations.declared import Bounds, declared, quarantine_share
from haiguan.transforms.schema import TABLES
from haiguan.transforms.schema.columns import PROCESSING, REGIMES, regime_value

WARNING = FailureSeverity.WARNING
_AT_LEAST_NINE_OF_TEN = 0.9
# Exporters of equal size make the two equal, and the sum of their squares may round up in the last digit.
_EXPORTS_AND_IMPORTS_DIFFER = "SELECT * FROM {batch} WHERE value_usd <> export_value_usd + import_value_usd"
_REGIMES_DIFFER = "SELECT * FROM {batch} WHERE " + " OR ".join(
    f"{direction}_{whole} <> " + " + ".join(regime_value(direction, regime) for regime in regimes)
    for direction in ("export", "import")
    for whole, regimes in (("value_usd", REGIMES), ("processing_usd", PROCESSING))
)
_PROXY_ABOVE_WHOLE = "SELECT * FROM {batch} WHERE seat_proxy_value_usd > value_usd"
_NOT_REPEATED = (
    "SELECT * FROM {batch} WHERE first_file > file OR (first_file = file AND first_line >= line) "
    "OR (repeat_kind = 'identical_row') <> (first_file = file)"
)
_INDEX_ABOVE_LARGEST_SHARE = "SELECT * FROM {batch} WHERE herfindahl > share_1 * (1 + 1e-12D)"

_WEIGHTS_NOT_WHOLE = (
    "SELECT source_revision, source_code, target_revision, method FROM {batch} "
    "GROUP BY source_revision, source_code, target_revision, method HAVING sum(weight) <> 1"
)


def raw_customs__declarations(bounds: Bounds) -> list[Expectation]:
    """Most lines can be read, or the file is not what its layout says."""
    return [
        *declared(TABLES["raw_customs__declarations"], bounds),
        gxe.ExpectColumnValuesToBeNull(column="unreadable", mostly=_AT_LEAST_NINE_OF_TEN),
    ]


def core_customs__layouts(bounds: Bounds) -> list[Expectation]:
    """As declared."""
    return declared(TABLES["core_customs__layouts"], bounds)


def core_customs__labels(bounds: Bounds) -> list[Expectation]:
    """As declared."""
    return declared(TABLES["core_customs__labels"], bounds)


def core_countries__codes(bounds: Bounds) -> list[Expectation]:
    """ISO codes have three letters; customs codes are not shared by two countries."""
    return [
        *declared(TABLES["core_countries__codes"], bounds),
        gxe.ExpectColumnValuesToMatchRegex(column="country_code", regex="^[A-Z]{3}$"),
        gxe.ExpectColumnValuesToBeUnique(column="customs_code"),
    ]


def core_places__divisions(bounds: Bounds) -> list[Expectation]:
    """No division ends before it begins; each but those of the first level lies in another."""
    return [
        *declared(TABLES["core_places__divisions"], bounds),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="last_year", column_B="first_year", or_equal=True),
        gxe.ExpectColumnValuesToMatchRegex(column="place_code", regex="^[0-9A-Z]{2,12}$"),
    ]


def core_products__codes(bounds: Bounds) -> list[Expectation]:
    """Every code has six digits."""
    return [
        *declared(TABLES["core_products__codes"], bounds),
        gxe.ExpectColumnValuesToMatchRegex(column="product_code", regex="^[0-9]{6}$"),
    ]


def core_customs__firms(bounds: Bounds) -> list[Expectation]:
    """Every text was there at least once; most firms have a place."""
    return [
        *declared(TABLES["core_customs__firms"], bounds),
        gxe.ExpectColumnValuesToBeBetween(column="records", min_value=1),
        gxe.ExpectColumnValueLengthsToBeBetween(column="firm_text", min_value=1),
    ]


def core_customs__unit_values(bounds: Bounds) -> list[Expectation]:
    """Quartiles are in order."""
    return [
        *declared(TABLES["core_customs__unit_values"], bounds),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="ln_unit_value_median", column_B="ln_unit_value_q1", or_equal=True
        ),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="ln_unit_value_q3", column_B="ln_unit_value_median", or_equal=True
        ),
    ]


def core_customs__repeated_rows(bounds: Bounds) -> list[Expectation]:
    """The like of a record stands before it: in the same file where the row is identical, else in another."""
    return [
        *declared(TABLES["core_customs__repeated_rows"], bounds),
        gxe.UnexpectedRowsExpectation(unexpected_rows_query=_NOT_REPEATED),
    ]


def core_countries__exchange_rates(bounds: Bounds) -> list[Expectation]:
    """Currencies have three letters, and no rate is zero."""
    return [
        *declared(TABLES["core_countries__exchange_rates"], bounds),
        gxe.ExpectColumnValuesToMatchRegex(column="currency_code", regex="^[A-Z]{3}$"),
        gxe.ExpectColumnValuesToBeBetween(column="usd_per_unit", min_value=0, strict_min=True),
    ]


def core_customs__declarations(bounds: Bounds) -> list[Expectation]:
    """Every raw record is here or in quarantine; codes are well formed, values not negative, months all present."""
    return [
        *declared(TABLES["core_customs__declarations"], bounds),
        gxe.ExpectColumnValuesToMatchRegex(column="firm_code", regex=r"^\S+$"),
        gxe.ExpectColumnValuesToMatchRegex(column="product_code", regex="^[0-9]{6,10}$"),
        gxe.ExpectColumnValuesToMatchRegex(column="partner_code", regex="^[A-Z]{3}$"),
        gxe.ExpectColumnValuesToBeBetween(column="value_usd", min_value=0),
        gxe.ExpectColumnValuesToBeBetween(column="quantity", min_value=0),
        gxe.ExpectColumnValuesToNotBeNull(column="quantity", mostly=_AT_LEAST_NINE_OF_TEN, severity=WARNING),
        gxe.ExpectColumnDistinctValuesToContainSet(
            column="direction", value_set=["export", "import"], severity=WARNING
        ),
    ]


def quarantine_customs__declarations(bounds: Bounds) -> list[Expectation]:
    """No larger a share of the records than `gates.quarantined_share`."""
    table = TABLES["quarantine_customs__declarations"]
    return [*declared(table, bounds), *quarantine_share(table, bounds)]


def core_products__concordance(bounds: Bounds) -> list[Expectation]:
    """Codes have six digits, weights lie above 0, and those of a source code add up to one exactly."""
    return [
        *declared(TABLES["core_products__concordance"], bounds),
        gxe.ExpectColumnValuesToMatchRegex(column="source_code", regex="^[0-9]{6}$"),
        gxe.ExpectColumnValuesToMatchRegex(column="target_code", regex="^[0-9]{6}$"),
        gxe.ExpectColumnValuesToBeBetween(column="weight", min_value=0, strict_min=True, max_value=1),
        gxe.UnexpectedRowsExpectation(unexpected_rows_query=_WEIGHTS_NOT_WHOLE),
    ]


def core_products__families(bounds: Bounds) -> list[Expectation]:
    """A family's code tells the revision and the code that it begins with."""
    return [
        *declared(TABLES["core_products__families"], bounds),
        gxe.ExpectColumnValuesToMatchRegex(column="family_code", regex="^F[0-9]{8}$"),
    ]


def core_products__attributes(bounds: Bounds) -> list[Expectation]:
    """Every attribute says something of a code of six digits."""
    return [
        *declared(TABLES["core_products__attributes"], bounds),
        gxe.ExpectColumnValuesToMatchRegex(column="product_code", regex="^[0-9]{6}$"),
        gxe.ExpectColumnValuesToNotBeNull(column="attribute_code"),
    ]


def core_customs__annual_flows(bounds: Bounds) -> list[Expectation]:
    """The dollars of the flows and of those in quarantine are the dollars of the declarations, to the cent."""
    return [
        *declared(TABLES["core_customs__annual_flows"], bounds),
        gxe.ExpectColumnValuesToBeBetween(column="value_usd", min_value=0),
    ]


def quarantine_customs__annual_flows(bounds: Bounds) -> list[Expectation]:
    """No larger a share of the records than `gates.quarantined_share`."""
    table = TABLES["quarantine_customs__annual_flows"]
    return [*declared(table, bounds), *quarantine_share(table, bounds)]


def core_customs__firm_year(bounds: Bounds) -> list[Expectation]:
    """The dollars of the firms are those of the declarations; exports and imports add up to them, regimes to these."""
    return [
        *declared(TABLES["core_customs__firm_year"], bounds),
        gxe.UnexpectedRowsExpectation(unexpected_rows_query=_EXPORTS_AND_IMPORTS_DIFFER),
        gxe.UnexpectedRowsExpectation(unexpected_rows_query=_REGIMES_DIFFER),
    ]


def core_customs__district_flows(bounds: Bounds) -> list[Expectation]:
    """The dollars of the districts are the dollars of the declarations; the part by proxy is not above the whole."""
    return [
        *declared(TABLES["core_customs__district_flows"], bounds),
        gxe.UnexpectedRowsExpectation(unexpected_rows_query=_PROXY_ABOVE_WHOLE),
    ]


def core_customs__firm_panel(bounds: Bounds) -> list[Expectation]:
    """No firm ends before it begins."""
    return [
        *declared(TABLES["core_customs__firm_panel"], bounds),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="last_year", column_B="first_year", or_equal=True),
    ]


def core_customs__intermediaries(bounds: Bounds) -> list[Expectation]:
    """As declared."""
    return declared(TABLES["core_customs__intermediaries"], bounds)


def core_customs__breaks(bounds: Bounds) -> list[Expectation]:
    """Shares are shares."""
    return [
        *declared(TABLES["core_customs__breaks"], bounds),
        gxe.ExpectColumnValuesToBeBetween(column="value_share", min_value=0, max_value=1),
    ]


def core_trade__national_totals(bounds: Bounds) -> list[Expectation]:
    """As declared."""
    return declared(TABLES["core_trade__national_totals"], bounds)


def core_customs__coverage(bounds: Bounds) -> list[Expectation]:
    """No year and direction is further from what is published than the settings `coverage` let pass.

    An archive that is known to be a sample is warned of all the same, since its totals are not those of the country.
    """
    return [
        *declared(TABLES["core_customs__coverage"], bounds),
        gxe.ExpectColumnValuesToNotBeInSet(column="coverage_verdict", value_set=["beyond_stop"]),
        gxe.ExpectColumnValuesToNotBeInSet(
            column="coverage_verdict", value_set=["sample", "beyond_warning", "beyond_stop"], severity=WARNING
        ),
    ]


def raw_trade__comtrade(bounds: Bounds) -> list[Expectation]:
    """Most lines can be read, or the file is not what its layout says."""
    return [
        *declared(TABLES["raw_trade__comtrade"], bounds),
        gxe.ExpectColumnValuesToBeNull(column="unreadable", mostly=_AT_LEAST_NINE_OF_TEN),
    ]


def core_trade__flows(bounds: Bounds) -> list[Expectation]:
    """Every raw record is here or in quarantine; reporters have a name, nearly all of them a code."""
    return [
        *declared(TABLES["core_trade__flows"], bounds),
        gxe.ExpectColumnValuesToBeBetween(column="value_usd", min_value=0),
        gxe.ExpectColumnValuesToNotBeNull(column="reporter_code", mostly=_AT_LEAST_NINE_OF_TEN, severity=WARNING),
    ]


def quarantine_trade__flows(bounds: Bounds) -> list[Expectation]:
    """No larger a share of the records than `gates.quarantined_share`."""
    table = TABLES["quarantine_trade__flows"]
    return [*declared(table, bounds), *quarantine_share(table, bounds)]


def measure_products__concentration(bounds: Bounds) -> list[Expectation]:
    """Shares of more exporters are not smaller, and the index is not above the largest share."""
    return [
        *declared(TABLES["measure_products__concentration"], bounds),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="share_3", column_B="share_1", or_equal=True),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="share_5", column_B="share_3", or_equal=True),
        gxe.UnexpectedRowsExpectation(unexpected_rows_query=_INDEX_ABOVE_LARGEST_SHARE),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="exporters", column_B="exporters_with_iso", or_equal=True),
    ]


def measure_products__exporters(bounds: Bounds) -> list[Expectation]:
    """Shares lie above 0 and at most at 1."""
    return [
        *declared(TABLES["measure_products__exporters"], bounds),
        gxe.ExpectColumnValuesToBeBetween(column="export_share", min_value=0, strict_min=True, max_value=1),
    ]


def panel_customs__firm_year(bounds: Bounds) -> list[Expectation]:
    """Logs are there, and of amounts that a firm can trade."""
    return [
        *declared(TABLES["panel_customs__firm_year"], bounds),
        gxe.ExpectColumnValuesToBeBetween(column="ln_exports", min_value=-5, max_value=30),
        gxe.ExpectColumnValuesToBeBetween(column="ln_imports", min_value=-5, max_value=30),
    ]


def result_studies__estimates(bounds: Bounds) -> list[Expectation]:
    """No estimate without its error, and intervals around their estimates."""
    return [
        *declared(TABLES["result_studies__estimates"], bounds),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="estimate", column_B="ci_low", or_equal=True),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="ci_high", column_B="estimate", or_equal=True),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="observations_before", column_B="observations", or_equal=True
        ),
    ]


def result_studies__tables(bounds: Bounds) -> list[Expectation]:
    """As declared."""
    return declared(TABLES["result_studies__tables"], bounds)


def result_studies__figures(bounds: Bounds) -> list[Expectation]:
    """As declared."""
    return declared(TABLES["result_studies__figures"], bounds)


def result_studies__plots(bounds: Bounds) -> list[Expectation]:
    """As declared; where there is an interval, its lower end comes first."""
    return [
        *declared(TABLES["result_studies__plots"], bounds),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="high", column_B="low", or_equal=True),
    ]


Suite = Callable[[Bounds], list[Expectation]]

SUITES: dict[str, Suite] = {
    suite.__name__: suite
    for suite in (
        raw_customs__declarations,
        core_customs__layouts,
        core_customs__labels,
        core_countries__codes,
        core_places__divisions,
        core_products__codes,
        core_countries__exchange_rates,
        core_customs__firms,
        core_customs__unit_values,
        core_customs__repeated_rows,
        core_customs__declarations,
        quarantine_customs__declarations,
        core_products__concordance,
        core_products__families,
        core_products__attributes,
        core_customs__annual_flows,
        quarantine_customs__annual_flows,
        core_customs__firm_year,
        core_customs__district_flows,
        core_customs__firm_panel,
        core_customs__intermediaries,
        core_customs__breaks,
        core_trade__national_totals,
        core_customs__coverage,
        raw_trade__comtrade,
        core_trade__flows,
        quarantine_trade__flows,
        measure_products__concentration,
        measure_products__exporters,
        panel_customs__firm_year,
        result_studies__estimates,
        result_studies__tables,
        result_studies__figures,
        result_studies__plots,
    )
}
