"""What a case teaches: the consensus of its readers, or the reference that it comes with."""

from __future__ import annotations

from ctbench.consensus import fuse
from ctbench.datasets import Case
from ctbench.errors import DataError
from ctbench.reference import Reference

__all__ = ["training_reference"]


def training_reference(case: Case, consensus: str = "majority") -> Reference:
    """Make the reference of a case.

    Args:
        case: with readers, or with a given reference.
        consensus: the rule, as in ``ctbench.consensus.fuse``.

    Raises:
        DataError: it has neither.
    """
    given = case.reference()
    if given is not None:
        return Reference.of(given.array, case.annotated(None, given))
    if not case.readers:
        msg = f"case {case.id} has neither a reader nor a reference; nothing can be learnt from it"
        raise DataError(msg)
    drawn = case.label_maps()
    return fuse(drawn.arrays, consensus, drawn.annotated)
