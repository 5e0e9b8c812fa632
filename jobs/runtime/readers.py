"""Readers: what `files_<source>` delivers, every field as the string in the file, with file and line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from pyspark.sql import SparkSession

from haiguan.jobs.runtime import access
from haiguan.jobs.runtime.delivery import Delivery
from haiguan.jobs.runtime.inventory import File
from haiguan.jobs.runtime.records import Reading
from haiguan.jobs.runtime.scratch import Scratch
from haiguan.jobs.runtime.table_reader import table_pieces
from haiguan.jobs.runtime.text_reader import text_pieces
from haiguan.transforms.schema import Table


def read_files(session: SparkSession, files: Sequence[File], table: Table, scratch: Scratch) -> Delivery:
    """The records of files as rows of a raw table.

    A record whose bytes are not what its text encodes to is `undecodable`, a line with too many or too few fields
    `unsplittable`; both keep their bytes in hex, and no other record does. In text the heading is line 1 and is not a
    row; in tables the rows count from 1.

    Args:
        session: Spark's.
        files: to read.
        table: the raw table; its columns that a layout lacks are null.
        scratch: where packed tables and databases are unpacked.
    """
    readings = [(file, _reading(file, table, scratch)) for file in files]
    texts = [reading for file, reading in readings if file.content.kind in ("text", "access")]
    tables = [(reading, file.records) for file, reading in readings if file.content.kind in ("stata", "parquet")]
    pieces = [*text_pieces(session, texts), *chain.from_iterable(table_pieces(*one) for one in tables)]
    return Delivery(session, table, pieces)


def _reading(file: File, table: Table, scratch: Scratch) -> Reading:
    content = file.content
    return Reading(
        path=str(scratch.place(content, file.charset).absolute()),
        kind=content.kind,
        is_gzipped=content.packing == "gzip" and not scratch.unpacks(content),
        encoding=file.encoding,
        separator=file.separator or access.SEPARATOR,
        width=len(file.headings),
        has_label_texts=file.layout.value_labels == "texts",
        has_headings=True,
        columns=_columns(file, table),
        constants={name: text for name, text in file.layout.constants.items() if name in table.column_names},
        description=_description(file),
    )


def _columns(file: File, table: Table) -> dict[str, tuple[int, ...]]:
    """Column of the raw table -> positions of the fields that fill it."""
    found: dict[str, tuple[int, ...]] = {}
    for position, heading in enumerate(file.headings):
        name = file.layout.headings.get(heading)
        if name in table.column_names:
            found[name] = (*found.get(name, ()), position)
    return found


def _description(file: File) -> dict[str, Any]:
    return {
        "file": file.name,
        "year": file.year,
        "file_month": file.month,
        "file_id": file.file_id,
        "layout": file.layout.name,
        "copies": file.copies,
    }
