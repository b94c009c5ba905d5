import dataclasses

import numpy as np
import pytest

from ctbench.consensus import fuse
from ctbench.reference import Reference
from ctbench.runs.digests import array_digest, key, predictions_digest, reference_digest, volume_digest
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
