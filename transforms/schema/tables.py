"""Every table of the lake: grain, columns, key, slice."""

from __future__ import annotations

from haiguan.transforms.schema.columns import pick
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
            "year month file_id file line layout direction firm_code firm_name ownership product_code hs_revision "
            "partner_code regime unit_code quantity value_usd rounding_usd flags"
        ),
        key=("year", "file_id", "line"),
        slice=("year",),
        optional=frozenset({"month", "firm_name", "ownership", "quantity"}),
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
        name="core_customs__annual_flows",
        grain="firm x product in one HS revision x partner x regime x direction x unit x year",
        columns=pick(
            "year firm_code product_code hs_revision partner_code regime direction unit_code quantity value_usd "
            "declarations is_apportioned"
        ),
        key=("year", "firm_code", "product_code", "hs_revision", "partner_code", "regime", "direction", "unit_code"),
        slice=("year",),
        optional=frozenset({"quantity"}),
        merges="core_customs__declarations",
        warning="Where is_apportioned, value is an estimate: sum it, and never count products, partners or firms.",
    ),
    Table(
        name="quarantine_customs__annual_flows",
        grain="flow as reported whose product code no table brings to the HS revision of the flows",
        columns=pick(
            "year firm_code product_code hs_revision partner_code regime direction unit_code quantity value_usd "
            "declarations rules nearest_codes"
        ),
        key=("year", "firm_code", "product_code", "hs_revision", "partner_code", "regime", "direction", "unit_code"),
        slice=("year",),
        optional=frozenset({"quantity"}),
        may_be_empty=True,
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
            "firm_code year export_value_usd import_value_usd ln_exports ln_imports export_products export_partners"
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
