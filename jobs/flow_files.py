"""Tables of flows in and out: CSV, Parquet, Stata or Delta by their ending, through DuckDB, never whole in memory.

A .dta file is the exception: it is read and written whole.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pyreadstat
from deltalake import DeltaTable, write_deltalake

from haiguan.jobs.analyst.export import Facts, write_rows
from haiguan.jobs.analyst.query import quoted, scan
from haiguan.transforms.errors import InputError

ENDINGS = ".csv, .csv.gz, .parquet, .dta, or none for a Delta folder"
_BATCH = 131_072


def check_target(out: Path, flows: Path) -> None:
    """Refuses a file that cannot be written, before any work is done.

    Raises:
        InputError: an unknown ending, no such folder, or the file that is read.
    """
    if out.suffix.lower() not in ("", ".csv", ".parquet", ".dta"):
        raise InputError(f"--out {out}: the ending says the format: .csv, .parquet, .dta, or none for a Delta folder")
    if not out.parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {out.parent}; make it, or name another file")
    if out.resolve() == flows.resolve():
        raise InputError(f"--out {out}: this is the table that is read; name another one")
    if not out.suffix and out.exists() and not DeltaTable.is_deltatable(str(out)):
        raise InputError(f"--out {out}: this is there and no Delta folder; name another one, or a file by its ending")


def beside(out: Path, what: str) -> Path:
    """The file or folder beside `out` that holds something else of it: flows.csv -> flows.unmapped.csv."""
    return out.with_name(f"{out.name.removesuffix(out.suffix)}.{what}{out.suffix}")


@contextlib.contextmanager
def opened(connection: duckdb.DuckDBPyConnection, flows: Path, scratch: Path) -> Iterator[str]:
    """The table as SQL that can stand after FROM; every column of a CSV file is text.

    Raises:
        InputError: no such file, an unknown ending, or not what the ending says.
    """
    if not flows.exists():
        raise InputError(f"{flows}: no such file or folder; correct the path")
    try:
        source = _source(flows, scratch)
        connection.execute(f"DESCRIBE FROM {source}")
        yield source
    except (duckdb.Error, pyreadstat.ReadstatError, pyreadstat.PyreadstatError, UnicodeDecodeError) as error:
        raise InputError(f"{flows}: cannot be read as its ending says: {' '.join(str(error).split())[:300]}") from error


def _source(flows: Path, scratch: Path) -> str:
    name = flows.name.lower()
    if flows.is_dir() and DeltaTable.is_deltatable(str(flows)):
        return scan(flows)
    if name.endswith((".csv", ".csv.gz")):
        return f"read_csv({quoted(str(flows))}, all_varchar = true, header = true, nullstr = '')"
    if name.endswith(".parquet"):
        return f"read_parquet({quoted(str(flows))})"
    if name.endswith(".dta"):
        return f"read_parquet({quoted(str(_from_stata(flows, scratch)))})"
    raise InputError(f"{flows}: cannot tell its format; it must be one of {ENDINGS}")


def _from_stata(flows: Path, scratch: Path) -> Path:
    frame = pyreadstat.read_dta(flows)[0]
    whole = [name for name in frame.select_dtypes("floating") if (frame[name].dropna() % 1 == 0).all()]
    path = scratch / "from_stata.parquet"
    frame.assign(**{name: frame[name].astype("Int64") for name in whole}).to_parquet(path, index=False)
    return path


def write(connection: duckdb.DuckDBPyConnection, query: str, out: Path, title: str, is_folder: bool) -> int:
    """Writes the rows that a query gives to a file, or as a version of a Delta folder; returns their number.

    Raises:
        InputError: a format that does not hold a column.
    """
    rows = connection.sql(query)
    if not is_folder:
        return write_rows(rows, out, Facts(title=title, made_at=None, metadata={})).rows
    write_deltalake(str(out), rows.to_arrow_reader(_BATCH), mode="overwrite", schema_mode="overwrite")
    return connection.sql(f"SELECT count(*) FROM ({query})").fetchall()[0][0]


def table(connection: duckdb.DuckDBPyConnection, query: str) -> pd.DataFrame:
    """A small result as a pandas frame, decimals as they are."""
    return connection.sql(query).to_arrow_table().to_pandas()
