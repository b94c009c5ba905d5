"""Training reference of a case: the consensus of its readers, or its given reference."""

from __future__ import annotations

from ctbench.consensus import fuse
from ctbench.datasets import Case
from ctbench.errors import DataError
from ctbench.reference import Reference

__all__ = ["training_reference"]


def training_reference(case: Case, consensus: str = "majority") -> Reference:
    """Return the reference that a case is trained on.

    Args:
        case: Case with readers or with a given reference.
        consensus: Consensus method, as in ``ctbench.consensus.fuse``.

    Raises:
        DataError: The case has neither.
    """
    given = case.reference()
    if given is not None:
        return Reference.of(given.array, case.annotated(None, given))
    if not case.readers:
        msg = f"case {case.id} has neither a reader nor a reference; nothing can be learnt from it"
        raise DataError(msg)
    drawn = case.label_maps()
    return fuse(drawn.arrays, consensus, drawn.annotated, groups=case.labels)
