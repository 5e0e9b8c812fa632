"""Products: codes of the Harmonised System."""
