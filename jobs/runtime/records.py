"""Records of files as rows of a raw table: what every task that reads knows, and how fields become columns."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from haiguan.jobs.runtime.contents import Kind


@dataclass(frozen=True)
class Reading:
    """How a file is read, and what its fields are in the raw table.

    Attributes:
        path: where its bytes can be read by name.
        kind: what they are.
        is_gzipped: whether they are packed there.
        encoding: of its text.
        separator: of the fields of its lines.
        width: how many fields a record has.
        has_label_texts: whether labelled variables of Stata are read as their labels.
        has_headings: whether the first line of a text is none of its records.
        columns: column of the raw table -> positions of the fields that fill it; the first that is not blank holds.
        constants: column of the raw table -> what its layout puts into every record that can be read.
        description: column of the raw table -> what every row says of its file.
    """

    path: str
    kind: Kind
    is_gzipped: bool
    encoding: str
    separator: str
    width: int
    has_label_texts: bool
    has_headings: bool
    columns: Mapping[str, tuple[int, ...]]
    constants: Mapping[str, str]
    description: Mapping[str, Any]


@dataclass(frozen=True)
class Piece:
    """What one task reads of a file: whole lines of a text, or a range of rows of a table.

    Attributes:
        reading: how.
        start: the first byte of a text, the first row of a table; lines that begin before it belong to another piece.
        end: the first that is not read any more; None: to the end of the file.
        line: number of the first line that begins at `start` or later, from 1.
        row_group: of a Parquet file.
    """

    reading: Reading
    start: int = 0
    end: int | None = None
    line: int = 1
    row_group: int = 0


def readable_rows(reading: Reading, schema: pa.Schema, lines: np.ndarray, fields: Sequence[pa.Array]) -> pa.RecordBatch:
    """Rows of records that could be read.

    Args:
        reading: of their file.
        schema: of the raw table.
        lines: their numbers.
        fields: the texts of the records, an array for each position.
    """
    found = {name: _first_not_blank([fields[p] for p in positions]) for name, positions in reading.columns.items()}
    stated = {name: pa.repeat(pa.scalar(text, pa.string()), len(lines)) for name, text in reading.constants.items()}
    return _rows(reading, schema, lines, {**stated, **found})


def unreadable_rows(
    reading: Reading, schema: pa.Schema, lines: np.ndarray, stored: Sequence[bytes], reasons: Sequence[str]
) -> pa.RecordBatch:
    """Rows of records that could not be read: their bytes in hex and why, and no field.

    Args:
        reading: of their file.
        schema: of the raw table.
        lines: their numbers.
        stored: their bytes.
        reasons: `undecodable` or `unsplittable`.
    """
    told = {
        "raw_bytes_hex": pa.array([one.hex().upper() for one in stored], pa.string()),
        "unreadable": pa.array(reasons, pa.string()),
    }
    return _rows(reading, schema, lines, told)


def _rows(reading: Reading, schema: pa.Schema, lines: np.ndarray, found: Mapping[str, pa.Array]) -> pa.RecordBatch:
    columns = {**found, "line": pa.array(lines, pa.int64())}
    arrays = [
        columns[field.name]
        if field.name in columns
        else _described(reading.description.get(field.name), field.type, len(lines))
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema.names)


def _described(value: Any, kind: pa.DataType, count: int) -> pa.Array:
    """The same value for every row; a text is held once, as the dictionary of its column."""
    if value is None or not pa.types.is_string(kind):
        return pa.repeat(pa.scalar(value, kind), count)
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), count), pa.array([value], kind))


def _first_not_blank(fields: Sequence[pa.Array]) -> pa.Array:
    if len(fields) == 1:
        return fields[0]
    texts = [field.cast(pa.string()) for field in fields]
    told = [pc.if_else(pc.equal(pc.utf8_trim(text, " "), ""), None, text) for text in texts[:-1]]
    return pc.coalesce(*told, texts[-1])


def decoded(stored: pa.Array, encoding: str) -> pa.Array:
    """The texts of an array of bytes; null where a text, encoded again, is not the bytes that it was read from.

    Those that had to be changed may come as a dictionary, which a writer takes as it is.
    """
    texts = stored.view(pa.string())
    if is_ascii(texts):
        return texts
    if is_utf_8(encoding):
        try:
            texts.validate(full=True)
        except pa.ArrowInvalid:
            pass
        else:
            return texts
    return each_once(stored, partial(text_of, encoding=encoding), pa.string())


def is_ascii(texts: pa.Array) -> bool:
    """Whether all texts are of characters that are one byte in every encoding."""
    return pc.all(pc.string_is_ascii(texts), min_count=0).as_py()


def each_once(values: pa.Array, change: Callable[[Any], Any], kind: pa.DataType) -> pa.Array:
    """What `change` makes of every value; most are repeated, and each is changed once.

    Returns:
        A dictionary of the kind; where something is null, since a dictionary hides that, an array of it.
    """
    distinct = values.dictionary_encode()
    changed = pa.array([change(value) for value in distinct.dictionary.to_pylist()], kind)
    if changed.null_count:
        return changed.take(distinct.indices)
    return pa.DictionaryArray.from_arrays(distinct.indices, changed)


def is_utf_8(encoding: str) -> bool:
    """Whether this is a name of UTF-8."""
    return codecs.lookup(encoding).name == "utf-8"


def text_of(stored: bytes, encoding: str) -> str | None:
    """The text of some bytes; None where it is not what they were encoded from."""
    try:
        text = stored.decode(encoding)
        return text if text.encode(encoding) == stored else None
    except UnicodeError:
        return None
