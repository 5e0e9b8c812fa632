"""Clean: raw records become coded, checked records; the others go to quarantine."""

from haiguan.jobs.runtime.graph import Stage
from haiguan.transforms.countries.codes import core_countries__codes
from haiguan.transforms.customs.declarations import core_customs__declarations
from haiguan.transforms.customs.layouts import core_customs__labels, core_customs__layouts
from haiguan.transforms.places.divisions import core_places__divisions
from haiguan.transforms.products.codes import core_products__codes
from haiguan.transforms.trade.comtrade import core_trade__flows

STAGE: Stage = Stage(
    "clean",
    publishes=(
        core_countries__codes,
        core_places__divisions,
        core_products__codes,
        core_customs__layouts,
        core_customs__labels,
        core_customs__declarations,
        core_trade__flows,
    ),
)

if __name__ == "__main__":
    from haiguan.jobs.cli import run_stage

    run_stage(STAGE.name)
