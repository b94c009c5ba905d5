"""Which weights a predictor gets."""

from __future__ import annotations

import logging

from reference_models.inference.weightsfile import Weights, demo_weights

__all__ = ["open_weights"]


def open_weights(model: str, path: str | None) -> Weights:
    """Read the weights of a model.

    Args:
        model: e.g. ``cai-unet``.
        path: of the file; None: those that come with the package. They were learnt on simulated heads, and the log
            warns of that.

    Raises:
        MissingFileError, DataError, UsageError: as ``Weights.load``.
    """
    weights = Weights.load(path or demo_weights(model), model)
    if weights.phantoms_only:
        message = "the weights of %s learnt on simulated heads: they are for phantoms only, never for patients"
        logging.getLogger("reference_models").warning(message, model)
    return weights
