"""Loading of a predictor's weights from the file that it was given."""

from __future__ import annotations

from pathlib import Path

from ctbench.errors import UsageError
from reference_models.inference.weightsfile import Weights

__all__ = ["open_weights"]


def open_weights(model: str, path: str | Path | None) -> Weights:
    """Return the weights of a model.

    Args:
        model: Name of the model, e.g. ``cai-unet``.
        path: Weights file; None is an error that says how one gets them.

    Raises:
        MissingFileError, DataError, UsageError: As ``Weights.load``.
    """
    if path is None:
        msg = (
            f"{model} needs weights: give --option weights=FILE that `ctbench train {model}` or `ctbench weights "
            f"import` wrote; to try it on a phantom, take {model}-demo, a small network that learnt on simulated heads"
        )
        raise UsageError(msg)
    return Weights.load(path, model)
