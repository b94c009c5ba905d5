import importlib.util
import subprocess
import sys
import sysconfig
import venv

import pytest

from ctbench.errors import StoreError, UsageError
from ctbench.predictors.template import write_package

CTBENCH = [*("-c", "from ctbench.cli import main; main()")]


def test_the_package_installs_and_passes_as_it_stands(tmp_path):
    """`pip install -e`, `ctbench check`, its own tests: nothing has to be filled in first."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling, which builds the package, is not installed")
    package = write_package("my-model", tmp_path / "my-model")
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    python = tmp_path / "venv" / "bin" / "python"
    # A fresh environment that sees the packages of this one.
    paths = {name: str(tmp_path / "venv") for name in ("base", "platbase")}
    site = sysconfig.get_path("purelib", "venv", paths)
    with open(f"{site}/outer.pth", "w") as file:  # noqa: PTH123
        file.write(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--disable-pip-version-check", "-e", package], check=True)
    checked = subprocess.run(
        [python, *CTBENCH, "check", "my-model"], capture_output=True, encoding="utf-8", check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "failed" not in checked.stdout
    tested = subprocess.run([python, "-m", "pytest", "-q", package], capture_output=True, encoding="utf-8", check=False)
    assert tested.returncode == 0, tested.stdout


def test_every_file_carries_the_name(tmp_path):
    """No place of the template is left open."""
    package = write_package("two-words", tmp_path / "new")
    files = sorted(path for path in package.rglob("*") if path.is_file())
    assert [str(path.relative_to(package)) for path in files] == [
        "README.md",
        "pyproject.toml",
        "src/two_words/__init__.py",
        "src/two_words/predictor.py",
        "tests/test_conformance.py",
    ]
    for path in files:
        assert "$" not in path.read_text()
        assert "TwoWords" in path.read_text()


@pytest.mark.parametrize("name", ["My-Model", "1st", "my_model", "class", "-x", "a/b", "", "../up"])
def test_a_name_is_lower_case_words(tmp_path, name):
    """It becomes a package, a module and a class."""
    with pytest.raises(UsageError, match="expected a name of lower-case words"):
        write_package(name, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_nothing_is_overwritten(tmp_path):
    """A folder with files, a file, and the name of an installed predictor are refused."""
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(UsageError, match="is not empty; choose a new folder"):
        write_package("my-model", tmp_path)
    with pytest.raises(StoreError, match="is a file"):
        write_package("my-model", tmp_path / "notes")
    with pytest.raises(UsageError, match="'threshold' is already installed"):
        write_package("threshold", tmp_path / "new")
