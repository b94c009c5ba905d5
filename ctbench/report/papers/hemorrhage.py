"""What the papers on hemorrhage need of some runs: a structure that stands for any hemorrhage, and volumes."""

from __future__ import annotations

from collections.abc import Sequence

from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.strata import bleed_of
from ctbench.report.papers.part import NotAvailableError

__all__ = ["NO_VOLUMES", "expect_bleed", "expect_model_of_bleed"]

NO_VOLUMES = "needs the metrics volume_ml and reference_volume_ml, which were not scored"
"""What is missing for tables and figures of volumes."""


def expect_bleed(groups: Sequence[ComparableRuns]) -> list[tuple[ComparableRuns, str]]:
    """Return those of some runs whose dataset has a structure that stands for any hemorrhage, with its name.

    Raises:
        NotAvailableError: None has.
    """
    found = [(results, bleed) for results in groups if (bleed := bleed_of(results)) is not None]
    if not found:
        names = "; ".join(f"{results.dataset} has {', '.join(results.structures)}" for results in groups)
        msg = f"needs a structure that stands for any hemorrhage, a group named hemorrhage or a single label; {names}"
        raise NotAvailableError(msg)
    return found


def expect_model_of_bleed(results: ComparableRuns) -> str:
    """Return the name of the structure that stands for any hemorrhage, where there is a model to show.

    Raises:
        NotAvailableError: There is no such structure, or no model.
    """
    ((_, bleed),) = expect_bleed([results])
    if not results.models:
        msg = "needs a run of a model, got readers only"
        raise NotAvailableError(msg)
    return bleed
