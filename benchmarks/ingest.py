"""Customs files in GB18030 to a raw table: Haiguan, DuckDB over a copy in UTF-8, and a plain pandas script.

    python benchmarks/ingest.py [--rows 10000000] [--files 12] [--times 3]

Haiguan also hashes the files, keeps every byte that cannot be read, numbers the lines, and has a gate judge the rows
before they are published; the other two only parse and write, with the name of its file in every row as it has. Each
runs in a process of its own, so many times for its best time, and once for its memory, the largest sum over all
processes that it starts. Ratios say more than the seconds.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from haiguan.jobs.runtime.settings import Settings

HEADINGS = (
    "日期 进口或出口 企业编码 经营单位 企业性质 税号编码 起运国或目的国 金额 数量 数量单位 贸易方式 "
    "单位地址 邮编 电话 消费地或生产地"
)
TABLE = "raw_customs__declarations"
CORES = 2
HEAP = "4g"


def write_files(folder: Path, rows: int, files: int) -> None:
    """Monthly files of 2003 and on, in GB18030, and the same in UTF-8 beside them."""
    for encoding in ("gb18030", "utf-8"):
        (folder / encoding).mkdir()
    for number in range(files):
        year, month = 2003 + number // 12, number % 12 + 1
        text = _lines(np.random.default_rng(number), f"{year}{month:02d}", rows // files)
        for encoding in ("gb18030", "utf-8"):
            path = folder / encoding / f"data{year}{month:02d}.csv"
            path.write_bytes(f"{HEADINGS.replace(' ', ',')}\n{text}".encode(encoding))


def _lines(rng: np.random.Generator, month: str, rows: int) -> str:
    firms = [f"{n:010d},深圳市华兴{n % 977}电子有限公司,外商独资企业" for n in range(4403000000, 4403050000)]
    places = [f"深圳市南山区科技园路{n}号,5180{n:02d},0755{n + 26000000},44031" for n in range(100)]
    firm, place, partner = rng.integers(0, 50_000, rows), rng.integers(0, 100, rows), rng.integers(0, 5, rows)
    product, cents, quantity = rng.integers(1, 97, rows), rng.integers(1, 10**9, rows), rng.integers(1, 10**5, rows)
    partners = ["美国", "日本", "香港", "德国", "韩国"]
    return "".join(
        f"{month},{'进口' if c % 2 else '出口'},{firms[f]},{p:02d}{q % 10**6:06d},{partners[t]},{c / 100},{q},千克,"
        f"{'一般贸易' if c % 3 else '进料加工贸易'},{places[a]}\n"
        for f, a, t, p, c, q in zip(firm, place, partner, product, cents, quantity, strict=True)
    )


def haiguan(folder: Path, out: Path) -> float:
    """The stage as a run does it, from finding the files to the published table, when every core has done it once."""
    _run(out / "warm", folder / "gb18030" / f"data20030[1-{CORES}].csv")
    return _run(out / "timed", folder / "gb18030")


def _run(out: Path, files: Path) -> float:
    from rich.console import Console

    from haiguan.jobs.runtime.run import Request, run

    started = time.perf_counter()
    run(Request("benchmark", targets=(TABLE,)), _settings(out, files), Console(file=io.StringIO()))
    return time.perf_counter() - started


def _settings(out: Path, files: Path) -> Settings:
    from haiguan.jobs.runtime.run import read_settings

    settings = [f"lake={out / 'lake'}", f"reports={out / 'reports'}", f"inputs.customs={files}"]
    return read_settings(None, [*settings, f"spark.master=local[{CORES}]", f"spark.driver_memory={HEAP}"])


def reading(folder: Path, out: Path) -> float:
    """Of that, what compares with the others: the lines parsed and written, without hashes, gate and publishing."""
    _run(out / "warm", folder / "gb18030" / f"data20030[1-{CORES}].csv")
    from pyspark.sql import SparkSession

    from haiguan.jobs.runtime.lake import Lake
    from haiguan.jobs.runtime.sources import open_source
    from haiguan.transforms.schema import TABLES

    source = open_source("customs", _settings(out, folder / "gb18030"), {})
    session, lake = SparkSession.active(), Lake(str(out / "timed"))
    started = time.perf_counter()
    lake.stage(session, source.read(session, list(source.slices.values())), TABLES[TABLE], "benchmark")
    return time.perf_counter() - started


def duckdb(folder: Path, out: Path) -> float:
    """Every field as text, to Parquet."""
    import duckdb as engine

    session = engine.connect(config={"threads": CORES})
    started = time.perf_counter()
    session.execute(
        f"COPY (SELECT * FROM read_csv('{folder}/utf-8/*.csv', all_varchar=true, header=true, filename=true)) "
        f"TO '{out}/duckdb.parquet' (FORMAT parquet, COMPRESSION zstd)"
    )
    return time.perf_counter() - started


def pandas(folder: Path, out: Path) -> float:
    """What a research assistant writes first: read every file, put them together, save them."""
    import pandas as pd

    started = time.perf_counter()
    files = sorted((folder / "gb18030").glob("*.csv"))
    frames = [pd.read_csv(file, encoding="gb18030", dtype=str).assign(file=file.name) for file in files]
    pd.concat(frames).to_parquet(out / "pandas.parquet")
    return time.perf_counter() - started


CONTENDERS = {"haiguan": haiguan, "reading": reading, "duckdb": duckdb, "pandas": pandas}


def measure(name: str, folder: Path, times: int) -> tuple[float, float]:
    """The best of so many times in seconds, and the gigabytes that it and all its processes take at most.

    Memory is that of a run of its own: to ask for it takes time from a large process.
    """
    seconds = min(_started(name, folder, lambda session: 0)[0] for _ in range(times))
    return seconds, _started(name, folder, _kilobytes)[1] / 1e6


def _started(name: str, folder: Path, look: Callable[[int], int]) -> tuple[float, int]:
    """The seconds of a contender in processes of its own, and the largest number seen when looking at them."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, __file__, "--contender", name, "--folder", str(folder), "--out", out]
        started = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
        most = 0
        while started.poll() is None:
            most = max(most, look(started.pid))
            time.sleep(0.1)
        said = started.communicate()[0]
    if started.returncode:
        raise SystemExit(f"{name} failed")
    return json.loads(said.splitlines()[-1]), most


