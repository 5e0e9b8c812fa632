"""Stata files with Chinese names of variables, in formats whose text has an encoding of its own."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

_WRITTEN_AS = {113: 114, 115: 114}  # formats that pandas cannot write -> the one that they are made of
_WIDTHS = {114: 33, 117: 33, 118: 129, 119: 129}  # bytes of a variable's name in the header


def write_stata(path: Path, frame: pd.DataFrame, version: int, encoding: str, **options) -> Path:
    """A .dta file as Stata in that encoding would have written it.

    pandas writes names in ASCII and text before format 118 in Latin 1: so it is given the bytes as Latin 1, and the
    names are put in their place afterwards.

    Args:
        path: of the file.
        frame: its variables.
        version: 113, 114, 115, 117, 118 or 119.
        encoding: of names, texts and value labels.
        options: of `DataFrame.to_stata`; dictionaries have variables as keys, lists are of variables.
    """
    written_as = _WRITTEN_AS.get(version, version)
    stand_ins = {name: f"stand_in_{position:02d}" for position, name in enumerate(frame.columns)}
    raw = frame if version >= 118 else frame.assign(**frame.select_dtypes("object").map(_as_latin_1, encoding=encoding))
    renamed = {key: _renamed(of, stand_ins, encoding) for key, of in options.items()}
    raw.rename(columns=stand_ins).to_stata(path, version=written_as, write_index=False, **renamed)
    data = path.read_bytes()
    for name, stand_in in stand_ins.items():
        width = _WIDTHS[written_as]
        data = data.replace(stand_in.encode().ljust(width, b"\0"), name.encode(encoding).ljust(width, b"\0"))
    path.write_bytes(_older(data, version, len(frame.columns)))
    return path


def _renamed(option: object, stand_ins: dict[str, str], encoding: str) -> object:
    """An option of `to_stata` by the stand-ins of the variables."""
    if isinstance(option, list):
        return [stand_ins[name] for name in option]
    if not isinstance(option, dict):
        return option
    return {stand_ins[name]: _labels(what, encoding) for name, what in option.items()}


def _labels(what: object, encoding: str) -> object:
    """Value labels as the texts of the frame; in UTF-8 the formats hold them as they are."""
    if not isinstance(what, dict) or encoding == "UTF-8":
        return what
    return {number: _as_latin_1(label, encoding) for number, label in what.items()}


def _older(data: bytes, version: int, variables: int) -> bytes:
    """Format 115 differs from 114 in its number alone, 113 also in display formats of 12 bytes in place of 49."""
    if version not in _WRITTEN_AS:
        return data
    number = bytes([version])
    if version == 115:
        return number + data[1:]
    # number, byte order and kind, variables, rows, label and time; types, names, order of sorting
    formats = 109 + variables + 33 * variables + 2 * (variables + 1)
    short = b"".join(data[formats + 49 * place : formats + 49 * place + 12] for place in range(variables))
    return number + data[1:formats] + short + data[formats + 49 * variables :]


def _as_latin_1(value: object, encoding: str) -> object:
    return value.encode(encoding).decode("latin-1") if isinstance(value, str) else value
