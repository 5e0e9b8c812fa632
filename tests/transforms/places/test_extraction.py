"""Places of many texts at once: what the gazetteer says of each, in its own year."""

from __future__ import annotations

import pandas as pd
import pytest

from haiguan.transforms.places.divisions import PlaceSettings
from haiguan.transforms.places.extraction import with_place_code

DIVISIONS = pd.DataFrame(
    {
        "place_code": ["320000", "320500", "320584", "320509"],
        "first_year": [1980, 1980, 1980, 2012],
        "last_year": [2100, 2100, 2011, 2100],
        "place_name": ["江苏省", "苏州市", "吴江市", "吴江区"],
        "place_level": [1, 2, 3, 3],
        "parent_code": [None, "320000", "320500", "320500"],
        "place_labels": [["江苏省", "江苏"], ["苏州市", "苏州"], ["吴江市", "吴江"], ["吴江区"]],
    }
)
TEXTS = [
    (2003, "吴江市盛泽镇", False, None, "320584"),
    (2013, "吴江市盛泽镇", False, None, "320500"),
    (2013, "苏州吴江区", False, "3201", "320509"),
    (2003, "3205", True, None, "320500"),
    (2003, "3201", True, None, "320000"),
    (2003, "人民路1号", False, "3205", None),
]


@pytest.mark.parametrize("partitions", [1, 4])
def test_texts_are_placed_whatever_the_partitions(spark, places: PlaceSettings, partitions):
    frame = spark.createDataFrame(
        [text[:4] for text in TEXTS], "year int, text string, is_code boolean, seat_digits string"
    )
    placed = with_place_code(frame.repartition(partitions), DIVISIONS, places).collect()
    found = {(row.year, row.text): row.place_code for row in placed}
    assert found == {(year, text): code for year, text, _, _, code in TEXTS}
