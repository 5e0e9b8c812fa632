"""Public trade data: UN Comtrade."""
