import pytest

from ctbench.datasets.yamlfile import read_yaml
from ctbench.errors import UsageError
from ctbench.interchange.description import write_description


def test_empty_values_and_columns_are_left_out(tmp_path):
    """What an import does not know does not stand in the YAML or the case table."""
    rows = [{"case": "a", "split": "", "age": ""}, {"case": "b", "age": "7"}]
    out = write_description(tmp_path / "x.yaml", "x", {"title": "t", "image": None, "groups": {}}, rows)
    assert read_yaml(out) == {"x": {"title": "t", "cases": str(tmp_path / "x.csv")}}
    assert (tmp_path / "x.csv").read_text() == "case,age\na,\nb,7\n"


def test_nothing_is_overwritten(tmp_path):
    """Neither the YAML nor the case table beside it."""
    (tmp_path / "x.csv").write_text("mine")
    with pytest.raises(UsageError, match=r"x\.csv exists; expected a new file"):
        write_description(tmp_path / "x.yaml", "x", {"title": "t"}, [{"case": "a"}])
    assert not (tmp_path / "x.yaml").exists()
    write_description(tmp_path / "x.yaml", "x", {"title": "t"})
    with pytest.raises(UsageError, match=r"x\.yaml exists"):
        write_description(tmp_path / "x.yaml", "x", {"title": "t"})
