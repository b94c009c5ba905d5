"""Names of labels from the ``channel_def`` of a MONAI bundle's metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["labels_of_channels"]

_BACKGROUND = "background"


def labels_of_channels(metadata: Mapping[str, Any]) -> dict[str, int]:
    """Return the names and codes of a bundle's labels; empty if its metadata do not say what its channels are.

    A name is the channel's in lower case, with ``_`` for everything but letters and digits. The background is left out.

    Args:
        metadata: Content of ``metadata.json``.

    Example:
        >>> output = {"channel_def": {"0": "background", "1": "Left Kidney"}}
        >>> labels_of_channels({"network_data_format": {"outputs": {"pred": output}}})
        {'left_kidney': 1}
    """
    try:
        outputs = metadata["network_data_format"]["outputs"]
        channels = {int(number): str(name) for number, name in outputs["pred"]["channel_def"].items()}
    except (KeyError, TypeError, AttributeError, ValueError):
        return {}
    named = {number: re.sub(r"[^0-9a-z]+", "_", name.lower()).strip("_") for number, name in sorted(channels.items())}
    # Without a background, channel k of a multi-label network is label k + 1.
    first = 0 if _BACKGROUND in named.values() else 1
    return {name: number + first for number, name in named.items() if name != _BACKGROUND}
