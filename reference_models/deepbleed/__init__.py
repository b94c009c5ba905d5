"""``deepbleed``: the V-Nets of Sharrock et al. 2020."""
