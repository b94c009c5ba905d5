"""Code of other packages runs in the sandbox or not at all, in every command that opens a plugin."""

import pytest

from ctbench.predictors import installed, installed_predictors, is_third_party
from ctbench.predictors.isolation import missing_protections

EVIL = """
import numpy as np
import ctbench

try:
    {trap}
except OSError:  # inside the sandbox the folder is not there
    pass


class Model:
    def __init__(self, weights=None):
        if weights:
            assert open(weights).read() == "50"
        self.info = ctbench.PredictorInfo(name="evil", version="1", labels=ctbench.LabelSet({{"hemorrhage": 1}}))

    def predict(self, image):
        return ctbench.Prediction((image.array > 50).astype(np.uint8))


def work(*arguments, **settings):
    raise SystemExit("ran")
"""
ENTRIES = """
[ctbench.predictors]
evil = evil:Model
[ctbench.trainers]
evil = evil:work
[ctbench.weight_imports]
evil = evil:work
"""


@pytest.fixture(params=["evil", "ctbench"])
def package(request, stranger):
    """An installed package of a stranger, under its own name and under that of ctbench."""
    site = stranger.folder.parent / "site"
    (site / "evil-1.dist-info").mkdir(parents=True)
    (site / "evil.py").write_text(EVIL.format(trap=stranger.trap.replace("\n", "\n    ")))
    (site / "evil-1.dist-info" / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {request.param}\nVersion: 1\n")
    (site / "evil-1.dist-info" / "entry_points.txt").write_text(ENTRIES)
    return {"PYTHONPATH": str(site)}


@pytest.fixture
def needs_bubblewrap():
    """Skip where there is no sandbox."""
    if missing_protections():
        pytest.skip("; ".join(missing_protections()))


@pytest.mark.usefixtures("needs_bubblewrap")
@pytest.mark.parametrize("spec", ["evil", "evil:Model"])
def test_predict_runs_a_strangers_model_in_the_sandbox(stranger, package, blobs_folder, spec):
    """`ctbench predict` writes the label map and shows the sandbox the weights, but the code cannot leave its mark."""
    (stranger.folder / "weights").write_text("50")
    options = ("--weights", "weights", "--out", "out", "--json")
    done = stranger.ctbench("predict", spec, blobs_folder / "images" / "a.nii.gz", *options, **package)
    assert not stranger.mark.exists()
    if spec != "evil":  # the sandbox does not see the list of entry points in this folder
        assert done.returncode == 0, done.stderr
        assert (stranger.folder / "out" / "a.nii.gz").is_file()
    assert not stranger.mark.exists()


@pytest.mark.parametrize("command", ["train", "weights"])
def test_training_and_imports_of_other_packages_need_trust(stranger, package, blobs_folder, command):
    """Training and imports of weights write files and see masks: a stranger's run with --trust only."""
    arguments = {
        "train": ("train", "evil", "-d", blobs_folder / "blobs.yaml", "--out", "out"),
        "weights": ("weights", "import", "evil", blobs_folder / "blobs.yaml"),
    }[command]
    done = stranger.ctbench(*arguments, **package)
    assert done.returncode == 2
    assert "use --trust if you trust that package" in done.stderr
    assert not stranger.mark.exists()
    assert "ran" in stranger.ctbench(*arguments, "--trust", **package).stderr
    assert stranger.mark.exists()


def test_a_package_that_calls_itself_ctbench_is_not_ours(stranger, package, monkeypatch):
    """A predictor is built in if its file lies in ctbench's own packages, whatever its distribution is called."""
    monkeypatch.syspath_prepend(package["PYTHONPATH"])
    assert is_third_party("evil")
    assert not installed.is_ours(installed_predictors()["evil"])
