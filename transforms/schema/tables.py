"""Every table of the lake: grain, columns, key, slice."""

from __future__ import annotations

from haiguan.transforms.schema.columns import REGIMES, pick, regime_value
from haiguan.transforms.schema.model import Reads, Table

_CUSTOMS_FIELDS = (
    "period_text direction_text firm_code_text firm_name_text ownership_text product_text product_name_text "
    "partner_text value_text quantity_text unit_text price_text regime_text address_text zip_text phone_text fax_text "
    "email_text contact_text city_text district_text customs_office_text transport_text transit_text"
)
_COMTRADE_FIELDS = (
    "revision_text year_text flow_text reporter_code_text reporter_text reporter_iso_text partner_code_text "
    "product_text unit_text quantity_text weight_text value_text"
)
_PROVENANCE = "year file_id file line layout copies unreadable raw_bytes_hex"


def _by_regime(direction: str) -> str:
    return " ".join(regime_value(direction, regime) for regime in REGIMES)


_DECLARED = (
    Table(
        name="raw_customs__declarations",
        grain="one line of a customs file, every field as the string delivered",
        columns=pick(f"{_PROVENANCE} file_month {_CUSTOMS_FIELDS}"),
        key=("year", "file_id", "line"),
        slice=("year", "file_id"),
        optional=frozenset(f"unreadable raw_bytes_hex file_month {_CUSTOMS_FIELDS}".split()),
    ),
    Table(
        name="core_customs__layouts",
        grain="one layout of customs files in years of one HS revision",
        columns=pick(
            "layout edition first_year last_year hs_revision period_formats period_rule product_digits "
            "is_product_number firm_code_pattern partner_coding partner_basis thousands_separator decimal_separator"
        ),
        key=("layout", "first_year"),
        optional=frozenset({"firm_code_pattern", "partner_basis", "thousands_separator"}),
    ),
    Table(
        name="core_customs__labels",
        grain="one label of a coded field in one layout and span of years, and what it stands for",
        columns=pick("layout field label code first_year last_year"),
        key=("layout", "field", "label", "first_year"),
        optional=frozenset({"code"}),
    ),
    Table(
        name="core_customs__declarations",
        grain="one statistical record of a customs file: firm x product x partner x regime x office x month",
        columns=pick(
            "year month file_id file line layout direction firm_code firm_name ownership product_code product_class "
            "hs_revision partner_code partner_basis regime unit_code goods_district_code is_seat_proxy firm_place_code "
            "firm_place_evidence is_intermediary quantity value_usd rounding_usd valuation exchange_rate_rule flags"
        ),
        key=("year", "file_id", "line"),
        slice=("year",),
        optional=frozenset(
            "month firm_name ownership partner_basis goods_district_code firm_place_code firm_place_evidence "
            "is_intermediary quantity".split()
        ),
        accounts_for="raw_customs__declarations",
    ),
    Table(
        name="quarantine_customs__declarations",
        grain="one record of a customs file that broke a rejecting rule, with its raw text",
        columns=pick("year file_id file line layout rules value_usd raw_text"),
        key=("year", "file_id", "line"),
        slice=("year",),
        optional=frozenset({"value_usd"}),
        may_be_empty=True,
    ),
    Table(
        name="core_customs__unit_values",
        grain="product as reported and its HS revision x unit x direction x year",
        columns=pick(
            "year direction hs_revision product_code unit_code records ln_unit_value_q1 ln_unit_value_median "
            "ln_unit_value_q3"
        ),
        key=("year", "direction", "hs_revision", "product_code", "unit_code"),
        slice=("year",),
        may_be_empty=True,
        warning="Counted as delivered: records that cleaning rejects for other reasons are among them.",
    ),
    Table(
        name="core_customs__repeated_rows",
        grain="one record of a customs file that agrees in every field with one before it",
        columns=pick("year file_id file line repeat_kind first_file first_line amount_usd"),
        key=("year", "file_id", "line"),
        slice=("year",),
        optional=frozenset({"amount_usd"}),
        may_be_empty=True,
        warning="These records are in core_customs__declarations too: nothing is left out for being repeated.",
    ),
    Table(
        name="core_countries__exchange_rates",
        grain="average of a currency in a month or, as month 0, in a year",
        columns=pick("currency_code year rate_month usd_per_unit"),
        key=("currency_code", "year", "rate_month"),
    ),
    Table(
        name="core_customs__firms",
        grain="text that a year's records hold in a field about a firm",
        columns=pick("year firm_code firm_field firm_text records place_code"),
        key=("year", "firm_code", "firm_field", "firm_text"),
        slice=("year",),
        optional=frozenset({"place_code"}),
        warning="Counted as delivered: records that cleaning rejects are among them.",
    ),
    Table(
        name="core_customs__annual_flows",
        grain="firm x product in one HS revision x partner x regime x direction x unit x year",
        columns=pick(
            "year firm_code product_code hs_revision partner_code regime direction unit_code quantity value_usd "
            "valuation exchange_rate_rule declarations national_code_year is_apportioned"
        ),
        key=("year", "firm_code", "product_code", "hs_revision", "partner_code", "regime", "direction", "unit_code"),
        slice=("year",),
        optional=frozenset({"quantity", "national_code_year"}),
        merges="core_customs__declarations",
        warning="Where is_apportioned, value is an estimate: sum it, and never count products, partners or firms.",
    ),
    Table(
        name="quarantine_customs__annual_flows",
        grain="flow as reported whose product code no table brings to the HS revision of the flows",
        columns=pick(
            "year firm_code product_code hs_revision partner_code regime direction unit_code quantity value_usd "
            "valuation exchange_rate_rule declarations rules nearest_codes"
        ),
        key=("year", "firm_code", "product_code", "hs_revision", "partner_code", "regime", "direction", "unit_code"),
        slice=("year",),
        optional=frozenset({"quantity"}),
        may_be_empty=True,
    ),
    Table(
        name="core_customs__firm_year",
        grain="firm code x year",
        columns=pick(
            "year firm_code firm_place_code firm_place_evidence is_intermediary ownership value_usd "
            f"export_value_usd {_by_regime('export')} export_processing_usd "
            f"import_value_usd {_by_regime('import')} import_processing_usd "
            "export_valuation import_valuation exchange_rate_rule "
            "export_products export_partners import_products import_partners declarations"
        ),
        key=("year", "firm_code"),
        slice=("year",),
        optional=frozenset({"firm_place_code", "firm_place_evidence", "is_intermediary", "ownership"}),
        merges="core_customs__declarations",
        warning="Products are counted as reported; value_usd adds exports and imports, which may be valued otherwise.",
    ),
    Table(
        name="core_customs__district_flows",
        grain="goods district x product as reported and its HS revision x partner x regime x direction x unit x year",
        columns=pick(
            "year goods_district_code product_code hs_revision partner_code regime direction unit_code quantity "
            "value_usd seat_proxy_value_usd valuation exchange_rate_rule declarations"
        ),
        key=(
            "year",
            "goods_district_code",
            "product_code",
            "hs_revision",
            "partner_code",
            "regime",
            "direction",
            "unit_code",
        ),
        slice=("year",),
        optional=frozenset({"quantity"}),
        merges="core_customs__declarations",
        warning="Where files lack the district of the goods, the seat of the firm stands in: see seat_proxy_value_usd.",
    ),
    Table(
        name="core_customs__firm_panel",
        grain="firm code",
        columns=pick(
            "firm_code first_year last_year active_years gap_years has_entered has_left code_place_digits code_zone "
            "code_ownership successor_codes"
        ),
        key=("firm_code",),
        optional=frozenset({"code_place_digits", "code_zone", "code_ownership"}),
        warning="A code that comes or goes need not be a firm that does: codes change, and nothing is joined here.",
    ),
    Table(
        name="core_customs__intermediaries",
        grain="set of keywords x year",
        columns=pick("year keyword_set firms declarations value_usd export_value_usd import_value_usd"),
        key=("year", "keyword_set"),
        slice=("year",),
    ),
    Table(
        name="core_customs__breaks",
        grain="category of a series x direction x year",
        columns=pick("year direction series category declarations value_usd value_share"),
        key=("year", "direction", "series", "category"),
        slice=("year",),
    ),
    Table(
        name="core_trade__national_totals",
        grain="published total by year, month (0: the year), direction and regime (all: all of them)",
        columns=pick("year published_month direction published_regime value_usd"),
        key=("year", "published_month", "direction", "published_regime"),
    ),
    Table(
        name="core_customs__coverage",
        grain="published figure: publisher x year x direction x month x regime; month 0 of all regimes is the whole",
        columns=pick(
            "published_by year direction published_month published_regime cells archive_value_usd published_value_usd "
            "coverage_ratio share_within_2_percent share_within_10_percent coverage_verdict"
        ),
        key=("year", "published_by", "direction", "published_month", "published_regime"),
        slice=("year",),
        optional=frozenset("coverage_ratio share_within_2_percent share_within_10_percent coverage_verdict".split()),
        may_be_empty=True,
        warning="Rejected records are not in the archive's part; months of files without months are not compared.",
    ),
    Table(
        name="core_countries__codes",
        grain="one country or special area",
        columns=pick("country_code country_name customs_code further_customs_codes country_code_m49 country_labels"),
        key=("country_code",),
        optional=frozenset({"customs_code", "country_code_m49"}),
    ),
    Table(
        name="core_places__divisions",
        grain="one administrative division in the years in which it had the same name and parent",
        columns=pick("place_code first_year last_year place_name place_level parent_code place_labels"),
        key=("place_code", "first_year"),
        optional=frozenset({"parent_code"}),
        warning="1980 and 2100 stand for: before the first list, and still so in the last one.",
    ),
    Table(
        name="core_products__codes",
        grain="one code of one HS revision",
        columns=pick("hs_revision product_code product_name"),
        key=("hs_revision", "product_code"),
        optional=frozenset({"product_name"}),
    ),
    Table(
        name="core_products__concordance",
        grain="code of one HS revision x code of another x method",
        columns=pick(
            "source_revision source_code target_revision target_code method weight relation is_direct is_forward "
            "chain_code flags"
        ),
        key=("source_revision", "source_code", "target_revision", "target_code", "method"),
        optional=frozenset({"chain_code"}),
        warning="Correlations have equal weights, which are no estimates; conversions only run to earlier revisions.",
    ),
    Table(
        name="core_products__families",
        grain="code of one HS revision, and the family that it belongs to over the revisions in use",
        columns=pick("hs_revision product_code family_code family_codes is_linking codes_without"),
        key=("hs_revision", "product_code"),
        optional=frozenset({"codes_without"}),
    ),
    Table(
        name="core_products__attributes",
        grain="attribute of a code of one HS revision",
        columns=pick("hs_revision product_code attribute attribute_code other_codes flags"),
        key=("hs_revision", "product_code", "attribute"),
    ),
    Table(
        name="raw_trade__comtrade",
        grain="one line of a UN Comtrade bulk file, the fields that are used as the strings delivered",
        columns=pick("file_id file line layout copies unreadable raw_bytes_hex " + _COMTRADE_FIELDS),
        key=("file_id", "line"),
        slice=("file_id",),
        optional=frozenset(f"unreadable raw_bytes_hex {_COMTRADE_FIELDS}".split()),
    ),
    Table(
        name="core_trade__flows",
        grain="reporter x partner x product in the revision of the report x flow x year",
        columns=pick(
            "year reporter_code_m49 reporter_code reporter_name partner_code_m49 flow hs_revision product_code "
            "quantity unit_code weight_kg value_usd rounding_usd file_id line flags"
        ),
        key=("year", "reporter_code_m49", "partner_code_m49", "flow", "hs_revision", "product_code"),
        slice=("year",),
        optional=frozenset({"reporter_code", "quantity", "weight_kg"}),
        reads={"raw_trade__comtrade": Reads.ALL},
        accounts_for="raw_trade__comtrade",
        warning="Exports are gross of re-exports; never add the re-export rows to them.",
    ),
    Table(
        name="quarantine_trade__flows",
        grain="one line of a UN Comtrade file that broke a rejecting rule, with its raw text",
        columns=pick("year file_id file line layout rules value_usd raw_text"),
        key=("file_id", "line"),
        optional=frozenset({"year", "value_usd"}),
        may_be_empty=True,
    ),
    Table(
        name="measure_products__concentration",
        grain="product as reported x year",
        columns=pick("year product_code exporters exporters_with_iso value_usd share_1 share_3 share_5 herfindahl"),
        key=("year", "product_code"),
        slice=("year",),
        warning="Reporters without an ISO code count in exporters, values and shares, not in exporters_with_iso.",
    ),
    Table(
        name="measure_products__exporters",
        grain="exporter of a product x year, ranked by value",
        columns=pick("year product_code rank reporter_code_m49 reporter_code reporter_name value_usd export_share"),
        key=("year", "product_code", "rank"),
        slice=("year",),
        optional=frozenset({"reporter_code"}),
    ),
    Table(
        name="panel_customs__firm_year",
        grain="firm x year with positive exports and imports",
        columns=pick(
            "firm_code year export_value_usd import_value_usd export_valuation import_valuation exchange_rate_rule "
            "ln_exports ln_imports export_products export_partners"
        ),
        key=("firm_code", "year"),
    ),
    Table(
        name="result_studies__estimates",
        grain="term of one column of a regression table of a study",
        columns=pick(
            "study item title position column_label outcome estimator term estimate standard_error statistic p_value "
            "ci_low ci_high observations observations_before singletons covariance_kind statistics note"
        ),
        key=("study", "item", "position", "term"),
        slice=("study",),
    ),
    Table(
        name="result_studies__tables",
        grain="cell of a descriptive table of a study",
        columns=pick("study item title row row_label position column_label value text note"),
        key=("study", "item", "row", "position"),
        slice=("study",),
        optional=frozenset({"value"}),
    ),
    Table(
        name="result_studies__figures",
        grain="point of a series of a figure of a study",
        columns=pick("study item title position column_label row axis_label x value note"),
        key=("study", "item", "position", "row"),
        slice=("study",),
    ),
    Table(
        name="result_studies__plots",
        grain="point of a layer of a figure that a regression table of a study asks for",
        columns=pick("study item title position column_label row mark across_label axis_label x value low high note"),
        key=("study", "item", "position", "row"),
        slice=("study",),
        optional=frozenset({"x", "value", "low", "high"}),
    ),
    Table(
        name="ops_runs__manifest",
        grain="one thing a run did: started and ended, read an input file, published or removed a slice",
        columns=pick(
            "run_id entry name slice_id status reason fingerprint suite_fingerprint delta_version records amount_usd "
            "bytes modified_at seconds exit_code code_revision details recorded_at"
        ),
        key=("run_id", "entry", "name", "slice_id", "status"),
        optional=frozenset(
            "reason fingerprint suite_fingerprint delta_version records amount_usd bytes modified_at seconds exit_code "
            "code_revision details".split()
        ),
    ),
    Table(
        name="ops_runs__gates",
        grain="one expectation, evaluated on the slices that a run built together",
        columns=pick(
            "run_id table_name slice_id expectation severity is_success evaluated unexpected observed exception "
            "recorded_at"
        ),
        key=("run_id", "table_name", "slice_id", "expectation"),
        optional=frozenset({"evaluated", "unexpected", "observed", "exception"}),
    ),
    Table(
        name="ops_runs__ledger",
        grain="one step and rule in the account of a slice: what came in, was rejected, flagged, summed up, went out",
        columns=pick("table_name slice_id step rule records amount_usd run_id recorded_at"),
        key=("table_name", "slice_id", "step", "rule"),
        optional=frozenset({"amount_usd"}),
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in _DECLARED}


def quarantine_of(table: str) -> str:
    """The name of the table that takes the records which `table` rejects."""
    return table.replace(table.split("_", 1)[0], "quarantine", 1)
