"""The models of the Monte Carlo, by kind of equation."""
