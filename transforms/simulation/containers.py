"""Customs records in the containers of real files: lines of text, Stata files, Parquet."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from typing import BinaryIO, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from haiguan.transforms.simulation.defects import BROKEN_BYTES, cut_line
from haiguan.transforms.simulation.editions import Layout, Piece
from haiguan.transforms.simulation.records import Records
from haiguan.transforms.simulation.rules import RULES
from haiguan.transforms.simulation.stata_file import StataColumn, StataWriter
from haiguan.transforms.simulation.texts import Text, joined, replaced, where

# Characters of the longest text of each field.
_CHARACTERS = {
    "firm_code": 12, "firm_name": 40, "ownership": 10, "product": 12, "partner": 6, "partner_name": 24, "unit": 6,
    "address": 48, "zip": 12, "phone": 24, "district": 6, "office": 6, "unit_code": 4, "regime": 6, "listed_id": 8,
    "security_id": 14,
}  # fmt: skip
_BYTES_PER_CHARACTER = {"GB18030": 2, "UTF-8": 3}
_FAST = 4  # level of gzip
_MAY_HOLD_COMMAS = ("firm_name", "value", "quantity", "product_name", "regime")


class Writer(Protocol):
    """What writes the records of one file, some at a time."""

    def write(self, fields: Mapping[str, Text], records: Records) -> None:
        """Appends records, told by the text of each field."""

    def close(self) -> None:
        """Ends the file; the sink stays open."""


def writer_of(piece: Piece, sink: BinaryIO) -> Writer:
    """The writer of a file."""
    if piece.container == "parquet":
        return ParquetWriter(sink, piece.layout)
    if piece.container.startswith("dta"):
        return DtaWriter(sink, piece.layout, int(piece.container[3:]))
    return LinesWriter(sink, piece.layout, piece.container == "csv.gz")


class LinesWriter:
    """Lines with commas between the fields, a heading first."""

    def __init__(self, sink: BinaryIO, layout: Layout, is_compressed: bool) -> None:
        self._layout = layout
        self._encoding = layout.encoding.removesuffix("-SIG")
        # Neither name nor time, so that the same lines are the same bytes.
        self._gzip = gzip.GzipFile("", "wb", _FAST, sink, mtime=0) if is_compressed else None
        self._sink: BinaryIO | gzip.GzipFile = self._gzip or sink
        self._sink.write((",".join(layout.headings) + "\n").encode(layout.encoding))

    def write(self, fields: Mapping[str, Text], records: Records) -> None:
        """Appends a line for each record."""
        texts = [_quoted(fields[field], field) for field in self._layout.headings.values()]
        rows = np.flatnonzero(records.rule == RULES.index("unsplittable_line"))
        name_at = list(self._layout.headings.values()).index("firm_name")
        cut = [
            ",".join(cut_line([text[row].as_py() for text in texts], variant, name_at))
            for row, variant in zip(rows.tolist(), records.variant[rows].tolist(), strict=True)
        ]
        lines = joined(replaced(joined(*texts, between=","), rows, cut), "\n")
        self._sink.write(_with_broken_bytes(_characters(lines).encode(self._encoding)))

    def close(self) -> None:
        """Ends the compressed file."""
        if self._gzip:
            self._gzip.close()


class DtaWriter:
    """A Stata file; what the layout tells as numbers is double, all else text of fixed width."""

    def __init__(self, sink: BinaryIO, layout: Layout, version: int) -> None:
        self._layout = layout
        per_character = _BYTES_PER_CHARACTER[layout.encoding]
        columns = [
            StataColumn(heading, None if field in layout.numbers else _CHARACTERS[field] * per_character)
            for heading, field in layout.headings.items()
        ]
        self._stata = StataWriter(sink, version, columns, layout.encoding)

    def write(self, fields: Mapping[str, Text], records: Records) -> None:
        """Appends a row for each record."""
        self._stata.write(
            [
                _numbers(fields[field]).to_numpy(zero_copy_only=False)
                if field in self._layout.numbers
                else _encoded(fields[field], self._layout.encoding)
                for field in self._layout.headings.values()
            ]
        )

    def close(self) -> None:
        """Writes what follows the rows."""
        self._stata.close()


class ParquetWriter:
    """A Parquet file; what the layout tells as numbers is double, all else text."""

    def __init__(self, sink: BinaryIO, layout: Layout) -> None:
        self._layout = layout
        self._schema = pa.schema(
            [
                (heading, pa.float64() if field in layout.numbers else pa.string())
                for heading, field in layout.headings.items()
            ]
        )
        self._parquet = pq.ParquetWriter(sink, self._schema, compression="zstd")

    def write(self, fields: Mapping[str, Text], records: Records) -> None:
        """Appends a row group."""
        arrays = [
            _numbers(fields[field]) if field in self._layout.numbers else fields[field]
            for field in self._layout.headings.values()
        ]
        self._parquet.write_table(pa.Table.from_arrays(arrays, schema=self._schema))

    def close(self) -> None:
        """Writes the footer."""
        self._parquet.close()


def _quoted(text: Text, field: str) -> Text:
    if field not in _MAY_HOLD_COMMAS:
        return text
    has_comma = pc.match_substring(text, ",")
    return where(has_comma.to_numpy(zero_copy_only=False), joined('"', text, '"'), text) if pc.any(has_comma) else text


def _characters(lines: Text) -> str:
    """All texts of an array, one after the other."""
    _, offsets, data = lines.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int32)[[lines.offset, lines.offset + len(lines)]]
    return str(memoryview(data)[bounds[0] : bounds[1]], "utf-8")


def _numbers(text: Text) -> Text:
    """Doubles; null where the text is blank."""
    trimmed = pc.utf8_trim_whitespace(text)
    return pc.if_else(pc.equal(trimmed, ""), None, trimmed).cast(pa.float64())


def _encoded(text: Text, encoding: str) -> np.ndarray:
    """Bytes of fixed width; each different text is encoded once."""
    coded = text.dictionary_encode()
    distinct = np.array(
        [_with_broken_bytes(word.encode(encoding)) for word in coded.dictionary.to_pylist()] or [b""], dtype=np.bytes_
    )
    return distinct[coded.indices.to_numpy()]


def _with_broken_bytes(encoded: bytes) -> bytes:
    for mark, code in BROKEN_BYTES.items():
        encoded = encoded.replace(mark.encode(), code)
    return encoded
