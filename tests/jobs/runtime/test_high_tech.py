"""Lists of high technology: the flag of Schedule B by share of lines, lists of a user's own, or a sentence."""

from __future__ import annotations

import pytest

from haiguan.jobs.runtime.hs_tables import attributes
from haiguan.transforms.errors import InputError
from haiguan.transforms.products.attributes import core_products__attributes

SCHEDULE_B = """\
8486200000    MACHINES FOR SEMICONDUCTORS                  NO              72000     21180     0    333242     06
8479890001    OTHER MACHINES, FIRST                        NO              72000     21180     0    333242     04
8479890002    OTHER MACHINES, SECOND                       NO              72000     21180     0    333242     00
0101210000    HORSES                                       NO              00150     10140     0    112920     00
"""


def _found(tmp_path):
    made = attributes(None, str(tmp_path))
    return {(row.hs_revision, row.product_code, row.attribute): row.attribute_code for row in made.itertuples()}


def test_a_code_is_high_technology_in_all_or_in_part_of_its_lines(tmp_path):
    (tmp_path / "schedule_b_2019.txt").write_text(SCHEDULE_B)
    assert _found(tmp_path) == {
        ("HS2017", "848620", "high_tech_us"): "all",
        ("HS2017", "847989", "high_tech_us"): "part",
    }


def test_lists_of_a_users_own_have_a_name(tmp_path):
    (tmp_path / "own.csv").write_text(
        "hs_revision,product_code,list\nHS2012,848620,\nHS2012,85423100,cn\nHS2007,848620,oecd\n"
    )
    assert _found(tmp_path) == {
        ("HS2012", "848620", "high_tech_cn"): "listed",
        ("HS2012", "854231", "high_tech_cn"): "listed",
        ("HS2007", "848620", "high_tech_oecd"): "listed",
    }


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("schedule_b.txt", SCHEDULE_B, "which year's Schedule B this is, its name must tell"),
        ("own.csv", "code,name\n1,2\n", "own.csv: is no such list; it must be the US Census Bureau's Schedule B"),
        ("own.csv", "hs_revision,product_code\nHS2012,8486\n", "own.csv, line 2: `HS2012`, `8486` is no HS revision"),
    ],
)
def test_any_other_list_is_a_sentence(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=f"^inputs.high_tech: .*{message}"):
        attributes(None, str(tmp_path))


@pytest.mark.real_data
def test_schedule_b_of_2019_flags_407_lines_in_230_codes_of_which_93_in_part(real_data):
    listed = [str(real_data / "atp" / name) for name in ("schedB_2019_atp_flags.csv", "census_schedB_2019_expcode.txt")]
    for lists in (*listed, listed):
        made = attributes(None, lists).drop_duplicates(["product_code", "attribute_code"])
        assert made.attribute_code.value_counts().to_dict() == {"all": 137, "part": 93}


@pytest.mark.real_data
def test_published_attributes_give_every_code_one_value(real_data):
    published = attributes(str(real_data / "hs" / "unsd"), None)
    made = core_products__attributes(published[["hs_revision", "product_code"]].drop_duplicates(), published)
    bec = made[(made.attribute == "bec") & (made.hs_revision == "HS1996")]
    assert len(bec) == 5113
    assert (bec.other_codes.str.len() > 0).sum() == 201  # codes with several categories
    assert not made.duplicated(["hs_revision", "product_code", "attribute"]).any()
    assert made[(made.attribute == "isic3") & (made.product_code == "848620")].attribute_code.tolist() == ["3190"]
