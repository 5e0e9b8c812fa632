"""Lines of text files, read as bytes: a reader of CSV replaces bad ones and says nothing.

A line is a record. One without quotes is split at its separators, many at once; every other, and every one that this
does not fit, is looked at alone. A field in quotes may hold separators, and doubled quotes for quotes, but no line
break; text behind its closing quote makes it a plain text with quotes in it.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv
from pyspark.sql import SparkSession

from haiguan.jobs.runtime.contents import line_breaks
from haiguan.jobs.runtime.records import Piece, Reading, decoded, is_utf_8, readable_rows, text_of, unreadable_rows

PIECE = 1 << 27
"""Bytes of a text that one task reads."""

_BLOCK = 1 << 24
# Bytes from here on are the second of two in GB18030, GBK, Big5 and Shift-JIS; no separator may be looked for there.
_FIRST_TRAILING = 0x40
_MARKS = (b'"', b"\r")


def text_pieces(session: SparkSession, readings: Sequence[Reading]) -> list[Piece]:
    """Pieces of text files, each with the number of its first line: where a file has several, lines are counted first.

    Args:
        session: Spark's.
        readings: of the files.
    """
    pieces = [piece for reading in readings for piece in _cut(reading)]
    several = [piece for piece in pieces if piece.end is not None]
    if not several:
        return pieces
    counted = session.sparkContext.parallelize(several, len(several)).map(_line_breaks_before_end).collect()
    return [*(piece for piece in pieces if piece.end is None), *_numbered(several, counted)]


def _cut(reading: Reading) -> list[Piece]:
    """A packed file is one piece, and so is a small one."""
    size = Path(reading.path).stat().st_size
    if reading.is_gzipped or size <= PIECE:
        return [Piece(reading)]
    return [Piece(reading, start, min(start + PIECE, size)) for start in range(0, size, PIECE)]


def _line_breaks_before_end(piece: Piece) -> int:
    """Line breaks from the byte before the piece to its last but one: the lines that begin in it."""
    first, left = max(piece.start - 1, 0), (piece.end or 0) - 1
    breaks = 0
    with open(piece.reading.path, "rb") as stream:
        stream.seek(first)
        left -= first
        while left > 0 and (block := stream.read(min(_BLOCK, left))):
            breaks += line_breaks(block)
            left -= len(block)
    return breaks


def _numbered(pieces: Sequence[Piece], counted: Sequence[int]) -> Iterator[Piece]:
    line = 1
    for piece, breaks in zip(pieces, counted, strict=True):
        line = 1 if piece.start == 0 else line
        yield Piece(piece.reading, piece.start, piece.end, line)
        line += breaks + int(piece.start == 0)


def read_text(piece: Piece, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The records of a piece of text as rows of a raw table, those that cannot be read apart from the others.

    Args:
        piece: of a text file.
        schema: of the raw table.
    """
    line = piece.line
    for block in _blocks(piece):
        if line == 1 and piece.reading.has_headings:
            block, line = block.partition(b"\n")[2], 2
        lines = _Lines(block.replace(b"\r\n", b"\n") if b"\r" in block else block)
        yield from _rows(lines, line, piece.reading, schema)
        line += lines.count


def _blocks(piece: Piece) -> Iterator[bytes]:
    """Whole lines, every one with its line break; the first and the last line that a piece touches belong to one."""
    with _opened(piece.reading) as stream:
        position = 0
        if piece.start:
            position = stream.seek(piece.start - 1)
            position += len(stream.readline())
        while piece.end is None or position < piece.end:
            block = stream.read(_BLOCK if piece.end is None else min(_BLOCK, piece.end - position))
            if not block:
                return
            block += b"" if block.endswith(b"\n") else stream.readline()
            position += len(block)
            yield block if block.endswith(b"\n") else block + b"\n"


def _opened(reading: Reading) -> IO[bytes]:
    return gzip.open(reading.path) if reading.is_gzipped else open(reading.path, "rb")  # type: ignore[return-value]


@dataclass(frozen=True)
class _Lines:
    """Lines, every one with its line break. Where they end is looked for when it is needed, which it seldom is."""

    block: bytes

    @cached_property
    def count(self) -> int:
        """How many they are."""
        return line_breaks(self.block)

    @cached_property
    def ends(self) -> np.ndarray:
        """The places of their line breaks."""
        return self.places(b"\n")

    def places(self, byte: bytes) -> np.ndarray:
        """Where such a byte stands."""
        return np.flatnonzero(np.frombuffer(self.block, np.uint8) == ord(byte))

    def those_with(self, byte: bytes) -> np.ndarray:
        """The number of a line for every such byte in it."""
        return np.searchsorted(self.ends, self.places(byte))

    def taken(self, numbers: np.ndarray) -> list[bytes]:
        """Some of the lines, by their numbers from 0."""
        starts = np.concatenate([[0], self.ends + 1])
        return [self.block[a:b] for a, b in zip(starts[numbers], self.ends[numbers] + 1, strict=True)]


