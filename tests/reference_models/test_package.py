import json
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import reference_models
from ctbench.predictors import installed_predictors

ROOT = Path(__file__).parents[2]
MODELS = reference_models.models()
NETWORKS = [name for name, model in MODELS.items() if model.network_class]
TRAINED = [name for name, model in MODELS.items() if model.training_setup or model.training_fit]
FOLDERS = sorted({MODELS[name].network_class.split(".")[1] for name in NETWORKS})
NARROW = {
    "blast-ct": {"channels": (2, 2), "hidden": (3,)},
    "cai-unet": {"width": 2},
    "cascade-unet": {"width": 2, "largest": 4},
    "deepnat": {"widths": (2, 2, 2), "hidden": (3, 3)},
    "hybrid-mask-rcnn": {"widths": (4, 4, 8, 8, 8), "pyramid": 8, "hidden": 4},
}
"""Options that make a network small; of `deepbleed` it is the width alone."""


def readme_row(name):
    """The cells of a model's row in the README's table of models."""
    lines = (ROOT / "README.md").read_text().splitlines()
    own = f"`{name}`", f"`-{name.rpartition('-')[2]}`"
    (row,) = (line for line in lines if line.startswith("| `") and any(one in line.split("|")[1] for one in own))
    return row.split("|")[1:-1]


def in_a_fresh_interpreter(code):
    """What a program prints."""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    return done.stdout.strip()


def imported(statement, *modules):
    """Which of some modules a statement imports, in a fresh interpreter."""
    return in_a_fresh_interpreter(
        f"import sys; {statement}; print([name for name in {modules!r} if name in sys.modules])"
    )


def test_importing_the_package_is_light():
    """Nothing heavy is imported before a network is asked for, and predictors wait with torch until they are made."""
    heavy = ("torch", "monai", "SimpleITK", "ctbench", "numpy")
    assert imported("import reference_models; reference_models.models()", *heavy) == "[]"
    predictors = ", ".join(f"reference_models.{name}.predictor" for name in FOLDERS)
    assert imported(f"import {predictors}", "torch", "monai") == "[]"


def test_networks_need_torch_and_numpy_only():
    """All are made where ctbench's other dependencies, and ctbench itself, cannot be imported."""
    blocked = ("ctbench", "monai", "SimpleITK", "scipy", "safetensors", "pydantic", "pandas")
    options = {name: NARROW.get(name, {"width": 2}) for name in NETWORKS}
    code = (
        "import sys\n"
        f"for name in {blocked!r}: sys.modules[name] = None\n"
        "import reference_models\n"
        f"for name, options in {options!r}.items(): reference_models.network(name, **options)\n"
        f"print(sorted(name for name in {blocked!r} if sys.modules[name] is not None), 'torch' in sys.modules)"
    )
    assert in_a_fresh_interpreter(code) == "[] True"


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("predictors", {name: place for model in MODELS.values() for name, place in model.predictors.items()}),
        ("trainers", {name: MODELS[name].train for name in TRAINED}),
        ("weight_imports", {name: model.import_weights for name, model in MODELS.items() if model.weights_conversion}),
    ],
)
def test_every_model_is_an_entry_point(group, expected):
    """pyproject.toml has one line for each predictor, training and import of the records, and no other."""
    entries = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][f"ctbench.{group}"]
    assert entries.keys() == expected.keys()
    for name, place in entries.items():
        module, _, attributes = place.partition(":")
        found = import_module(module)
        for attribute in attributes.split("."):
            found = getattr(found, attribute)
        assert callable(found)
        assert expected[name] in (place, found)


def test_the_models_that_there_are():
    """Two baselines, a forest, atlases and the nine networks of six papers, and the predictors that ctbench finds."""
    assert list(MODELS) == [
        "atlas",
        "threshold",
        "blast-ct",
        "cai-unet",
        "cascade-unet",
        "deepbleed-512",
        "deepbleed-128",
        "deepbleed-64",
        "deepbleed-32",
        "deepnat",
        "forest",
        "hybrid-mask-rcnn",
        "multi-atlas",
    ]
    demos = {f"{name}-demo" for name in (*(n for n, one in MODELS.items() if one.demo_training), "deepnat-crf")}
    assert installed_predictors().keys() >= {*MODELS, *demos, "cascade-unet-ensemble", "deepnat-crf"}


def test_an_unknown_name_is_refused_with_those_there_are():
    """A baseline is a model without a network."""
    with pytest.raises(ValueError, match=r"no model is called 'unet'; expected one of atlas, threshold, blast-ct"):
        reference_models.find_model("unet")
    with pytest.raises(ValueError, match=r"no network is called 'atlas'; expected one of blast-ct, cai-unet"):
        reference_models.network("atlas")


@pytest.mark.parametrize("name", NETWORKS)
def test_the_readme_says_how_large_the_papers_networks_are(name):
    """By the number in the model's record; and every row says where real weights come from."""
    _, _, size, _, real = readme_row(name)
    assert f"{MODELS[name].paper_size:,}" in size
    assert ("import" in real) == bool(MODELS[name].weights_conversion)
    assert ("train" in real) == (name in TRAINED)


@pytest.mark.parametrize(("phantom", "figure"), [("anatomy", "dice"), ("hemorrhage", "dice_large")])
def test_the_readme_says_what_the_demo_reaches(phantom, figure):
    """The mean Dice of every model whose demo was measured, as in the committed results."""
    for row in json.loads((ROOT / f"benchmarks/results/phantom-{phantom}.json").read_text()):
        assert f"{row[figure]:.2f}"[1:] in readme_row(row["model"].removesuffix("-demo"))[3], row["model"]
