"""Production functions with proxied productivity: one module per estimator, one panel and one result for all."""
