"""Arrow arrays of text, made of words and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from haiguan.transforms.simulation.draws import Ids

Text: TypeAlias = pa.Array


def words(of: Sequence[str], index: Ids | np.ndarray) -> Text:
    """The word at each index."""
    return pa.array(of, pa.string()).take(pa.array(index))


def whole(numbers: Ids | np.ndarray) -> Text:
    """Whole numbers in digits."""
    return pa.array(numbers).cast(pa.string())


def decimal(units: Ids, decimals: int) -> Text:
    """Numbers of so many decimals, told in units of the last one, without zeros at the end."""
    head, rest = np.divmod(units, 10**decimals)
    fractions = [f".{number:0{decimals}d}".rstrip("0").rstrip(".") for number in range(10**decimals)]
    return joined(whole(head), words(fractions, rest))


def joined(*parts: Text | str, between: str = "") -> Text:
    """Texts put together, row by row."""
    return pc.binary_join_element_wise(*parts, between)


def padded(digits: Text, length: int) -> Text:
    """Digits with zeros before them up to a length."""
    return pc.utf8_lpad(digits, width=length, padding="0")


def where(condition: np.ndarray, then: Text, otherwise: Text) -> Text:
    """One text or the other, row by row."""
    return pc.if_else(pa.array(condition), then, otherwise)


def replaced(text: Text, rows: Ids | np.ndarray, values: Sequence[str]) -> Text:
    """The text with other values in some rows, which are in ascending order."""
    if not len(rows):
        return text
    mask = np.zeros(len(text), dtype=bool)
    mask[rows] = True
    return pc.replace_with_mask(text, pa.array(mask), pa.array(values, pa.string()))
