import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import ctbench

PACKAGES = ["ctbench", *(f"ctbench.{module.name}" for module in pkgutil.iter_modules(ctbench.__path__))]


def test_every_public_name_can_be_had():
    """What `__all__` promises is there, under its own name, and the list is sorted."""
    assert ctbench.__all__ == sorted(ctbench.__all__)
    for name in ctbench.__all__:
        assert getattr(ctbench, name).__name__.rpartition(".")[2] == name


@pytest.mark.parametrize("package", PACKAGES)
def test_all_lists_are_whole(package):
    """`__all__` names everything public that a package's own `__init__` imports, and nothing that is not there."""
    module = importlib.import_module(package)
    for name in module.__all__:
        assert hasattr(module, name)
    if Path(module.__file__).name != "__init__.py" or package == "ctbench":
        return
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module != "__future__"]
    names = {alias.asname or alias.name for node in imports for alias in node.names if node.module.startswith(package)}
    assert {name for name in names if not name.startswith("_")} <= set(module.__all__)


def test_an_unknown_name_is_an_attribute_error():
    """A lazy package still says which name it does not have."""
    with pytest.raises(AttributeError, match="No ctbench attribute volume_of_everything"):
        _ = ctbench.volume_of_everything


def test_workers_that_predict_do_not_import_pandas():
    """Each process that predicts cases starts without what only tables need."""
    code = "import sys, ctbench.runs.predicting; print('pandas' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_help_imports_nothing_heavy():
    """`ctbench --help` must answer at once: no numpy, pandas, torch, SimpleITK or statsmodels."""
    code = (
        "import sys; from ctbench.cli.app import app\n"
        "heavy = {'numpy', 'pandas', 'torch', 'monai', 'SimpleITK', 'statsmodels', 'numba', 'scipy'}\n"
        "heavy |= {'altair', 'vl_convert'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
