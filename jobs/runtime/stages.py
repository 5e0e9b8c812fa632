"""All stages, in the order of the flow."""

from haiguan.jobs import clean, estimate, harmonise, ingest, measure, panel

STAGES = (ingest.STAGE, clean.STAGE, harmonise.STAGE, measure.STAGE, panel.STAGE, estimate.STAGE)
