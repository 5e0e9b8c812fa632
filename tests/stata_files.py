"""Stata files with Chinese names of variables, in formats whose text has an encoding of its own."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

_WIDTHS = {114: 33, 117: 33, 118: 129, 119: 129}  # bytes of a variable's name in the header


def write_stata(path: Path, frame: pd.DataFrame, version: int, encoding: str, **options) -> Path:
    """A .dta file as Stata in that encoding would have written it.

    pandas writes names in ASCII and text before format 118 in Latin 1: so it is given the bytes as Latin 1, and the
    names are put in their place afterwards.
    """
    stand_ins = {name: f"stand_in_{position:02d}" for position, name in enumerate(frame.columns)}
    raw = frame if version >= 118 else frame.map(lambda value: _as_latin_1(value, encoding))
    renamed = {key: {stand_ins[name]: what for name, what in of.items()} for key, of in options.items()}
    raw.rename(columns=stand_ins).to_stata(path, version=version, write_index=False, **renamed)
    data = path.read_bytes()
    for name, stand_in in stand_ins.items():
        width = _WIDTHS[version]
        data = data.replace(stand_in.encode().ljust(width, b"\0"), name.encode(encoding).ljust(width, b"\0"))
    path.write_bytes(data)
    return path


def _as_latin_1(value: object, encoding: str) -> object:
    return value.encode(encoding).decode("latin-1") if isinstance(value, str) else value
