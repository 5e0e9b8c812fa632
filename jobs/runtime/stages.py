"""All stages, in the order of the flow."""

from haiguan.jobs import clean, estimate, ingest, measure, panel

STAGES = (ingest.STAGE, clean.STAGE, measure.STAGE, panel.STAGE, estimate.STAGE)
