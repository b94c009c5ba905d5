"""Preprocessing of scans for networks, and its inverse: brain extraction, grids, template space."""
