"""How a scan comes to a network, and what the network found comes back: brains, grids, template space."""
