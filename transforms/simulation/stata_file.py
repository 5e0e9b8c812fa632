"""Stata files of formats 114, 117 and 118, with names and text in any encoding, written row block by row block.

pandas turns Chinese names into underscores and cannot write formats below 118 with them; real files of 2007 to 2011
hold both in GB18030. Numbers are doubles, text is of fixed width.

Source: StataCorp, "File formats .dta", help dta_114, dta_117 and dta_118.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

_DOUBLE_114, _DOUBLE_117 = 255, 65526
_LONGEST = {114: 244, 117: 2045, 118: 2045}
_NAME_BYTES = {114: 33, 117: 33, 118: 129}
_FORMAT_BYTES = {114: 49, 117: 49, 118: 57}
_LABEL_BYTES = {114: 81, 117: 81, 118: 321}
_MISSING = np.float64(2.0**1023)
"""Stata's `.`: the first double beyond those that stand for numbers."""


@dataclass(frozen=True)
class StataColumn:
    """A column: its name, and the bytes of its text; None: a double."""

    name: str
    width: int | None


class StataWriter:
    """Writes one file; the number of rows goes into the head when the file is closed.

    Args:
        sink: a file that can be written and sought.
        version: 114, 117 or 118.
        columns: the columns.
        encoding: of names and text.

    Raises:
        ValueError: a name or a text is longer than the format holds.
    """

    def __init__(self, sink: BinaryIO, version: int, columns: Sequence[StataColumn], encoding: str) -> None:
        self._sink, self._version, self._columns, self._encoding = sink, version, columns, encoding
        too_wide = [column.name for column in columns if (column.width or 0) > _LONGEST[version]]
        if too_wide:
            raise ValueError(f"format {version} holds texts of {_LONGEST[version]} bytes at most: {too_wide}")
        self._rows = 0
        self._names = [self._padded(column.name, _NAME_BYTES[version]) for column in columns]
        self._map: list[int] = []
        self._write_head(0)

    @property
    def row_type(self) -> np.dtype:
        """The type of the rows: a double or so many bytes for each column, named by number."""
        return np.dtype([(str(n), f"S{c.width}" if c.width else "<f8") for n, c in enumerate(self._columns)])

    def write(self, values: Sequence[np.ndarray]) -> None:
        """Appends rows: for each column an array of doubles (NaN: missing) or of bytes."""
        rows = np.empty(len(values[0]), dtype=self.row_type)
        for number, (column, array) in enumerate(zip(self._columns, values, strict=True)):
            rows[str(number)] = array if column.width else np.where(np.isnan(array), _MISSING, array)
        self._sink.write(rows.tobytes())
        self._rows += len(rows)

    def close(self) -> None:
        """Writes what follows the rows, and the head once more, with their number."""
        if self._version > 114:
            end_of_data = self._sink.tell()
            for tag in (b"</data><strls>", b"</strls><value_labels>", b"</value_labels></stata_dta>"):
                self._sink.write(tag)
            strls = end_of_data + len(b"</data>")
            labels = strls + len(b"<strls></strls>")
            ended = labels + len(b"<value_labels></value_labels>")
            self._map[10:] = [strls, labels, ended, ended + len(b"</stata_dta>")]
        self._sink.seek(0)
        self._write_head(self._rows)

    def _write_head(self, rows: int) -> None:
        parts = self._head_114(rows) if self._version == 114 else self._head_117(rows)
        self._sink.write(parts)

    def _head_114(self, rows: int) -> bytes:
        types = bytes(column.width or _DOUBLE_114 for column in self._columns)
        return b"".join(
            (
                struct.pack("<BBBBhi", 114, 2, 1, 0, len(self._columns), rows),
                bytes(_LABEL_BYTES[114] + 18),
                types,
                b"".join(self._names),
                bytes(2 * (len(self._columns) + 1)),
                *self._descriptions(),
                struct.pack("<bi", 0, 0),
            )
        )

    def _descriptions(self) -> list[bytes]:
        """Display formats, names of value labels, labels of columns."""
        formats = [f"%{column.width}s" if column.width else "%16.0g" for column in self._columns]
        count = len(self._columns)
        return [
            b"".join(self._padded(text, _FORMAT_BYTES[self._version]) for text in formats),
            bytes(_NAME_BYTES[self._version] * count),
            bytes(_LABEL_BYTES[self._version] * count),
        ]

    def _head_117(self, rows: int) -> bytes:
        is_118 = self._version == 118
        count = len(self._columns)
        head = b"<stata_dta><header><release>%d</release><byteorder>LSF</byteorder>" % self._version
        head += b"<K>" + struct.pack("<H", count) + b"</K>"
        head += b"<N>" + struct.pack("<Q" if is_118 else "<I", rows) + b"</N>"
        head += b"<label>" + bytes(2 if is_118 else 1) + b"</label><timestamp>\x00</timestamp></header>"
        formats, value_labels, labels = self._descriptions()
        types = np.array([column.width or _DOUBLE_117 for column in self._columns], dtype="<u2").tobytes()
        sections = (
            ("variable_types", types),
            ("varnames", b"".join(self._names)),
            ("sortlist", bytes(2 * (count + 1))),
            ("formats", formats),
            ("value_label_names", value_labels),
            ("variable_labels", labels),
            ("characteristics", b""),
        )
        at = len(head)
        offsets = [0, at]
        at += len(b"<map></map>") + 14 * 8
        body = b""
        for name, content in sections:
            offsets.append(at + len(body))
            body += b"<%s>%s</%s>" % (name.encode(), content, name.encode())
        offsets.append(at + len(body))
        self._map[:10] = offsets
        whole_map = (self._map + [0] * 14)[:14]
        return head + b"<map>" + struct.pack("<14Q", *whole_map) + b"</map>" + body + b"<data>"

    def _padded(self, text: str, width: int) -> bytes:
        encoded = text.encode(self._encoding)
        if len(encoded) >= width:
            raise ValueError(f"{text} takes {len(encoded)} bytes in {self._encoding}; the format holds {width - 1}")
        return encoded.ljust(width, b"\x00")
