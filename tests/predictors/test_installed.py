from importlib.metadata import EntryPoint

import pytest

from ctbench.errors import PluginError
from ctbench.predictors import installed
from ctbench.predictors.trainers import IMPORTERS, TRAINERS, load_importer, load_trainer


def test_everything_that_comes_with_ctbench_is_ours():
    """Predictors, trainers and imports of weights of the reference models need no sandbox and no --trust."""
    for group in ("ctbench.predictors", TRAINERS, IMPORTERS):
        found = [entry for entry in installed.installed(group, "plugin").values() if "reference_models" in entry.value]
        assert len(found) > 3
        assert all(map(installed.is_ours, found))
    assert callable(load_trainer("cai-unet"))
    assert callable(load_importer("cai-unet"))


def test_two_packages_with_one_trainer_are_refused(monkeypatch):
    """A name that two packages define is nobody's, in every group; the same definition twice is one."""
    values = ["a:train", "b:train"]
    monkeypatch.setattr(installed, "entry_points", lambda group: [EntryPoint("twin", value, group) for value in values])
    with pytest.raises(PluginError, match="two installed packages define trainer 'twin': a:train and b:train"):
        installed.installed(TRAINERS, "trainer")
    values[1] = "a:train"
    assert list(installed.installed(TRAINERS, "trainer")) == ["twin"]
