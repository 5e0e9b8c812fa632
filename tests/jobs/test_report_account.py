"""Laws of an account: it adds up exactly where what came in is what was published, rejected, summed up and left out."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from haiguan.jobs.reporting.account import accounts
from haiguan.jobs.reporting.record import PublishedSlice, Record, Run
from haiguan.jobs.runtime.graph import build_graph
from haiguan.jobs.runtime.stages import STAGES

NOW = datetime(2004, 1, 1, tzinfo=timezone.utc)
TABLE, SOURCE = "core_customs__annual_flows", "core_customs__declarations"
GRAPH = build_graph(STAGES)

RECORDS = st.integers(0, 10**9)
CENTS = st.integers(0, 10**15)
PART = st.tuples(RECORDS, CENTS)


def usd(cents: int) -> Decimal:
    return Decimal(cents) / 100


def record_of(came: tuple[int, int], parts: dict[tuple[str, str], tuple[int, int]], out: tuple[int, int]) -> Record:
    entries = {("in", ""): came, **parts, ("out", ""): out}
    ledger = [
        {
            "table_name": TABLE,
            "slice_id": "year=2004",
            "step": step,
            "rule": rule,
            "records": n,
            "amount_usd": usd(cents),
        }
        for (step, rule), (n, cents) in entries.items()
    ]
    slices = {
        table: {"year=2004": PublishedSlice(table, "year=2004", 1, n, usd(cents), "new", "run", "code", NOW)}
        for table, (n, cents) in ((SOURCE, came), (TABLE, out))
    }
    return Record(Run("run", "haiguan run", NOW, 1.0, 0, "code", {}), [], slices, ledger, [])


@given(
    quarantined=st.dictionaries(st.sampled_from("abc"), PART),
    dropped=st.dictionaries(st.sampled_from("xyz"), PART),
    merged=RECORDS,
    flagged=PART,
    rounded=st.integers(-(10**6), 10**6),
    out=PART,
    missing=st.integers(-5, 5),
    missing_cents=st.integers(-5, 5),
)
def test_what_is_left_over_is_what_is_missing(
    quarantined, dropped, merged, flagged, rounded, out, missing, missing_cents
):
    parts = {("quarantined", rule): part for rule, part in quarantined.items()}
    parts |= {("dropped", rule): part for rule, part in dropped.items()}
    parts[("merged", "")] = (merged, 0)
    away = [sum(part[place] for part in parts.values()) for place in (0, 1)]
    came = (away[0] + out[0] + missing, away[1] + out[1] + rounded + missing_cents)
    beside = {("flagged", "odd"): flagged, ("rounded", "rounding"): (1, rounded)}
    (account,) = accounts(record_of(came, {**parts, **beside}, out), GRAPH)
    (balance,) = account.balances
    assert (balance.records, balance.amount) == (missing, usd(missing_cents))
    assert len(account.faults) == bool(missing) + bool(missing_cents)
    assert account.is_checked


def test_rows_added_by_splitting_are_on_the_side_of_what_came_in():
    (account,) = accounts(record_of((5, 700), {("split", ""): (3, 0), ("quarantined", "a"): (1, 100)}, (7, 600)), GRAPH)
    assert account.balances[0].is_zero


@given(came=PART, out=PART)
def test_every_number_of_the_ledger_is_in_the_account(came, out):
    (account,) = accounts(record_of(came, {("dropped", "a rule"): (3, 7)}, out), GRAPH)
    assert [(line.step, line.cells) for line in account.lines] == [
        ("in", ((came[0], usd(came[1])),)),
        ("dropped", ((3, usd(7)),)),
        ("out", ((out[0], usd(out[1])),)),
    ]
