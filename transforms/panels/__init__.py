"""Panels: one module per study."""
