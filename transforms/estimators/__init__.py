"""Driver-side econometrics: plain functions on pandas frames, one result object for all."""
