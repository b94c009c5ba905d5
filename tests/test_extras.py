import sys
import tomllib
from pathlib import Path

import pytest

from ctbench.errors import UsageError
from ctbench.extras import EXTRA_OF, expect_extra, import_extra, missing_extra


def test_an_installed_package_is_imported():
    """The module itself comes back."""
    assert import_extra("json.decoder", "reading").JSONDecoder is sys.modules["json.decoder"].JSONDecoder


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    """The message says what needs it, and which extra holds it."""
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(
        UsageError, match=r"^reading SEG needs pydicom, .*; run in the repository: pip install '\.\[annotations\]'$"
    ):
        import_extra("pydicom", "reading SEG")


def test_an_error_of_an_import_is_told_by_the_extra_of_its_package():
    """A submodule that an installed package lacks, other errors and other packages are left as they are."""
    told = str(missing_extra(ModuleNotFoundError("No module", name="torch"), "cai-unet"))
    assert told == "cai-unet needs torch, which is not installed; run in the repository: pip install '.[models]'"
    assert missing_extra(ModuleNotFoundError("No module", name="torch.nn.absent"), "cai-unet") is None
    assert missing_extra(ModuleNotFoundError("No module", name="their_module"), "theirs") is None
    assert missing_extra(ImportError("cannot import name", name="torch"), "theirs") is None


def test_every_extra_that_is_named_exists():
    """The command in the message installs something."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(EXTRA_OF.values()) <= project["optional-dependencies"].keys()


def test_a_package_is_looked_for_without_importing_it(monkeypatch):
    """Torch takes a second and a half."""
    expect_extra("torch", "a demo")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(UsageError, match=r"a demo needs torch, .*'\.\[models\]'$"):
        expect_extra("torch", "a demo")
