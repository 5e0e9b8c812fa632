"""The body of `haiguan estimate`: a specification and a panel in, the files of one regression table out."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
import yaml
from deltalake import DeltaTable
from matplotlib.figure import Figure

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.drawn_figures import draw_figures
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.plot import as_png, as_svg, in_style
from haiguan.transforms.estimators.regression_table import regression_table
from haiguan.transforms.estimators.specification import Table, columns_read, read_table
from haiguan.transforms.estimators.table_formats import files_of

READABLE = "CSV (.csv, .csv.gz), Parquet (.parquet), Stata (.dta) or a Delta folder"


def run_specification(spec: Path, data: Path, out: Path, provenance: Mapping[str, str] | None = None) -> list[Path]:
    """Estimates one regression table and writes it as CSV, LaTeX, HTML, JSON and Markdown, its figures as SVG and PNG.

    Args:
        spec: YAML file, as transforms/estimators/specification.py declares it.
        data: the panel: CSV, Parquet, Stata .dta or a Delta folder.
        out: folder for the files, made if need be.
        provenance: what the notes add to the name and version of the data, such as the code revision.

    Returns:
        The files written, in the order csv, tex, html, json, md, then SVG and PNG of each figure.

    Raises:
        InputError: all faults of the specification or of its columns.
    """
    table = read_specification(spec)
    frame = read_panel(data, columns_read(table))
    printed = regression_table(table, frame, {"data": version_of(data), **(provenance or {})})
    drawn = draw_figures(table, frame, printed.columns)
    out.mkdir(parents=True, exist_ok=True)
    tables = [_written(out / name, text) for name, text in files_of(printed).items()]
    return tables + [path for name, figure in drawn.items() for path in _drawn(out / f"{table.table}_{name}", figure)]


def _drawn(stem: Path, figure: Figure) -> list[Path]:
    with in_style():
        svg = _written(stem.with_name(f"{stem.name}.svg"), as_svg(figure))
        png = stem.with_name(f"{stem.name}.png")
        png.write_bytes(as_png(figure))
    return [svg, png]


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def read_specification(spec: Path) -> Table:
    """The table that a YAML file declares.

    Raises:
        InputError: no such file, no YAML, no mapping, or faults of its content.
    """
    try:
        content = yaml.safe_load(spec.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{spec}: cannot be read ({error.strerror}); name a YAML file.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{spec}: is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise InputError(f"{spec}: must hold keys and values (table, outcome, columns, ...).")
    return read_table(content, str(spec))


def read_panel(data: Path, wanted: Collection[str]) -> pd.DataFrame:
    """The wanted columns of a panel; decimals become floating point.

    Raises:
        InputError: no such file, one of an unknown ending, or columns that it does not have.
    """
    if not data.exists():
        raise InputError(f"{data}: no such file or folder.")
    endings = "".join(data.suffixes).lower()
    if data.is_dir():
        return _from_delta(data, wanted)
    if endings.endswith((".csv", ".csv.gz")):
        return _from_csv(data, wanted)
    if endings.endswith(".parquet"):
        return _from_parquet(data, wanted)
    if endings.endswith(".dta"):
        return _from_stata(data, wanted)
    raise InputError(f"{data}: cannot tell its format; it must be {READABLE}.")


def _present(data: Path, wanted: Collection[str], known: Sequence[str]) -> list[str]:
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise InputError(*(f"{data}: {unknown_name('column', name, known)}" for name in unknown))
    return [name for name in known if name in wanted]


def _from_csv(data: Path, wanted: Collection[str]) -> pd.DataFrame:
    try:
        known = pd.read_csv(data, nrows=0).columns.to_list()
        return pd.read_csv(data, usecols=_present(data, wanted, known), low_memory=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"{data}: is not a CSV file in UTF-8: {error}") from error


def _from_parquet(data: Path, wanted: Collection[str]) -> pd.DataFrame:
    try:
        known = pq.read_schema(data).names
    except pa.ArrowInvalid as error:
        raise InputError(f"{data}: is not a Parquet file: {error}") from error
    return _to_pandas(pq.read_table(data, columns=_present(data, wanted, known)))


def _from_stata(data: Path, wanted: Collection[str]) -> pd.DataFrame:
    try:
        known = pyreadstat.read_dta(data, metadataonly=True)[1].column_names
        return pyreadstat.read_dta(data, usecols=_present(data, wanted, known))[0]
    except (pyreadstat.ReadstatError, UnicodeDecodeError) as error:
        raise InputError(f"{data}: is not a Stata file, or a damaged one: {error}") from error


def _from_delta(data: Path, wanted: Collection[str]) -> pd.DataFrame:
    if not DeltaTable.is_deltatable(str(data)):
        raise InputError(f"{data}: is a folder but no Delta table; give {READABLE}.")
    source = DeltaTable(str(data)).to_pyarrow_dataset()
    return _to_pandas(source.to_table(columns=_present(data, wanted, source.schema.names)))


def _to_pandas(table: pa.Table) -> pd.DataFrame:
    fields = [field.with_type(pa.float64()) if pa.types.is_decimal(field.type) else field for field in table.schema]
    return table.cast(pa.schema(fields)).to_pandas()


def version_of(data: Path) -> str:
    """The panel's name with its Delta version, or with the beginning of the file's SHA-256."""
    if data.is_dir():
        return f"{data.name} version {DeltaTable(str(data)).version()}"
    digest = hashlib.sha256()
    with data.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return f"{data.name} SHA-256 {digest.hexdigest()[:12]}"