def _kilobytes(session: int) -> int:
    """Of all processes of a session; pages that several share count once."""
    taken = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if int((process / "stat").read_text().rpartition(")")[2].split()[3]) == session:
                lines = (process / "smaps_rollup").read_text().splitlines()
                taken += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except (OSError, StopIteration):
            continue  # it has ended meanwhile
    return taken


def compare(rows: int, files: int, times: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        # in a process of its own, whose memory goes back
        writer = multiprocessing.Process(target=write_files, args=(folder, rows, files))
        writer.start()
        writer.join()
        size = sum(path.stat().st_size for path in (folder / "gb18030").iterdir())
        print(f"{rows:,} rows, {files} files, {size / 1e6:,.0f} MB in GB18030, {CORES} cores")
        found = {name: measure(name, folder, times) for name in CONTENDERS}
    ours = found["haiguan"][0]
    for name, (seconds, memory) in found.items():
        print(f"{name:<8} {seconds:7.2f} s {rows / seconds / 1e6:6.2f} Mrow/s {memory:5.1f} GB {seconds / ours:6.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--files", type=int, default=12)
    parser.add_argument("--times", type=int, default=3, help="the best of so many runs is shown")
    parser.add_argument("--contender", choices=CONTENDERS)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.contender is None:
        compare(arguments.rows, arguments.files, arguments.times)
        return
    print(json.dumps(CONTENDERS[arguments.contender](arguments.folder, arguments.out)))


if __name__ == "__main__":
    main()
