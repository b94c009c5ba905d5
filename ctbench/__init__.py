"""Scores head-CT segmentation against fused human readers.

Everything named in ``__all__`` is the public surface; ``__init__.pyi`` lists it. It is imported when it is first used,
so that ``import ctbench`` and ``ctbench --help`` take no time.

Example:
    >>> import numpy as np
    >>> import ctbench
    >>> readers = {name: np.zeros((2, 4, 4), int) for name in ("ann", "ben", "cem")}
    >>> readers["ann"][0, :2] = readers["ben"][0, :2] = 1
    >>> reference = ctbench.consensus.fuse(readers)
    >>> int(reference.labels.sum())
    8
"""

import sys

if (
    sys.argv[:1] == ["-m"]
    and not sys.flags.safe_path
    and sys.path[0] not in {path.rpartition("/")[0] for path in __path__}
):
    # `python -m ctbench` puts the working folder first on the import path, in which a stranger's numpy.py may lie.
    del sys.path[0]

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
