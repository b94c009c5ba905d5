import dataclasses

import numpy as np
import pytest

from ctbench.consensus import fuse
from ctbench.labels import LabelSet
from ctbench.predictors import PredictorInfo
from ctbench.reference import Reference
from ctbench.runs.digests import (
    array_digest,
    code_digest,
    code_files,
    key,
    prediction_identity,
    predictions_digest,
    readable_files,
    reference_digest,
    volume_digest,
)
from ctbench.runs.manifest import UsedPredictor
from ctbench.volume import Volume

LABELS = np.arange(24).reshape(2, 3, 4) % 3


def test_arrays_differ_by_voxels_shape_and_type():
    """Memory order and byte order do not count."""
    digest = array_digest(LABELS)
    assert digest == array_digest(np.asfortranarray(LABELS)) == array_digest(LABELS.astype(">i8"))
    others = [LABELS + 1, LABELS.reshape(3, 2, 4), LABELS.astype(np.uint8)]
    assert len({digest, *map(array_digest, others)}) == 4


def test_volumes_differ_by_geometry():
    """A predictor sees spacing, origin and direction too."""
    volume = Volume(LABELS, (1.0, 1.0, 1.0))
    others = [
        Volume(LABELS, (2.0, 1.0, 1.0)),
        Volume(LABELS, (1.0, 1.0, 1.0), (0.0, 0.0, 1.0)),
        Volume(LABELS, (1.0, 1.0, 1.0), direction=np.diag([1.0, -1.0, 1.0])),
    ]
    assert len({volume_digest(volume), *map(volume_digest, others)}) == 4


def test_references_differ_by_what_their_groups_were_fused_into():
    """Readers who see blood of two types and readers who see none may have equal labels, never equal digests."""
    types = LabelSet({"iph": 1, "ivh": 2}, {"hemorrhage": ("iph", "ivh")})
    first, second = (np.full((1, 2, 2), code, np.uint8) for code in (1, 2))
    blood, doubt = (
        fuse(maps, groups=types) for maps in ([first, second, 0 * first], [first, second, 0 * first, 0 * first])
    )
    np.testing.assert_array_equal(blood.labels, doubt.labels)
    np.testing.assert_array_equal(blood.excluded, doubt.excluded)
    assert reference_digest(blood) != reference_digest(doubt)
    assert reference_digest(blood) != reference_digest(dataclasses.replace(blood, groups={}))


def test_references_differ_by_all_that_moves_a_score():
    """Labels, excluded voxels, annotated slices and what is possible count; the method's name and the type do not."""
    readers = [LABELS, np.roll(LABELS, 1), np.roll(LABELS, 2)]
    reference = fuse(readers)
    same = [
        dataclasses.replace(reference, method="other"),
        dataclasses.replace(reference, labels=reference.labels.astype(np.int64)),
    ]
    assert {reference_digest(one) for one in same} == {reference_digest(reference)}
    annotated = reference.annotated.copy()
    annotated[0] = False
    others = [
        dataclasses.replace(reference, annotated=annotated),
        dataclasses.replace(reference, possible=None),
        Reference.of(LABELS),
        Reference.of(LABELS * 2),
    ]
    assert len({reference_digest(reference), *map(reference_digest, others)}) == 5


def test_keys_do_not_depend_on_order():
    """Names do."""
    assert key(a=1, b={"x": 1, "y": 2}) == key(b={"y": 2, "x": 1}, a=1)
    assert key(a=1) != key(b=1)
    with pytest.raises(TypeError):
        key(a=object())


def test_unfinished_files_are_no_predictions(tmp_path):
    """A temporary file of a process that was killed does not count; a name and a byte do."""
    folder = tmp_path / "predictions"
    empty = predictions_digest(folder)
    folder.mkdir()
    (folder / ".partial-x-a.nii.gz").write_text("half")
    assert predictions_digest(folder) == empty
    (folder / "a").write_text("1")
    one = predictions_digest(folder)
    (folder / "a").rename(folder / "b")
    assert len({empty, one, predictions_digest(folder)}) == 3


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


def test_of_a_commands_environment_the_installed_packages_count(tmp_path):
    """An update of a package is another predictor; the gigabytes of packages are not read for that."""
    packages = tmp_path / "env" / "lib" / "python3.11" / "site-packages"
    for folder in (tmp_path / "env" / "bin", packages / "torch", packages / "torch-2.dist-info"):
        folder.mkdir(parents=True)
    program = tmp_path / "env" / "bin" / "python"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (tmp_path / "env" / "pyvenv.cfg").write_text("version = 3.11.2\n")
    record, large = packages / "torch-2.dist-info" / "RECORD", packages / "torch" / "large.so"
    record.write_text("torch/large.so,sha256=1,9\n")
    large.write_text("large")
    here = tmp_path / "here"
    here.mkdir()
    spec = f"command:{program} {{image}} {{output}}"
    before = code_digest(spec, here)
    assert large not in {path for _, path in code_files(spec, here)}
    assert large in set(readable_files(spec, here))
    record.write_text("torch/large.so,sha256=2,9\n")
    assert code_digest(spec, here) != before


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


def test_trust_and_variables_are_part_of_the_identity():
    """What a predictor answered with the whole machine to read may differ from what it answers in the sandbox."""
    plain = card()
    trusted, varied = plain.model_copy(update={"trusted": True}), plain.model_copy(update={"environment": {"A": "1"}})
    assert len({prediction_identity(one) for one in (plain, trusted, varied)}) == 3


def test_where_it_runs_and_what_is_said_of_it_is_not():
    """The device, the paper and the description move nothing."""
    same = card(options={"device": "cuda"}, paper="doi", description="A model.", licence="MIT")
    assert prediction_identity(card()) == prediction_identity(same)
