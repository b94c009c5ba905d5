"""Coded terms (SNOMED CT) of the structures of head CT, as DICOM SEG and 3D Slicer write them beside a name.

Source: DICOM PS3.16 (edition of the dictionary in pydicom 3.0): context groups 7140 "Brain Structure for Volumetric
Measurement", 7153 "CNS Segmentation Type", 7159 "Lesion Segmentation Type", 7710 "White Matter", 7150 "Segmentation
Property Category". A test compares every code of the table with that dictionary.

DICOM codes a bleeding by what it is (50960005, Hemorrhage) and by where it is. PS3.16 has no code for the epidural and
the subdural space, so those hemorrhages have no region. Structures that PS3.16 does not have, and unions of several,
have no code: segments of them are written with the private scheme ``99CTBENCH``, whose code is the label itself.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["PRIVATE_SCHEME", "TERMS", "Code", "Term", "label_of", "term_of"]

PRIVATE_SCHEME = "99CTBENCH"


class Code(NamedTuple):
    """A coded concept: scheme (``SCT`` is SNOMED CT), value, and meaning in words."""

    scheme: str
    value: str
    meaning: str


class Term(NamedTuple):
    """What a segment is, in codes: its category, its type, and its anatomic region if that is not the type itself."""

    category: Code
    kind: Code
    region: Code | None = None


_ANATOMY = Code("SCT", "91723000", "Anatomical Structure")
_LESION = Code("SCT", "49755003", "Morphologically Abnormal Structure")
_HEMORRHAGE = Code("SCT", "50960005", "Hemorrhage")
_VENTRICLES = Code("SCT", "35764002", "Brain ventricle")
_SUBARACHNOID = Code("SCT", "33930006", "Cranial Subarachnoid Space")

TERMS: dict[str, Term] = {
    "subarachnoid_space": Term(_ANATOMY, _SUBARACHNOID),
    "cerebellum": Term(_ANATOMY, Code("SCT", "113305005", "Cerebellum")),
    "caudate": Term(_ANATOMY, Code("SCT", "11000004", "Caudate Nucleus")),
    "insular_cortex": Term(_ANATOMY, Code("SCT", "36169008", "Insula")),
    "internal_capsule": Term(_ANATOMY, Code("SCT", "85637007", "internal capsule")),
    "ventricles": Term(_ANATOMY, _VENTRICLES),
    "iph": Term(_LESION, _HEMORRHAGE, Code("SCT", "12738006", "Brain")),
    "ivh": Term(_LESION, _HEMORRHAGE, _VENTRICLES),
    "sah": Term(_LESION, _HEMORRHAGE, _SUBARACHNOID),
    "edh": Term(_LESION, _HEMORRHAGE),
    "sdh": Term(_LESION, _HEMORRHAGE),
    "edh_sdh": Term(_LESION, _HEMORRHAGE),
    "hemorrhage": Term(_LESION, _HEMORRHAGE),
}
"""Label -> its coded term; of the eleven structures of the anatomy phantom, six have one."""


def term_of(label: str) -> Term:
    """Return the coded term of a label; one of the private scheme if the table has none."""
    return TERMS.get(label) or Term(_ANATOMY, Code(PRIVATE_SCHEME, label[:16], label[:64]))


def label_of(code: Code) -> str | None:
    """Return the label of the structure with this code, or None; hemorrhages share one code, so none is returned."""
    found = (name for name, term in TERMS.items() if term.category == _ANATOMY and term.kind[:2] == code[:2])
    return next(found, None)
