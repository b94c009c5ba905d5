"""`ctbench new-predictor`: template of a Python package with a working predictor and its tests."""

from __future__ import annotations

import keyword
import re
from importlib.metadata import version
from pathlib import Path
from string import Template

from ctbench.errors import StoreError, UsageError
from ctbench.files import write_text
from ctbench.predictors.resolve import GROUP, installed_predictors

__all__ = ["write_package"]

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

_FILES = {
    "pyproject.toml": """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "$name"
version = "0.1.0"
description = "A predictor for ctbench."
requires-python = ">=3.11"
dependencies = ["numpy"]  # and ctbench $ctbench or later, from its repository: a package of that name may be another's

[project.optional-dependencies]
test = ["pytest"]

[project.entry-points."$group"]
$name = "$module:$title"

[tool.hatch.build]
dev-mode-dirs = ["src"]

[tool.hatch.build.targets.wheel]
packages = ["src/$module"]

[tool.pytest.ini_options]
testpaths = ["tests"]
""",
    "README.md": """\
# $name

A predictor for ctbench.

In an environment in which ctbench is installed, from its repository:

```sh
pip install -e ".[test]"
ctbench check $name                            # run the conformance test
pytest                                        # the same, for your CI
ctbench run $name --dataset phantom-hemorrhage
```

The model is `$title` in `src/$module/predictor.py`. It runs in a sandbox, in which it can read its own package and
the image of one case. Put weights into the package, or make them readable with `--mount PATH`.
""",
    "src/$module/__init__.py": '''\
"""A predictor for ctbench."""

from $module.predictor import $title

__all__ = ["$title"]
''',
    "src/$module/predictor.py": '''\
"""The predictor: replace ``predict`` by your model."""

import ctbench
import numpy as np


class $title:
    """Labels every voxel between two thresholds as hemorrhage.

    Args:
        low_hu: Lowest HU of hemorrhage.
        high_hu: Highest HU of hemorrhage.
        device: Device of the model; not used here.
    """

    def __init__(self, low_hu: float = 55.0, high_hu: float = 100.0, device: str = "cpu") -> None:
        # Load weights here: it happens once, predict() is called for each case.
        self.low_hu, self.high_hu, self.device = low_hu, high_hu, device
        self.info = ctbench.PredictorInfo(
            name="$name",
            version="0.1.0",  # raise it whenever predictions change
            labels=ctbench.LabelSet({"hemorrhage": 1}),  # names match those of a dataset; codes may differ
            description="Everything between two thresholds.",
            training_datasets=(),  # names of datasets, so that an overlap with test data is visible
            parameters={"low_hu": low_hu, "high_hu": high_hu},  # every setting that changes predictions
        )

    def predict(self, image: ctbench.Volume) -> ctbench.Prediction:
        """Segment one image: ``image.array`` is z, y, x in HU, ``image.spacing_mm`` is in the same order."""
        labels = (image.array >= self.low_hu) & (image.array <= self.high_hu)
        return ctbench.Prediction(labels.astype(np.uint8), score=float(labels.any()))
''',
    "tests/test_conformance.py": '''\
"""The predictor keeps the contract of ctbench."""

from ctbench.predictors.testing import assert_conforms  # noqa: F401  # a fixture

from $module import $title


def test_it_keeps_the_contract(assert_conforms):  # noqa: F811
    """Grid, labels, empty and unusual scans, equal repeated predictions, no files left."""
    assert_conforms($title())
''',
}


def write_package(name: str, folder: Path) -> Path:
    """Write the package of a new predictor.

    Args:
        name: Name of the predictor and its package: lower-case words joined by ``-``.
        folder: Folder to create; it may exist if it is empty.

    Returns:
        ``folder``.

    Raises:
        UsageError: The name is invalid or belongs to an installed predictor, or ``folder`` is not empty.
        StoreError: ``folder`` cannot be written.
    """
    module = name.replace("-", "_")
    if not _NAME.fullmatch(name) or keyword.iskeyword(module):
        msg = f"expected a name of lower-case words joined by '-', e.g. my-model; got {name!r}"
        raise UsageError(msg)
    if name in installed_predictors():
        msg = f"a predictor called {name!r} is already installed; choose another name"
        raise UsageError(msg)
    try:
        if folder.exists() and any(folder.iterdir()):
            msg = f"{folder} is not empty; choose a new folder with --out"
            raise UsageError(msg)
    except NotADirectoryError as error:
        msg = f"{folder} is a file; choose a new folder with --out"
        raise StoreError(msg) from error
    values = {
        "name": name,
        "module": module,
        "title": "".join(word.capitalize() for word in name.split("-")),
        "group": GROUP,
        "ctbench": version("ctbench"),
    }
    for path, text in _FILES.items():
        write_text(folder / Template(path).substitute(values), Template(text).substitute(values))
    return folder
