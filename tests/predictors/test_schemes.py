from pathlib import Path

import pytest

from ctbench.errors import UsageError
from ctbench.predictors import is_third_party, load_predictor, own_files
from ctbench.predictors.schemes import find_scheme, installed_schemes


def test_the_schemes_of_ctbench_are_installed():
    """Each is one line among the entry points, and can be imported."""
    schemes = installed_schemes()
    assert {"onnx", "torchscript"} <= schemes.keys()
    assert all(callable(entry.load()) for entry in schemes.values())


def test_a_spec_is_split_at_its_first_colon():
    """The rest is the path; a module, an entry point and a command are no schemes."""
    found = find_scheme("onnx:a/b:c.onnx")
    assert (found.entry.name, found.path) == ("onnx", Path("a/b:c.onnx"))
    assert not any(find_scheme(spec) for spec in ("threshold", "my_model:MyModel", "command:onnx {image} {output}"))


def test_a_network_is_third_party_code_with_its_files(tmp_path):
    """The sandbox shows the file, its data and metadata, labels.json, and the scheme; nothing else of the folder."""
    for name in ("net.onnx", "net.onnx.data", "net.json", "labels.json", "netto.onnx", "mask.nii.gz"):
        (tmp_path / name).touch()
    assert is_third_party("onnx:net.onnx")
    *found, package = own_files("onnx:net.onnx", tmp_path)
    assert {path.name for path in found} == {"net.onnx", "net.onnx.data", "net.json", "labels.json"}
    assert package.name == "reference_models"
    assert own_files("onnx:absent.onnx", tmp_path) == (package,)
    assert own_files(f"onnx:{tmp_path}", tmp_path) == (tmp_path, package)


def test_an_unknown_option_is_named(tmp_path):
    """The path is no option; it stands after the colon."""
    (tmp_path / "net.ts").touch()
    with pytest.raises(UsageError, match="unknown option path; known: labels, device, threads, orientation"):
        load_predictor("torchscript:net.ts", {"path": 1}, here=tmp_path)
