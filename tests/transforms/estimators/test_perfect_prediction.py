"""Which cells are dropped because the outcome never varies in them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from haiguan.transforms.estimators.perfect_prediction import drop_perfectly_predicted, separating_columns


def test_dropping_a_cell_can_leave_another_without_variation() -> None:
    outcome = np.array([0, 1, 0, 1, 1, 1, 0, 1, 0], dtype=float)
    city = pd.Categorical(["a", "a", "a", "a", "b", "b", "c", "c", "c"])
    year = pd.Categorical(["1", "1", "1", "1", "2", "1", "2", "2", "2"])
    period = pd.Categorical(["x", "x", "x", "x", "y", "y", "x", "y", "x"])
    dropped = drop_perfectly_predicted(outcome, {"city": city, "year": year, "period": period})
    # b is always 1, and so is period y from the start; without its rows, all that is left of year 2 is zero
    assert dropped.kept.tolist() == [True] * 4 + [False] * 5
    assert dropped.cells.to_numpy().tolist() == [
        ["city", "b", 1, 2],
        ["period", "y", 1, 3],
        ["city", "c", 0, 2],
        ["year", "2", 0, 2],
    ]
    assert dropped.sentences("entry")[0] == (
        "4 observations dropped: entry never varies where city is b (always 1), c (always 0)."
    )


def test_many_cells_are_counted_not_listed() -> None:
    firms = pd.Categorical([f"f{i}" for i in range(8)])
    sentence = drop_perfectly_predicted(np.ones(8), {"firm": firms}).sentences("entry")[0]
    assert sentence.startswith("8 observations dropped")
    assert sentence.endswith("f4 (always 1) and 3 more.")


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40), st.randoms())
def test_what_stays_varies_and_does_not_depend_on_order(rows: list[tuple[bool, int, int]], shuffler) -> None:
    def kept(rows: list[tuple[int, bool, int, int]]) -> set[int]:
        outcome = np.array([row[1] for row in rows], dtype=float)
        cells = {name: pd.Categorical([str(row[j]) for row in rows]) for name, j in (("a", 2), ("b", 3))}
        mask = drop_perfectly_predicted(outcome, cells).kept
        for values in cells.values():
            shares = pd.Series(outcome[mask]).groupby(np.asarray(values)[mask]).mean()
            assert shares.between(0, 1, inclusive="neither").all()
        return {row[0] for row, stays in zip(rows, mask, strict=True) if stays}

    numbered = [(i, *row) for i, row in enumerate(rows)]
    shuffled = numbered.copy()
    shuffler.shuffle(shuffled)
    assert kept(numbered) == kept(shuffled)


def test_a_threshold_with_ties_separates_too() -> None:
    outcome = np.array([0, 0, 1, 1], dtype=float)
    columns = {
        "complete": np.array([1.0, 2.0, 3.0, 4.0]),
        "falling": np.array([4.0, 3.0, 2.0, 1.0]),
        "tied": np.array([1.0, 2.0, 2.0, 3.0]),
        "overlapping": np.array([1.0, 3.0, 2.0, 4.0]),
    }
    assert separating_columns(outcome, columns) == ["complete", "falling", "tied"]
