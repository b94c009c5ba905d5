import pytest

from ctbench.labels import LabelSet
from ctbench.predictors import PredictorInfo
from ctbench.runs.identity import code_digest, prediction_identity
from ctbench.runs.manifest import UsedPredictor


def card(spec="threshold", code="c" * 64, options=None, **info):
    """The card of a predictor."""
    fields = {"name": "mine", "version": "1", "labels": LabelSet({"iph": 1})} | info
    return UsedPredictor.of(PredictorInfo(**fields), spec, options or {}, code)


def test_the_code_of_a_package_is_all_its_files_but_not_what_python_made_of_them(tmp_path):
    """A change anywhere in the package is another predictor; a compiled file is not."""
    package = tmp_path / "one_package"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "inner" / "settings.json").write_text("{}")
    before = code_digest("one_package.model:Model", tmp_path)
    assert len(before) == 64
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert code_digest("one_package.model:Model", tmp_path) == before
    (package / "inner" / "settings.json").write_text('{"a": 1}')
    assert code_digest("one_package.model:Model", tmp_path) != before


def test_the_code_of_a_command_is_its_program_and_the_files_that_it_names(tmp_path):
    """So a script that was edited is another predictor."""
    (tmp_path / "segment.py").write_text("one")
    spec = "command:python3 segment.py {image} {output}"
    before = code_digest(spec, tmp_path)
    (tmp_path / "segment.py").write_text("two")
    assert len(before) == 64
    assert code_digest(spec, tmp_path) != before


def test_what_is_mounted_counts(tmp_path):
    """Weights outside the package are read by the predictor too."""
    (tmp_path / "lone_model.py").write_text("")
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "w.safetensors").write_text("1")
    before = code_digest("lone_model:Model", tmp_path, [weights])
    (weights / "w.safetensors").write_text("2")
    assert code_digest("lone_model:Model", tmp_path, [weights]) != before


@pytest.mark.parametrize("spec", ["folder:somewhere", "container:image", "no_such_module_at_all:Model"])
def test_what_has_no_files_has_no_digest_and_no_identity(spec, tmp_path):
    """Nothing would tell when it changes, so that it is not cached."""
    assert code_digest(spec, tmp_path) == ""
    assert prediction_identity(card(spec, code="")) == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other"},
        {"version": "2"},
        {"weights_digest": "w"},
        {"parameters": {"depth": 3}},
        {"options": {"depth": 3}},
        {"labels": LabelSet({"iph": 2})},
        {"code": "d" * 64},
        {"spec": "atlas"},
    ],
)
def test_everything_that_moves_a_prediction_is_in_the_identity(changes):
    """Another value of any of these is another predictor."""
    assert prediction_identity(card()) != prediction_identity(card(**changes))


def test_where_it_runs_and_what_is_said_of_it_is_not():
    """The device, the paper and the description move nothing."""
    same = card(options={"device": "cuda"}, paper="doi", description="A model.", licence="MIT")
    assert prediction_identity(card()) == prediction_identity(same)