def _rows(lines: _Lines, first: int, reading: Reading, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Rows of lines, of which `first` is the number of the first."""
    above = first - int(reading.kind == "access")  # whose heading is not among its records
    alone = _alone(lines, reading)
    numbers = np.delete(np.arange(lines.count), alone)
    misfits, fields = _split(_Lines(b"".join(lines.taken(numbers))) if len(alone) else lines, reading)
    texts = [decoded(field, reading.encoding) for field in fields]
    numbers, misfits = np.delete(numbers, misfits), numbers[misfits]
    has_all = _has_all(texts, len(numbers))
    if not has_all.all():
        misfits = np.concatenate([misfits, numbers[~has_all]])
        numbers, texts = numbers[has_all], [text.filter(pa.array(has_all)) for text in texts]
    if len(numbers):
        yield readable_rows(reading, schema, above + numbers, texts)
    alone = np.sort(np.concatenate([alone, misfits]))
    if len(alone):
        single = [line[:-1] for line in lines.taken(alone)]
        yield from _rows_of_single_lines(single, above + alone, reading, schema)


def _has_all(texts: Sequence[pa.Array], count: int) -> np.ndarray:
    has_all = np.ones(count, dtype=bool)
    for text in texts:
        if text.null_count:
            has_all &= text.is_valid().to_numpy(zero_copy_only=False)
    return has_all


def _alone(lines: _Lines, reading: Reading) -> np.ndarray:
    """Numbers of the lines that are to be looked at one by one, since they are not split at each separator."""
    if reading.width == 1 or not _is_safe(reading):
        return np.arange(lines.count)
    return np.unique(np.concatenate([np.arange(0), *[lines.those_with(m) for m in _MARKS if m in lines.block]]))


def _is_safe(reading: Reading) -> bool:
    """Whether the separator cannot be part of a longer character."""
    return ord(reading.separator) < _FIRST_TRAILING or is_utf_8(reading.encoding)


def _split(lines: _Lines, reading: Reading) -> tuple[np.ndarray, list[pa.Array]]:
    """Numbers of the lines that have another width, and the fields of the others."""
    try:
        fields = _parsed(lines.block, reading)
    except (pa.ArrowInvalid, UnicodeDecodeError):  # the latter from the former's message
        fields = []
    if fields and not all(_is_blank_somewhere(field) for field in fields):
        return np.arange(0), fields
    separators = lines.those_with(reading.separator.encode())
    is_misfit = np.bincount(separators, minlength=lines.count) != reading.width - 1
    fitting = lines.taken(np.flatnonzero(~is_misfit))
    return np.flatnonzero(is_misfit), _parsed(b"".join(fitting), reading)


def _is_blank_somewhere(field: pa.Array) -> bool:
    """Blank lines are parsed, and every field of them is."""
    return pc.min(pc.binary_length(field)).as_py() == 0


def _parsed(block: bytes, reading: Reading) -> list[pa.Array]:
    if not block:
        return [pa.array([], pa.binary())] * reading.width
    names = [str(position) for position in range(reading.width)]
    if block.startswith(codecs.BOM_UTF8):  # which the reader would leave out
        block = codecs.BOM_UTF8 + block
    table = arrow_csv.read_csv(
        pa.py_buffer(block),
        arrow_csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
        arrow_csv.ParseOptions(delimiter=reading.separator, quote_char=False, ignore_empty_lines=False),
        arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.binary()), strings_can_be_null=False),
    )
    return [column.combine_chunks() for column in table.columns]


def _rows_of_single_lines(
    lines: Sequence[bytes], numbers: np.ndarray, reading: Reading, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    read = [_fields(line, reading) for line in lines]
    good = [n for n, fields in enumerate(read) if not isinstance(fields, str)]
    bad = [n for n, fields in enumerate(read) if isinstance(fields, str)]
    if good:
        columns = [pa.array(column, pa.string()) for column in zip(*[read[n] for n in good], strict=True)]
        yield readable_rows(reading, schema, numbers[good], columns)
    if bad:
        yield unreadable_rows(reading, schema, numbers[bad], [lines[n] for n in bad], [str(read[n]) for n in bad])


def _fields(line: bytes, reading: Reading) -> list[str] | str:
    """The fields of a line, or why there are none."""
    text = text_of(line, reading.encoding)
    if text is None:
        return "undecodable"
    fields = text.split(reading.separator) if '"' not in text else _fields_with_quotes(text, reading.separator)
    return fields if text and fields is not None and len(fields) == reading.width else "unsplittable"


def _fields_with_quotes(text: str, separator: str) -> list[str] | None:
    """The fields of a line with quotes; None where a quote is never closed."""
    try:
        return next(csv.reader((text,), delimiter=separator, strict=True))
    except csv.Error:
        pass
    fields, position = [], -1
    while position < len(text):
        found = _field(separator).match(text, position + 1)
        if found is None:
            return None
        quoted, plain = found.groups()
        fields.append(plain if quoted is None else quoted.replace('""', '"'))
        position = found.end()
    return fields


@cache
def _field(separator: str) -> re.Pattern[str]:
    """A field in quotes, or any other: one that goes on behind its closing quote, or that begins with no quote."""
    mark = re.escape(separator)
    quoted = '"((?:[^"]|"")*)" *'
    plain = f'("(?:[^"]|"")*"[^{mark}]*|[^"{mark}][^{mark}]*|)'
    return re.compile(f"(?:{quoted}|{plain})(?={mark}|$)")
