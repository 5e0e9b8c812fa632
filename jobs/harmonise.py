"""Harmonise: what product codes are and become in other HS revisions; declarations summed up to annual flows."""

from haiguan.jobs.runtime.graph import Stage
from haiguan.transforms.customs.flows import core_customs__annual_flows
from haiguan.transforms.products.attributes import core_products__attributes
from haiguan.transforms.products.concordance import core_products__concordance
from haiguan.transforms.products.families import core_products__families

STAGE: Stage = Stage(
    "harmonise",
    publishes=(
        core_products__concordance,
        core_products__families,
        core_products__attributes,
        core_customs__annual_flows,
    ),
)

if __name__ == "__main__":
    from haiguan.jobs.cli import run_stage

    run_stage(STAGE.name)
