import sys

import pytest

from ctbench.errors import ContractError, PluginError, PluginNotFoundError, UsageError
from ctbench.predictors import installed, installed_predictors, load_predictor, resolve

MODULE = """
import numpy as np
from ctbench.labels import LabelSet
from ctbench.predictors import Prediction, PredictorInfo

class Model:
    def __init__(self, above=60, device="cpu"):
        self.above, self.device = above, device
        self.info = PredictorInfo(name="mine", version="2", labels=LabelSet({"hemorrhage": 1}))

    def predict(self, image):
        return Prediction((image.array > self.above).astype(np.uint8))

def nothing():
    return None

def raises():
    raise OSError("no weights")

constant = 3
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A user's module in the working folder."""
    (tmp_path / "users_model.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return "users_model"


def test_the_reference_models_come_in_through_entry_points():
    """The baselines are found like anybody's plugin."""
    assert {"atlas", "threshold"} <= set(installed_predictors())
    assert load_predictor("threshold").info.name == "threshold"


def test_a_class_of_the_working_folder_is_made_with_its_options(module):
    """`module:attribute` works without installing anything, and options are keyword arguments."""
    predictor = load_predictor(f"{module}:Model", {"above": 40, "device": "cuda"})
    assert (predictor.info.name, predictor.above, predictor.device) == ("mine", 40, "cuda")


def test_a_module_is_found_in_the_folder_that_is_given(module, tmp_path, monkeypatch):
    """A worker that stands elsewhere finds what its user meant."""
    monkeypatch.chdir("/")
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in {"", str(tmp_path)}])
    assert load_predictor(f"{module}:Model", here=tmp_path).info.name == "mine"


def test_an_unknown_name_is_answered_with_the_nearest():
    """A typing error is met with the name that was probably meant."""
    with pytest.raises(PluginNotFoundError, match="no predictor is called 'treshold'; did you mean 'threshold'"):
        load_predictor("treshold")


@pytest.mark.parametrize(
    ("attribute", "options", "error", "message"),
    [
        ("Model", {"treshold": 4}, UsageError, "cannot be made with options .'treshold'.*it takes: above, device"),
        ("Absent", {}, PluginNotFoundError, "cannot be imported"),
        ("nothing", {}, ContractError, "has no valid `info`"),
        ("raises", {}, PluginError, "could not be made: OSError: no weights"),
        ("constant", {}, UsageError, "is int; expected a class or function"),
    ],
)
def test_each_way_to_go_wrong_has_its_sentence(module, attribute, options, error, message):
    """Bad options, a missing attribute, a callable that gives nothing or raises, and a constant are told apart."""
    with pytest.raises(error, match=message):
        load_predictor(f"{module}:{attribute}", options)


def test_a_module_that_is_not_there_is_named():
    """The module that cannot be imported stands in the message."""
    with pytest.raises(PluginNotFoundError, match="no_such_module"):
        load_predictor("no_such_module:Model")


def test_two_packages_with_one_name_are_refused(monkeypatch):
    """A name that two packages offer is nobody's."""
    from importlib.metadata import EntryPoint

    both = [EntryPoint("twin", value, resolve.GROUP) for value in ("a:A", "b:B")]
    monkeypatch.setattr(installed, "entry_points", lambda group: both)
    with pytest.raises(PluginError, match="two installed packages define predictor 'twin': a:A and b:B"):
        installed_predictors()
