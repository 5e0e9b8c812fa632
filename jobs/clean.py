"""Clean: raw records become coded, checked records; the others go to quarantine."""

from haiguan.jobs.runtime.graph import Stage
from haiguan.transforms.countries.codes import core_countries__codes
from haiguan.transforms.customs.amounts import core_countries__exchange_rates
from haiguan.transforms.customs.breaks import core_customs__breaks
from haiguan.transforms.customs.coverage import core_customs__coverage
from haiguan.transforms.customs.declarations import core_customs__declarations
from haiguan.transforms.customs.deliveries import core_customs__repeated_rows
from haiguan.transforms.customs.district_flows import core_customs__district_flows
from haiguan.transforms.customs.firm_panel import core_customs__firm_panel
from haiguan.transforms.customs.firm_years import core_customs__firm_year, core_customs__intermediaries
from haiguan.transforms.customs.firms import core_customs__firms
from haiguan.transforms.customs.layouts import core_customs__labels, core_customs__layouts
from haiguan.transforms.customs.unit_values import core_customs__unit_values
from haiguan.transforms.places.divisions import core_places__divisions
from haiguan.transforms.products.codes import core_products__codes
from haiguan.transforms.trade.comtrade import core_trade__flows
from haiguan.transforms.trade.national import core_trade__national_totals

STAGE: Stage = Stage(
    "clean",
    publishes=(
        core_countries__codes,
        core_places__divisions,
        core_products__codes,
        core_customs__layouts,
        core_customs__labels,
        core_countries__exchange_rates,
        core_customs__firms,
        core_customs__unit_values,
        core_customs__repeated_rows,
        core_customs__declarations,
        core_customs__firm_year,
        core_customs__district_flows,
        core_customs__firm_panel,
        core_customs__intermediaries,
        core_customs__breaks,
        core_trade__national_totals,
        core_customs__coverage,
        core_trade__flows,
    ),
)

if __name__ == "__main__":
    from haiguan.jobs.cli import run_stage

    run_stage(STAGE.name)
