import json

import pytest

pytestmark = pytest.mark.usefixtures("bright_plugin")


def test_weights_are_imported_with_their_labels(ctbench, tmp_path):
    """Names and codes in the order given; without --out the file has the model's name."""
    (tmp_path / "authors.hdf5").write_text("x")
    out = tmp_path / "bright.safetensors"
    result = ctbench(
        "weights",
        "import",
        "bright",
        "--trust",
        str(tmp_path / "authors.hdf5"),
        "--out",
        str(out),
        "--label",
        "a=1",
        "--label",
        "b=4",
    )
    assert result.exit_code == 0, result.err
    assert json.loads(out.read_text()) == {"from": "authors.hdf5", "labels": {"a": 1, "b": 4}}
