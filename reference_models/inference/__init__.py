"""Networks at work: which weights they get, on which device, in which pieces."""
