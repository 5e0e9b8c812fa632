"""Another country's customs, described by YAML and code tables alone: those of docs/another-country.md."""

from __future__ import annotations

import re
from pathlib import Path

from deltalake import DeltaTable

from haiguan.jobs import cli

PAGE = Path(__file__).parents[2] / "docs" / "another-country.md"
IMPORTS = """NUMENCRIPTADO;FECACEP;NUM_UNICO_IMPORTADOR;PA_ORIG;ADU;REG_IMP;ARANC_NAC;CANT_MERC;MEDIDA;CIF_ITEM
1;2032015;770;336;34;1;84862000;2,000;10;1234567,89
2;31032015;771;225;34;2;1022100;1;10;5000,5
"""
EXPORTS = """NUMEROIDENT;FECHAACEPT;NRO_EXPORTADOR;PAISDESTINO;ADUANA;CODIGOARANCEL;CANTIDADMERCANCIA;UNIDADMEDIDA;FOBUS
9;15042015;880;336;55;84862000;1,5;06;20,25
9;16042015;880;336;55;84862000;1,5;6;20,25
"""


def _write_page(folder: Path) -> None:
    """Every block of the page below the name that stands before it."""
    found = re.findall(r"`(\w+\.(?:yaml|csv))`[^`]*?(?:`[^`]*`[^`]*?)*?```\w+\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(found) == 6
    for name, block in found:
        below = "." if name == "settings.yaml" else "layouts/customs"
        path = folder / below / ("codings" if re.search("partner|regime|unit", name) else "") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block, encoding="utf-8")


def test_chile_is_read_without_touching_code(tmp_path, monkeypatch, capsys):
    _write_page(tmp_path / "chile")
    (tmp_path / "din_dus").mkdir()
    (tmp_path / "din_dus" / "importaciones_2015_03.csv").write_text(IMPORTS, encoding="iso-8859-1")
    (tmp_path / "din_dus" / "exportaciones_2015_04.csv").write_text(EXPORTS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    command = ["run", "--conf", "chile/settings.yaml", "--to", "core_customs__annual_flows"]
    settings = "inputs.customs=din_dus lake=chile/lake reports=chile/reports spark.master=local[2] harmonise.to=null"
    for setting in settings.split():
        command += ["--set", setting]
    code = cli.guarded(lambda: cli.app(command, standalone_mode=False))
    assert code == 0, capsys.readouterr()
    flows = DeltaTable("chile/lake/core/customs__annual_flows").to_pandas()
    told = flows[["direction", "firm_code", "product_code", "partner_code", "regime", "unit_code", "declarations"]]
    assert sorted(map(tuple, told.to_numpy().tolist())) == [
        ("export", "880", "84862000", "CHN", "ordinary", "kilogram", 2),
        ("import", "770", "84862000", "CHN", "ordinary", "piece", 1),
        ("import", "771", "01022100", "USA", "processing_unspecified", "piece", 1),
    ]
    values = {(row.direction, row.firm_code): (str(row.value_usd), str(row.quantity)) for row in flows.itertuples()}
    assert values == {
        ("export", "880"): ("40.50", "3.000"),
        ("import", "770"): ("1234567.89", "2.000"),
        ("import", "771"): ("5000.50", "1.000"),
    }
    assert set(flows.hs_revision) == {"HS2012"}
