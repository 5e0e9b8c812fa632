"""Tables of HS codes: each kind known by its headings, the published ones whole, anything else a sentence."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from haiguan.jobs.runtime.hs_tables import hs_tables
from haiguan.transforms.errors import InputError
from haiguan.transforms.products.concordance import WHOLE, billionths, chained, core_products__concordance
from haiguan.transforms.products.families import families


def _links(found):
    names = ["source_revision", "source_code", "target_revision", "target_code", "kind"]
    return [tuple(row) for row in found.published.links[names].to_numpy().tolist()]


@pytest.mark.parametrize("packed", [False, True])
def test_a_classification_tells_the_codes_of_its_revision(tmp_path, packed):
    entries = [{"id": "TOTAL", "text": "all"}, {"id": "01", "text": "01 - A"}, {"id": "010111", "text": "010111 - H"}]
    data = json.dumps({"classCode": "H3", "results": entries}).encode("utf-8-sig")
    path = tmp_path / ("classificationH3.json.gz" if packed else "classificationH3.json")
    path.write_bytes(gzip.compress(data) if packed else data)
    assert hs_tables(str(path)).codes == (("HS2007", "010111", "H"),)


def test_a_workbook_of_the_united_nations_holds_two_tables(tmp_path):
    book = openpyxl.Workbook()
    correlation, conversion = book.active, book.create_sheet("Conversion")
    for row in (
        ["Between"],
        ["HS 2012", "ex", "HS 2007", "Relationship"],
        ["010121", "ex", "010110", "n:n"],
        ["030111"],
    ):
        correlation.append(row)
    for row in (["From HS 2012", "To HS 2007"], ["010121", "010110"], [30111.0, "030110"]):
        conversion.append(row)
    book.save(tmp_path / "HS2012to2007.xlsx")
    found = hs_tables(str(tmp_path))
    assert _links(found) == [
        ("HS2012", "010121", "HS2007", "010110", "correlation"),
        ("HS2012", "010121", "HS2007", "010110", "conversion"),
        ("HS2012", "030111", "HS2007", "030110", "conversion"),
    ]
    assert found.published.links.is_padded.tolist() == [False, False, True]
    assert found.published.incomplete == {"HS2012to2007.xlsx": 1}
    assert found.codes[0] == ("HS2007", "010110", None)


def test_estimated_weights_get_their_zeros_back_and_count_them(tmp_path):
    (tmp_path / "weights.csv").write_text("H4,H3,weight,group_id\n10121,10110,0.25,1\n10121,010111,.75,1\n1,2,0,9\n")
    links = hs_tables(str(tmp_path)).published.links
    assert links[["source_code", "target_code", "weight"]].to_numpy().tolist() == [
        ["010121", "010110", 0.25],
        ["010121", "010111", 0.75],
    ]
    assert links.is_padded.all()


def test_a_table_of_the_users_own_says_pairs_or_weights(tmp_path):
    (tmp_path / "own.csv").write_text(
        "source_revision,source_code,target_revision,target_code,weight\n"
        "HS2022,010121,HS2017,010121,\nHS2022,010129,HS2017,010129,\nH6,010129,H5,010130,\nHS2017,010121,HS2022,010121,1\n"
    )
    assert _links(hs_tables(str(tmp_path))) == [
        ("HS2017", "010121", "HS2022", "010121", "weights"),
        ("HS2022", "010121", "HS2017", "010121", "correlation"),
        ("HS2022", "010129", "HS2017", "010129", "correlation"),
        ("HS2022", "010129", "HS2017", "010130", "correlation"),
        ("HS2022", "010121", "HS2017", "010121", "conversion"),  # 010129 has two targets, so none by conversion
    ]


def test_attributes_by_code_come_from_three_kinds_of_tables(tmp_path):
    (tmp_path / "bec.csv").write_text("\ufeffHS2007,BEC\n0101.10,41\n0101.10,111\n,\n", encoding="utf-8")
    (tmp_path / "isic.csv").write_bytes(
        b"HS 1996 Product Code,HS 1996 Product Description,ISIC Revision 3 Product Code,x\n010111,caf\x82,0121,y\n"
    )
    (tmp_path / "own.csv").write_text("hs_revision,product_code,rauch,sigma\nHS2007,010110,r,\nHS2007,010190,n,3.5\n")
    found = hs_tables(str(tmp_path)).published.attributes
    assert found[["hs_revision", "product_code", "attribute", "attribute_code"]].to_numpy().tolist() == [
        ["HS2007", "010110", "bec", "41"],
        ["HS2007", "010110", "bec", "111"],
        ["HS1996", "010111", "isic3", "0121"],
        ["HS2007", "010110", "rauch", "r"],
        ["HS2007", "010190", "rauch", "n"],
        ["HS2007", "010190", "sigma", "3.5"],
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "prices.csv",
            "code,price\n1,2\n",
            r"prices.csv: its headings \(code \| price\) are of no table that is known",
        ),
        ("notes.docx", "x", r"notes.docx: the ending says no format that is read"),
        ("classificationH3.json", "{", r"classificationH3.json: cannot be read \(JSONDecodeError"),
        ("classificationH3.json", "{}", r"classificationH3.json: cannot be read \(KeyError"),
        ("broken.xlsx", "x", r"broken.xlsx: cannot be read \(BadZipFile"),
        ("broken.xls", "x", r"broken.xls: cannot be read \(XLRDError"),
        (
            "own.csv",
            "source_revision,source_code,target_revision,target_code,kind\nHS1997,010101,HS1996,010101,\n",
            r"own.csv, line 2: source_revision `HS1997` must be one of HS1992, HS1996",
        ),
        (
            "own.csv",
            "source_revision,source_code,target_revision,target_code\nHS2002,0101,HS1996,010101\n",
            r"own.csv, line 2: `0101` is no code of six digits",
        ),
        ("w.csv", "H4,H3,weight\n010101,010101,7\n", r"w.csv, line 2: weight `7` is no share between 0 and 1"),
    ],
)
def test_any_other_file_is_a_sentence(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=f"^inputs.hs_tables: .*{message}"):
        hs_tables(str(tmp_path))


def test_a_path_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match=r"inputs.hs_tables: .*nowhere: no such file, and no file in it"):
        hs_tables([str(tmp_path / "nowhere")])


def test_the_embedded_pack_converts_every_later_code_to_one_of_its_own():
    """But for monetary gold and coin, which the tables of the UN Statistics Division leave out in HS2002."""
    pack = hs_tables(None)
    known = {(revision, code) for revision, code, _ in pack.codes}
    assert len(known) == len(pack.codes)
    made = core_products__concordance(pack.published.links)
    conversion = made[made.method == "conversion"]
    assert {*zip(made.target_revision, made.target_code, strict=True)} <= known
    for source, target in {*zip(conversion.source_revision, conversion.target_revision, strict=True)}:
        rows = conversion[(conversion.source_revision == source) & (conversion.target_revision == target)]
        lacking = {"710820", "711890"} if source == "HS2002" else set()
        assert set(rows.source_code) == {code for revision, code in known if revision == source} - lacking
    assert {"1:1", "n:1", "1:n", "n:n"} == set(made.relation)
    (after,) = conversion[(conversion.source_revision == "HS2007") & (conversion.source_code == "848620")].query(
        "target_revision == 'HS2002'"
    )["target_code"]
    assert after == "847989"


@pytest.fixture(scope="module")
def united_nations(real_data):
    return hs_tables(str(real_data / "hs" / "unsd"))


@pytest.fixture(scope="module")
def growth_lab(real_data):
    return hs_tables(str(real_data / "hs" / "growthlab_weights"))


#    later     earlier   codes, pairs, with one target, one-to-one; in conversion
PAIRS = [
    ("HS1996", "HS1992", 5113, 5426, 4914, 4570, 5130),
    ("HS2002", "HS1992", 5224, 5933, 4893, 4260, 5223),
    ("HS2002", "HS1996", 5224, 5611, 5076, 4744, 5223),
    ("HS2007", "HS1992", 5052, 6367, 4496, 3706, 5052),
    ("HS2007", "HS1996", 5052, 6053, 4649, 4080, 5052),
    ("HS2007", "HS2002", 5052, 5664, 4764, 4471, 5052),
    ("HS2012", "HS1992", 5205, 6737, 4556, 3549, 5206),
    ("HS2012", "HS1996", 5205, 6420, 4709, 3899, 5206),
    ("HS2012", "HS2002", 5205, 6025, 4815, 4258, 5206),
    ("HS2012", "HS2007", 5205, 5364, 5113, 4785, 5205),
    ("HS2017", "HS1992", 5387, 7862, 4664, 3332, 5388),
    ("HS2017", "HS1996", 5387, 7468, 4812, 3659, 5388),
    ("HS2017", "HS2002", 5387, 7073, 4914, 3966, 5388),
    ("HS2017", "HS2007", 5387, 6323, 5216, 4417, 5388),
    ("HS2017", "HS2012", 5388, 6141, 5322, 4744, 5388),
]
WEIGHTED = [
    ("HS1996", "HS2002", 5116, 5620, 4894, 4745),
    ("HS2002", "HS1996", 5225, 5620, 5073, 4745),
    ("HS2002", "HS2007", 5225, 5665, 4935, 4472),
    ("HS2007", "HS2002", 5053, 5665, 4765, 4472),
    ("HS2007", "HS2012", 5053, 5366, 4891, 4786),
    ("HS2012", "HS2007", 5206, 5366, 5113, 4786),
    ("HS2012", "HS2017", 5206, 6141, 4788, 4744),
    ("HS2017", "HS2012", 5388, 6141, 5322, 4744),
]


def _counted(links: pd.DataFrame, kind: str) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    """By pair of revisions: codes, pairs of codes, codes with one target, pairs of codes that have only each other."""
    found = {}
    for key, rows in links[links.kind == kind].groupby(["source_revision", "target_revision"]):
        targets = rows.source_code.map(rows.groupby("source_code").size())
        sources = rows.target_code.map(rows.groupby("target_code").size())
        is_alone = targets == 1
        both = int((is_alone & (sources == 1)).sum())
        found[key] = (rows.source_code.nunique(), len(rows), int(is_alone.sum()), both)
    return found


@pytest.mark.real_data
def test_every_table_of_the_united_nations_is_loaded_whole(united_nations):
    """Counted in the workbooks themselves, as lines with two codes."""
    links = united_nations.published.links
    assert _counted(links, "correlation") == {(later, earlier): tuple(counts[:4]) for later, earlier, *counts in PAIRS}
    assert {key: counts[:2] for key, counts in _counted(links, "conversion").items()} == {
        (later, earlier): (converted, converted) for later, earlier, *_, converted in PAIRS
    }
    assert united_nations.published.incomplete == {"HS 2012 to HS 1992 Correlation and conversion tables.xls": 2}


@pytest.mark.real_data
def test_the_concordance_calls_the_same_codes_one_to_one(united_nations):
    made = core_products__concordance(united_nations.published.links)
    is_alone = (made.method == "correlation") & ~made.is_forward & made.is_direct & (made.relation == "1:1")
    found = made[is_alone].groupby(["source_revision", "target_revision"]).size().to_dict()
    assert found == {(later, earlier): counts[3] for later, earlier, *counts in PAIRS}


@pytest.mark.real_data
def test_every_table_of_estimated_weights_is_loaded_whole(growth_lab):
    """Counted in the files themselves, as lines with a weight above nought."""
    found = _counted(growth_lab.published.links, "weights")
    assert found == {(source, target): tuple(counts) for source, target, *counts in WEIGHTED}


def test_the_guide_has_the_pairs_of_revisions_as_counted():
    """Codes, pairs, shares of codes with one target and of codes that are one-to-one."""
    rows = [
        f"| {source} | {target} | {codes:,} | {pairs:,} | {single / codes:.1%} | {both / codes:.1%} |".replace(
            "%", " %"
        )
        for source, target, codes, pairs, single, both, *_ in [*PAIRS, *WEIGHTED]
    ]
    guide = (Path(__file__).parents[3] / "docs" / "harmonise.md").read_text(encoding="utf-8")
    assert [row for row in rows if row not in guide] == []


@pytest.mark.real_data
def test_the_estimated_weights_chained_to_1996_are_as_measured(growth_lab):
    """HS2012 to HS1996: 5,206 codes, 6,432 pairs, 90.4 % with one target, 502 split, 38 targets at most."""
    links = growth_lab.published.links
    step = dict(iter(links.groupby(["source_revision", "target_revision"])))
    table = chained(step, ("HS2012", "HS2007", "HS2002", "HS1996"))
    targets = table.groupby("source_code").size()
    assert (len(table), len(targets), (targets > 1).sum(), targets.max()) == (6432, 5206, 502, 38)
    assert round((targets == 1).mean(), 3) == 0.904
    assert (billionths(table).groupby(table.source_code).sum() == WHOLE).all()
    padded = links[links.is_padded].groupby(["source_revision", "target_revision"]).source_code.nunique()
    assert padded.to_dict() == {
        ("HS1996", "HS2002"): 340,
        ("HS2002", "HS1996"): 372,
        ("HS2002", "HS2007"): 371,
        ("HS2007", "HS2002"): 380,
        ("HS2007", "HS2012"): 292,
        ("HS2012", "HS2007"): 438,
        ("HS2012", "HS2017"): 406,
        ("HS2017", "HS2012"): 439,
    }


@pytest.mark.real_data
def test_families_over_1996_to_2012_are_as_measured(growth_lab):
    """4,313 components, 4,054 of them with a single code of HS1996, the largest with 120 of those."""
    links = growth_lab.published.links
    used = links[(links.source_revision < "HS2017") & (links.target_revision < "HS2017")]
    made = families(used)
    in_1996 = made[made.hs_revision == "HS1996"].groupby("family_code").size()
    assert (made.family_code.nunique(), (in_1996 == 1).sum(), in_1996.max()) == (4313, 4054, 120)
    largest = made[made.family_code == in_1996.idxmax()]
    assert largest.is_linking.any()


@pytest.mark.real_data
def test_semiconductor_machines_go_where_the_published_tables_say(united_nations, growth_lab):
    """HS 848620 of 2007: one code by conversion, many by correlation and in both directions, four by weights."""
    links = pd.concat([united_nations.published.links, growth_lab.published.links], ignore_index=True)
    made = core_products__concordance(links)
    rows = made[(made.source_code == "848620") & (made.source_revision == "HS2007")]
    back = rows[rows.target_revision == "HS2002"]
    assert back[back.method == "conversion"].target_code.tolist() == ["847989"]
    correlated = back[back.method == "correlation"]
    assert len(correlated) > 10
    assert "n:n" in set(correlated.relation)
    weighted = rows[(rows.target_revision == "HS1996") & (rows.method == "weights")]
    assert weighted.target_code.tolist() == ["845691", "854311", "901042", "901049"]
    assert weighted.weight.sum() == 1
    assert not made.duplicated(["source_revision", "source_code", "target_revision", "target_code", "method"]).any()
    whole = made.groupby(["source_revision", "source_code", "target_revision", "method"]).weight.sum()
    assert (whole == 1).all()


@pytest.mark.real_data
def test_monetary_gold_and_coin_of_2002_have_no_target_in_the_published_tables(united_nations):
    known = {code for revision, code, _ in united_nations.codes if revision == "HS2002" and code != "999999"}
    links = united_nations.published.links
    converted = links[(links.kind == "conversion") & (links.source_revision == "HS2002")]
    to_1996 = set(converted.source_code[converted.target_revision == "HS1996"])
    assert known - to_1996 == {"710820", "711890"}
