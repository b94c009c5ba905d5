"""The label sets of the phantoms, and the number of their format."""

from __future__ import annotations

from ctbench.labels import LabelSet

__all__ = ["FORMAT", "anatomy_labels", "hemorrhage_labels"]

FORMAT = 2
"""Version of the phantoms' voxels; incremented when the same seed produces other voxels."""

anatomy_labels = LabelSet(
    {
        "brainstem_cerebrum": 1,
        "subarachnoid_space": 2,
        "dural_folds_sinuses": 3,
        "septum_pellucidum": 4,
        "cerebellum": 5,
        "caudate": 6,
        "lentiform": 7,
        "insular_cortex": 8,
        "internal_capsule": 9,
        "ventricles": 10,
        "central_sulcus": 11,
    },
    groups={
        "csf": ("subarachnoid_space", "central_sulcus"),
        "ventricles_all": ("ventricles", "septum_pellucidum"),
        "parenchyma": (
            "brainstem_cerebrum",
            "dural_folds_sinuses",
            "cerebellum",
            "caudate",
            "lentiform",
            "insular_cortex",
            "internal_capsule",
        ),
    },
)
"""The eleven structures of Cai et al. 2020 (doi 10.1148/ryai.2020190183)."""

hemorrhage_labels = LabelSet(
    {"iph": 1, "ivh": 2, "edh_sdh": 3, "sah": 4},
    groups={"hemorrhage": ("iph", "ivh", "edh_sdh", "sah")},
)
"""The types of Chang et al. 2018 (doi 10.3174/ajnr.A5742), and intraventricular hemorrhage."""
