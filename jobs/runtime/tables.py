"""Tables of Stata and Parquet: their headings, and ranges of their rows as the texts that people see in them.

Text of Stata files is read byte by byte, as ISO 8859-1, and decoded later: read in its own encoding the file would fail
as a whole at its first bad byte. Numbers become the shortest decimal text that stands for them, never an exponent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyreadstat

from haiguan.jobs.runtime.headings import NamesHead
from haiguan.transforms.errors import InputError

BYTES = "ISO-8859-1"
"""The encoding that maps every byte to the character of its number."""

TableKind = Literal["stata", "parquet"]
_UNICODE_FORMATS = (b"118", b"119")
# Releases of pyreadstat before this one (the last for Python 3.10 is one) trim texts, find no long strings in format
# 119, and read names of sets of value labels in UTF-8 only.
_READS_ALL = (1, 3, 7)
_ROWS_AT_ONCE = 100_000
_EPOCH = np.datetime64("1960-01-01")
# Stata's formats of dates -> numpy's unit in which they count from 1960.
_DATES = {"%td": "D", "%d": "D", "%tm": "M", "%tc": "ms", "%tC": "ms"}


@dataclass(frozen=True)
class TableHead:
    """What is known of a table before its rows are read.

    Attributes:
        head: its headings.
        rows: how many it has.
        labelled: heading, as the table stores it -> some of its value labels as text.
    """

    head: NamesHead
    rows: int
    labelled: dict[str, str]


def table_head(path: Path, kind: TableKind) -> TableHead:
    """The headings and the number of rows of a table.

    Raises:
        InputError: it is cut off, or none.
    """
    return _stata_head(path) if kind == "stata" else _parquet_head(path)


def _stata_head(path: Path) -> TableHead:
    meta = _read_stata(path, metadataonly=True)[1]
    if meta.number_rows is None:
        raise InputError(_damaged(path, "the number of its rows makes no sense"))
    # the last row is there only if the file is whole; where there should be none, the end of the rows is
    _read_stata(path, row_offset=max(meta.number_rows - 1, 0), row_limit=1)
    _check_long_strings(path, meta)
    labelled = {name: _shown_labels(labels) for name, labels in meta.variable_value_labels.items()}
    names = tuple(name.encode(BYTES) for name in meta.column_names)
    return TableHead(NamesHead(names, "UTF-8" if _is_unicode(path) else None), meta.number_rows, labelled)


def _shown_labels(labels: dict) -> str:
    return ", ".join(f"{number:g} = {label}" for number, label in list(labels.items())[:3])


def _read_stata(path: Path, **options: Any) -> tuple[Any, Any]:
    try:
        return pyreadstat.read_dta(
            str(path), encoding=BYTES, disable_datetime_conversion=True, output_format="dict", **options
        )
    except UnicodeDecodeError:
        raise InputError(_undecodable(path, "metadataonly" in options)) from None
    except pyreadstat.ReadstatError as error:
        raise InputError(_damaged(path, str(error))) from None


def _damaged(path: Path, why: str) -> str:
    return f"{path}: cannot be read as a Stata file, cut off or damaged ({why}); fetch or unpack it again"


def _undecodable(path: Path, is_head: bool) -> str:
    """What to say where pyreadstat fails at what it decodes itself: names of sets of value labels, and long strings."""
    if is_head and _is_old_release() and not _is_unicode(path):
        return (
            f"{path}: a set of value labels has a name that pyreadstat {pyreadstat.__version__} cannot read; use "
            "Python 3.11 or later, which has a newer one, or save the file again after `label drop _all` in Stata"
        )
    return (
        f"{path}: damaged, or with long strings (strL) in another encoding than UTF-8, which cannot be read; fetch or "
        "unpack it again, or save it in Stata after `recast str2045` of its long strings"
    )


def _is_old_release() -> bool:
    return tuple(map(int, re.findall(r"\d+", pyreadstat.__version__)[:3])) < _READS_ALL


def _is_unicode(path: Path) -> bool:
    return any(_is_of_format(path, number) for number in _UNICODE_FORMATS)


def _is_of_format(path: Path, number: bytes) -> bool:
    with path.open("rb") as stream:
        return b"<release>" + number in stream.read(64)


def _check_long_strings(path: Path, meta: Any) -> None:
    """Reads all long strings once: one that is not UTF-8 would otherwise end the run long after the inventory."""
    long = _long_strings(meta)
    if long and _is_old_release() and _is_of_format(path, b"119"):
        raise InputError(
            f"{path}: pyreadstat {pyreadstat.__version__} finds no long strings (strL) in format 119; use Python 3.11 "
            "or later, which has a newer one, or save 32,767 variables or fewer, for which Stata takes format 118"
        )
    for start, count, _ in ranges(path, "stata", meta.number_rows, _ROWS_AT_ONCE) if long else ():
        _read_stata(path, row_offset=start, row_limit=count, usecols=long)


def _parquet_head(path: Path) -> TableHead:
    try:
        with pq.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{path}: cannot be read as a Parquet file, cut off, damaged or encrypted ({error}); fetch it again"
        ) from None
    strange = [f"{field.name} ({field.type})" for field in schema if not _is_shown(field.type)]
    if strange:
        raise InputError(f"{path}: columns that are neither text nor numbers nor dates: {', '.join(strange)}")
    return TableHead(NamesHead(tuple(name.encode() for name in schema.names), "UTF-8"), rows, {})


def _is_shown(kind: pa.DataType) -> bool:
    types = pa.types
    if types.is_dictionary(kind):
        return _is_shown(kind.value_type)
    is_text = types.is_string(kind) or types.is_large_string(kind) or types.is_boolean(kind) or types.is_null(kind)
    is_date = types.is_date(kind) or types.is_timestamp(kind)
    return is_text or is_date or types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)


def ranges(path: Path, kind: TableKind, rows: int, at_once: int) -> Iterator[tuple[int, int, int]]:
    """First row, number of rows and number of the row group (0 for Stata) of the parts in which a table is read."""
    if kind == "stata":
        yield from ((start, min(at_once, rows - start), 0) for start in range(0, rows, at_once))
        return
    start = 0
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            yield start, count, group
            start += count


def read_range(
    path: str, kind: TableKind, start: int, count: int, group: int, has_texts: bool
) -> Iterator[list[pa.Array]]:
    """The columns of some rows of a table, in order, each as texts; several batches of rows one after the other.

    Args:
        path: of the table.
        kind: of the table.
        start: first row, from 0.
        count: of rows.
        group: row group of a Parquet file.
        has_texts: whether labelled variables are read as their labels.
    """
    if kind == "parquet":
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=20_000, row_groups=[group]):
                yield [_texts_of_arrow(column) for column in batch.columns]
        return
    columns, meta = _read_stata(Path(path), row_offset=start, row_limit=count)
    labels = meta.variable_value_labels if has_texts else {}
    long = set(_long_strings(meta))
    yield [
        _bytes_of_long_strings(columns[name])
        if name in long
        else _texts_of_stata(
            columns[name], meta.readstat_variable_types[name], meta.original_variable_types[name], labels.get(name)
        )
        for name in meta.column_names
    ]


def _long_strings(meta: Any) -> list[str]:
    """The variables of type strL, which lie outside the rows and have no width there."""
    return [name for name in meta.column_names if meta.variable_storage_width[name] == 0]


def _bytes_of_long_strings(values: Any) -> pa.Array:
    """As all other text, a character for each byte; pyreadstat takes them for UTF-8, whatever encoding it is told."""
    return pa.array([(value or "").encode().decode(BYTES) for value in values], pa.string())


def _texts_of_stata(values: Any, storage: str, shown: str, labels: dict | None) -> pa.Array:
    if storage.startswith("string"):
        return pa.array(["" if value is None else value for value in values], pa.string())
    numbers = np.asarray(values, dtype=np.float64)
    if labels:
        known = {float(number): str(label) for number, label in labels.items()}
        texts = _texts(numbers).to_pylist()
        return pa.array([known.get(number, text) for number, text in zip(numbers, texts, strict=True)], pa.string())
    unit = next((unit for start, unit in _DATES.items() if shown.startswith(start)), None)
    if unit:
        return _date_texts(numbers, unit)
    return _texts(numbers.astype(np.float32) if storage == "float" else numbers)


def _date_texts(numbers: np.ndarray, unit: str) -> pa.Array:
    """Dates as 2005-12-31, months as 2005-12."""
    is_missing = np.isnan(numbers)
    whole = np.where(is_missing, 0, numbers).astype("int64")
    dates = _EPOCH.astype(f"datetime64[{unit}]") + whole.astype(f"timedelta64[{unit}]")
    texts = np.datetime_as_string(dates.astype("datetime64[M]" if unit == "M" else "datetime64[D]"))
    return pa.array(np.where(is_missing, "", texts), pa.string())


def _texts_of_arrow(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_floating(kind):
        return _texts(column.to_numpy(zero_copy_only=False))
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        texts = pc.strftime(column, format="%Y-%m-%d")
    else:
        texts = pc.cast(column, pa.string())
    return pc.fill_null(pc.cast(texts, pa.string()), "")


def _texts(numbers: np.ndarray) -> pa.Array:
    """Every number as plain decimal digits, a missing one as an empty text."""
    is_number = np.isfinite(numbers)
    is_whole = is_number & (np.abs(numbers) < 2**53) & (numbers == np.trunc(numbers))
    whole = pc.cast(pa.array(np.where(is_whole, numbers, 0).astype("int64")), pa.string())
    if is_whole.all():
        return whole
    texts = pc.if_else(pa.array(is_number), pc.cast(pa.array(numbers), pa.string()), "")
    has_exponent = pc.match_substring(texts, "e")
    if pc.any(has_exponent).as_py():
        plain = [format(Decimal(text), "f") if "e" in text else text for text in texts.to_pylist()]
        texts = pa.array(plain, pa.string())
    return pc.if_else(pa.array(is_whole), whole, texts)
