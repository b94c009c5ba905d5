import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMPORTED = {"cai-unet", "deepbleed-512", "deepbleed-128", "deepbleed-64", "deepbleed-32"}
FOLDERS = ("cai_unet", "cascade_unet", "deepbleed", "deepnat", "hybrid_mask_rcnn")
TRAINED = IMPORTED | {"cascade-unet", "hybrid-mask-rcnn"}
DOORS = {"predictors": TRAINED | {"cascade-unet-ensemble"}, "trainers": TRAINED, "weight_imports": IMPORTED}


def imported(statement, *modules):
    """Which of some modules a statement imports, in a fresh interpreter."""
    code = f"import sys; {statement}; print([name for name in {modules!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    return done.stdout.strip()


def test_importing_the_package_is_light():
    """Nothing heavy is imported before a network is asked for, and predictors wait with torch until they are made."""
    heavy = ("torch", "monai", "SimpleITK", "ctbench")
    assert imported("import reference_models", *heavy) == "[]"
    assert imported("import reference_models.trainers", *heavy) == "[]"
    models = ", ".join(f"reference_models.{name}.predictor" for name in FOLDERS)
    assert imported(f"import {models}", "torch", "monai") == "[]"


def test_networks_need_torch_and_numpy_only():
    """So that they run on a bare GPU machine."""
    statement = "import reference_models; reference_models.network('deepbleed-32', width=2)"
    assert imported(statement, "torch", "monai", "SimpleITK", "ctbench", "scipy.ndimage", "safetensors") == "['torch']"


@pytest.mark.parametrize("group", DOORS)
def test_every_model_comes_through_the_door(group):
    """As predictor, as trainer and, where the authors published weights, as importer; each of these can be imported."""
    entries = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][f"ctbench.{group}"]
    assert entries.keys() >= DOORS[group]
    for name in DOORS[group]:
        module, _, attribute = entries[name].partition(":")
        assert callable(getattr(import_module(module), attribute))
