"""``deepbleed-512``, ``-128``, ``-64``, ``-32``: the V-Nets of Sharrock et al. 2020, for hemorrhage of any type."""

from __future__ import annotations

from dataclasses import replace

from reference_models.model import DemoStart, DemoTraining, Model

__all__ = ["DEEPBLEED_32", "DEEPBLEED_64", "DEEPBLEED_128", "DEEPBLEED_512", "MODELS"]

DEEPBLEED_512 = Model(
    name="deepbleed-512",
    predictors={
        "deepbleed-512": "reference_models.deepbleed.predictor:deepbleed_512",
        "deepbleed-512-demo": "reference_models.deepbleed.predictor:deepbleed_512_demo",
    },
    network_class="reference_models.deepbleed.network:VNet",
    network_options={"dimensions": 2},
    training_setup="reference_models.deepbleed.training:deepbleed_setup",
    weights_conversion="reference_models.deepbleed.weights_import:convert_deepbleed",
    demo_training=DemoTraining("phantom-hemorrhage"),
    paper="10.1007/s12021-020-09493-5",
    paper_size=4_745_333,
)
"""The 2D network, on native slices."""

_ON_COARSE_CUBES = DemoStart(
    name="deepbleed-coarse",
    model="deepbleed-64",
    options={"edge": 48, "spacing_mm": 2.0, "batch_size": 4, "epochs": 24, "learning_rate": 3e-3},
)
"""The demo weights of the 3D networks all start from this training, each with its own cubes after it."""

_IN_3D = ("deepbleed-128", "deepbleed-64", "deepbleed-32")


def _in_3d(name: str) -> Model:
    place = f"reference_models.deepbleed.predictor:{name.replace('-', '_')}"
    return replace(
        DEEPBLEED_512,
        name=name,
        predictors={name: place, f"{name}-demo": f"{place}_demo"},
        network_options={"dimensions": 3},
        same_network=tuple(other for other in _IN_3D if other != name),
        demo_training=DemoTraining("phantom-hemorrhage", start=_ON_COARSE_CUBES),
        paper_size=22_546_101,
    )


DEEPBLEED_128, DEEPBLEED_64, DEEPBLEED_32 = map(_in_3d, _IN_3D)

MODELS = (DEEPBLEED_512, DEEPBLEED_128, DEEPBLEED_64, DEEPBLEED_32)
