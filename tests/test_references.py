import numpy as np
import pytest

from ctbench.datasets import LabelMaps
from ctbench.errors import DataError
from ctbench.labels import LabelSet
from ctbench.references import write_consensus
from ctbench.volume import Volume, read_volume


def drawn(*columns):
    """One slice a reader, on which a box ends at each of the given columns."""
    volumes = {}
    for number, column in enumerate(columns):
        labels = np.zeros((1, 4, 8), np.uint8)
        labels[:, :, :column] = 2
        volumes[f"r{number}"] = Volume(labels, (5.0, 1.0, 1.0))
    return LabelMaps(volumes, dict.fromkeys(volumes))


def test_a_consensus_is_written_as_three_volumes(tmp_path):
    """Both readers agree on four columns; on the next two each is alone, so that these voxels are excluded."""
    frame = write_consensus("a", drawn(4, 6), LabelSet({"iph": 2}), "majority", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a_excluded.nii.gz",
        "a_labels.nii.gz",
        "a_vote_share.nii.gz",
    ]
    labels = read_volume(tmp_path / "a_labels.nii.gz").array
    excluded = read_volume(tmp_path / "a_excluded.nii.gz").array
    np.testing.assert_array_equal(np.unique(labels[:, :, :4]), [2])
    assert not labels[:, :, 4:].any()
    np.testing.assert_array_equal(excluded[0, 0], [0, 0, 0, 0, 1, 1, 0, 0])
    assert list(frame["case"].unique()) == ["a"]


def test_nothing_is_written_without_readers(tmp_path):
    """The message names the case."""
    with pytest.raises(DataError, match="case a has no readers to fuse"):
        write_consensus("a", LabelMaps({}, {}), LabelSet({"iph": 2}), "majority", tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_share_of_votes_knows_weights_and_who_was_asked(tmp_path):
    """Of two readers one weighs 3: his two columns have 3/4. Where the other was not asked, they have all votes."""
    for name, rules, share in (
        ("weighed", {"weights": {"r1": 3.0}}, 0.75),
        ("not-asked", {"asked": {"r0": ()}}, 1.0),
    ):
        maps = drawn(0, 2)._replace(**rules)
        write_consensus(name, maps, LabelSet({"iph": 2}), "majority", tmp_path)
        found = read_volume(tmp_path / f"{name}_vote_share.nii.gz").array[0, 0]
        np.testing.assert_allclose(found, [share, share, 1, 1, 1, 1, 1, 1])
