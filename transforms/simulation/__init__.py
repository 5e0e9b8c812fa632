"""The synthetic worlds and their truth. They share the look of real files and none of the code that reads them."""

from haiguan.transforms.simulation.settings import SimulateSettings

__all__ = ["SimulateSettings"]
