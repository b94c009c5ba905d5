"""Loading of a predictor's weights: a given file, or the demo weights with a warning."""

from __future__ import annotations

import logging

from reference_models.inference.weightsfile import Weights, demo_weights

__all__ = ["open_weights"]


def open_weights(model: str, path: str | None) -> Weights:
    """Return the weights of a model.

    Args:
        model: Name of the model, e.g. ``cai-unet``.
        path: Weights file; None: the demo weights, which were trained on simulated heads; a warning is logged.

    Raises:
        MissingFileError, DataError, UsageError: As ``Weights.load``.
    """
    weights = Weights.load(path or demo_weights(model), model)
    if weights.phantoms_only:
        message = "the weights of %s learnt on simulated heads: they are for phantoms only, never for patients"
        logging.getLogger("reference_models").warning(message, model)
    return weights
