"""DeepNAT: the predictor, spectral coordinates, dense evaluation of patch networks, and the random field."""
