"""``forest``: a random forest over predictors of single voxels, after Muschelli et al. 2017, for hemorrhage on CT."""

from __future__ import annotations

from reference_models.model import Model

__all__ = ["MODEL", "MODELS"]

MODEL = Model(
    name="forest",
    predictors={
        "forest": "reference_models.forest.predictor:forest",
        "forest-demo": "reference_models.forest.predictor:forest_demo",
    },
    training_fit="reference_models.forest.training:fit_forest",
    demo_fit="reference_models.forest.training:fit_demo_forest",
    paper="10.1016/j.nicl.2017.02.007",
)

MODELS = (MODEL,)
