from importlib.metadata import EntryPoint

import pytest

from ctbench.errors import PluginNotFoundError
from ctbench.predictors import installed as plugins
from ctbench.predictors import trainers


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """One trainer and one importer, both called bright."""
    values = {trainers.TRAINERS: "json:loads", trainers.IMPORTERS: "json:dumps"}
    monkeypatch.setattr(plugins, "entry_points", lambda group: [EntryPoint("bright", values[group], group)])


def test_each_group_loads_its_own_function():
    """The same name is a trainer in one group and an importer in the other."""
    import json

    assert trainers.load_trainer("bright", trust=True) is json.loads
    assert trainers.load_importer("bright", trust=True) is json.dumps


@pytest.mark.parametrize(
    ("load", "what"),
    [(trainers.load_trainer, "that can be trained"), (trainers.load_importer, "that can import weights")],
)
def test_an_unknown_model_is_refused(load, what):
    """A similar name is suggested; without one the known names are listed."""
    with pytest.raises(PluginNotFoundError, match=f"no model {what} is called 'brigth'; did you mean 'bright'"):
        load("brigth")
    with pytest.raises(PluginNotFoundError, match="known: bright"):
        load("zzz")
