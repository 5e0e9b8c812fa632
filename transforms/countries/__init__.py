"""Countries and special areas, and the names files give them."""
