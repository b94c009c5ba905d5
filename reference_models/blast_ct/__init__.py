"""``blast-ct``: DeepMedic as in BLAST-CT (Monteiro et al. 2020), for three types of hemorrhage and oedema on CT."""

from __future__ import annotations

from reference_models.model import Model

__all__ = ["MODEL", "MODELS"]

MODEL = Model(
    name="blast-ct",
    predictors={"blast-ct": "reference_models.blast_ct.predictor:blast_ct"},
    network_class="reference_models.blast_ct.network:DeepMedic",
    weights_conversion="reference_models.blast_ct.weights_import:convert_blast",
    paper="10.1016/S2589-7500(20)30085-6",
    paper_size=1_030_033,
)
"""It has no training and no demo weights: the weights that its authors published are imported."""

MODELS = (MODEL,)
