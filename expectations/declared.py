"""What every suite expects because the table is declared so: how many rows, a key that is there and unique, codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation

from haiguan.expectations.exact import ExpectExactSumToEqual, ExpectKeyToBeUnique, ExpectRowsOfSlicesToBeAtMost
from haiguan.transforms.schema import Table


@dataclass(frozen=True)
class Bounds:
    """What is known of a table before it is gated, from the counts of its inputs and from settings.

    Attributes:
        records_in: records of the input that the table accounts for or sums up; None where there is no such input.
        amount_in: their US dollars; None where the input has none.
        quarantined: records that the same build put in quarantine.
        quarantined_amount: their US dollars.
        quarantined_share: the largest share of records that may be there (setting `gates.quarantined_share`).
        key_sample_above: number of rows above which only a sample of the keys is compared.
        records_by_slice: `records_in` of each slice, by the slice as text; empty where only the rows tell the slices.
    """

    records_in: int | None
    amount_in: Decimal | None
    quarantined: int
    quarantined_share: float
    key_sample_above: int
    records_by_slice: Mapping[str, int] = field(default_factory=dict)
    quarantined_amount: Decimal = Decimal(0)


def declared(table: Table, bounds: Bounds) -> list[Expectation]:
    """The expectations that follow from the declaration of a table and the counts of its inputs."""
    return [
        *_number_of_rows(table, bounds),
        *[gxe.ExpectColumnValuesToNotBeNull(column=name) for name in table.key],
        ExpectKeyToBeUnique(key=list(table.key), sample_above=bounds.key_sample_above),
        *_codes(table),
        *_conservation(table, bounds),
    ]


def _number_of_rows(table: Table, bounds: Bounds) -> list[Expectation]:
    if table.accounts_for and bounds.records_in is not None:
        return [gxe.ExpectTableRowCountToEqual(value=bounds.records_in - bounds.quarantined)]
    can_split = "is_apportioned" in table.column_names
    at_most = bounds.records_in if table.merges and not can_split else None
    return [gxe.ExpectTableRowCountToBeBetween(min_value=0 if table.may_be_empty else 1, max_value=at_most)]


def _codes(table: Table) -> list[Expectation]:
    coded = [column for column in table.columns if column.values]
    return [
        gxe.ExpectColumnValuesToBeInSet(column=column.name, value_set=list(column.values or ())) for column in coded
    ]


def _conservation(table: Table, bounds: Bounds) -> list[Expectation]:
    if not table.merges or bounds.amount_in is None:
        return []
    return [ExpectExactSumToEqual(column="value_usd", value=str(bounds.amount_in - bounds.quarantined_amount))]


def quarantine_share(table: Table, bounds: Bounds) -> list[Expectation]:
    """That no larger share of the records of a slice than the settings allow is in quarantine.

    Slice by slice, so that a good year does not hide a bad one that happens to be built with it.
    """
    if bounds.records_in is None:
        return []
    share = Decimal(str(bounds.quarantined_share))
    if not table.slice:
        return [gxe.ExpectTableRowCountToBeBetween(min_value=0, max_value=int(share * bounds.records_in))]
    limits = {text: int(share * records) for text, records in bounds.records_by_slice.items()}
    return [ExpectRowsOfSlicesToBeAtMost(columns=list(table.slice), limits=limits)]
