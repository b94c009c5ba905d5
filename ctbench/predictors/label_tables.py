"""Label tables that come with ctbench, by name: ``aseg``, the codes of FreeSurfer's aseg and of SynthSeg.

A ``labels.json`` names one in place of its codes: ``{"labels": "aseg", "name": "synthseg"}``.
"""

from __future__ import annotations

from ctbench.errors import UsageError

__all__ = ["LABEL_TABLES", "label_table"]

_BOTH_SIDES = {
    "cerebral_white_matter": (2, 41),
    "cerebral_gray_matter": (3, 42),
    "lateral_ventricle": (4, 43),
    "inferior_lateral_ventricle": (5, 44),
    "cerebellar_white_matter": (7, 46),
    "cerebellar_gray_matter": (8, 47),
    "thalamus": (10, 49),
    "caudate": (11, 50),
    "putamen": (12, 51),
    "pallidum": (13, 52),
    "hippocampus": (17, 53),
    "amygdala": (18, 54),
    "accumbens": (26, 58),
    "ventral_dc": (28, 60),
    "vessel": (30, 62),
    "choroid_plexus": (31, 63),
    "white_matter_hypointensities": (78, 79),
    "other_hypointensities": (81, 82),
}
"""Structure -> FreeSurfer's number on the left and on the right."""

_UNPAIRED = {
    "third_ventricle": 14,
    "fourth_ventricle": 15,
    "brainstem": 16,
    "csf": 24,
    "fifth_ventricle": 72,
    "white_matter_hypointensities": 77,
    "other_hypointensities": 80,
    "optic_chiasm": 85,
    "corpus_callosum_posterior": 251,
    "corpus_callosum_mid_posterior": 252,
    "corpus_callosum_central": 253,
    "corpus_callosum_mid_anterior": 254,
    "corpus_callosum_anterior": 255,
}

LABEL_TABLES = {
    "aseg": {
        **{f"left_{name}": left for name, (left, _) in _BOTH_SIDES.items()},
        **{f"right_{name}": right for name, (_, right) in _BOTH_SIDES.items()},
        **_UNPAIRED,
    }
}
"""Table -> name of a structure -> its code. SynthSeg uses a part of FreeSurfer's numbers."""


def label_table(name: str, where: str) -> dict[str, int]:
    """Return the codes of a table that comes with ctbench.

    Args:
        name: Name of the table.
        where: What to call the place of the name in a message.

    Raises:
        UsageError: There is no table of that name.
    """
    if name not in LABEL_TABLES:
        msg = f"{where} names the label table {name[:60]!r}; expected {', '.join(LABEL_TABLES)}, or names with codes"
        raise UsageError(msg)
    return dict(LABEL_TABLES[name])
