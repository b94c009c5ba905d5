"""The structures to score: names, codes and surface tolerances."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ctbench.errors import LabelError, UsageError
from ctbench.labels import LabelSet

__all__ = ["Codes", "Structure", "structures"]

_MOST_CODES = 65_535

Codes = int | Sequence[int]
"""The codes of a structure: one, or several for a union."""


@dataclass(frozen=True, slots=True)
class Structure:
    """A named union of codes.

    Args:
        name: Name of a label or a group.
        codes: Its positive codes, the same in the reference and the prediction.
        tolerance_mm: Distance in mm up to which two surfaces of it agree.
    """

    name: str
    codes: tuple[int, ...]
    tolerance_mm: float


def structures(
    labels: LabelSet | Mapping[str, Codes], tolerance_mm: float | Mapping[str, float]
) -> tuple[Structure, ...]:
    """Resolve labels and tolerances to the structures to score, in the order of ``labels``.

    Args:
        labels: a label set, whose labels and groups are both scored, or name -> code or codes.
        tolerance_mm: one for all structures, or name -> tolerance for every structure.

    Raises:
        LabelError: no structure at all, more than 65,535 codes, or a code that is not a positive integer.
        UsageError: a structure without a tolerance, or one that is not a positive, finite number.
    """
    if isinstance(labels, LabelSet):
        codes = {name: labels.codes_of(name) for name in labels.names}
    else:
        codes = {name: _codes(name, given) for name, given in labels.items()}
    if not codes:
        msg = "labels name no structure; expected at least one, as name -> code"
        raise LabelError(msg)
    distinct = len({code for several in codes.values() for code in several})
    if distinct > _MOST_CODES:
        msg = f"labels name {distinct} distinct codes; at most {_MOST_CODES} can be scored at once: score them in parts"
        raise LabelError(msg)
    return tuple(Structure(name, codes[name], _tolerance(name, tolerance_mm)) for name in codes)


def _codes(name: str, given: Codes) -> tuple[int, ...]:
    codes = tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else (given,)
    if not codes or not all(_is_code(code) for code in codes):
        msg = f"structure {name!r} has codes {given!r}; expected a positive integer or several (0 is background)"
        raise LabelError(msg)
    return tuple(dict.fromkeys(int(code) for code in codes))


def _is_code(code: object) -> bool:
    return isinstance(code, (int, np.integer)) and not isinstance(code, bool) and int(code) > 0


def _tolerance(name: str, given: float | Mapping[str, float]) -> float:
    if isinstance(given, Mapping):
        if name not in given:
            msg = f"tolerance_mm has no value for structure {name!r}; pass one for every structure, or a single number"
            raise UsageError(msg)
        given = given[name]
    if not (math.isfinite(given) and given > 0):
        msg = f"tolerance_mm of structure {name!r} is {given}; expected a positive number of mm"
        raise UsageError(msg)
    return float(given)
