"""Places of texts, at scale: an Arrow function around the gazetteers of the years."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame

from haiguan.transforms.places.divisions import PlaceSettings
from haiguan.transforms.places.gazetteer import Division, Gazetteer, gazetteer_of

Batches = Iterable[pa.RecordBatch]


def with_place_code(texts: DataFrame, divisions: pd.DataFrame, places: PlaceSettings) -> DataFrame:
    """The rows with `place_code`: the division that `text` tells, or that `text` begins with where `is_code`.

    Args:
        texts: columns year, text, is_code, seat_digits (null: none) and any others; one row per distinct text of a
            firm and year is cheap, one per record is not.
        divisions: core_places__divisions.
        places: how divisions are coded.
    """
    rows: list[Division] = [{str(name): value for name, value in row.items()} for row in _plain(divisions)]
    schema = ", ".join(f"{field.name} {field.dataType.simpleString()}" for field in texts.schema)
    return texts.mapInArrow(_placing(rows, places.code_digits), f"{schema}, place_code string")


def _plain(divisions: pd.DataFrame) -> list[dict[Any, Any]]:
    """The rows as dictionaries, missing parents as None, labels as lists."""
    parents = [None if pd.isna(parent) else parent for parent in divisions["parent_code"]]
    labels = [list(found) for found in divisions["place_labels"]]
    return divisions.assign(parent_code=pd.Series(parents, dtype=object).values, place_labels=labels).to_dict("records")


def _placing(divisions: Sequence[Division], code_digits: Sequence[int]) -> Callable[[Batches], Batches]:
    def place(batches: Batches) -> Batches:
        """Batches of evidence with `place_code` added; one gazetteer per year is kept for all of them."""
        gazetteer = cache(lambda year: gazetteer_of(divisions, year, code_digits))
        for batch in batches:
            columns = [batch.column(name).to_pylist() for name in ("year", "text", "is_code", "seat_digits")]
            found = [_place(gazetteer(year), *evidence) for year, *evidence in zip(*columns, strict=True)]
            yield pa.RecordBatch.from_arrays(
                [*batch.columns, pa.array(found, pa.string())], names=[*batch.schema.names, "place_code"]
            )

    return place


def _place(gazetteer: Gazetteer, text: str, is_code: bool, seat_digits: str | None) -> str | None:
    if is_code:
        return gazetteer.place_of_code(text)
    return gazetteer.place_of(text, gazetteer.place_of_code(seat_digits) if seat_digits else None)
