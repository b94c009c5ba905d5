"""What no scoring may depend on."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ctbench.metrics import METRICS, score

SPACING = (3.0, 0.7, 1.1)
LABELS = {"a": 1, "b": 2}
SYMMETRIC = ["dice", "jaccard", "hd", "hd95", "assd", "masd", "nsd", "hd95_pooled", "nsd_voxel"]
LENGTHS = ["hd", "hd95", "assd", "masd", "hd95_pooled"]

label_maps = hnp.arrays(np.uint8, (3, 4, 5), elements=st.integers(0, 2))
pairs = st.tuples(label_maps, label_maps)
kinds = st.sampled_from(["3d", "2d"])
quick = settings(max_examples=40, deadline=None)


def table(reference, prediction, spacing=SPACING, labels=LABELS, **others):
    """Give the values by label and metric."""
    scores = score(reference, prediction, spacing_mm=spacing, labels=labels, **others)
    return scores.set_index(["label", "metric"]).value


def same(found, expected):
    """Assert that values agree, undefined ones included."""
    np.testing.assert_allclose(found.to_numpy(), expected.loc[found.index].to_numpy(), rtol=1e-9, atol=1e-12)


@quick
@given(pairs, kinds)
def test_symmetry(pair, surface):
    """Reference and prediction may change places: overlaps and distances stay, differences turn their sign."""
    forth, back = table(*pair, surface=surface), table(*pair[::-1], surface=surface)
    same(forth.loc[:, SYMMETRIC], back)
    for one, other in (
        ("sensitivity", "precision"),
        ("volume_ml", "reference_volume_ml"),
        ("abc2_ml", "reference_abc2_ml"),
    ):
        np.testing.assert_array_equal(forth.loc[:, one], back.loc[:, other])
    np.testing.assert_array_equal(forth.loc[:, "volume_difference_ml"], -back.loc[:, "volume_difference_ml"])


@quick
@given(pairs, kinds)
def test_codes_are_only_names(pair, surface):
    """Other codes for the same labels, in any order, give the same values."""
    codes = np.array([0, 40, 3], np.int32)
    renamed = table(*[codes[label_map] for label_map in pair], labels={"b": 3, "a": 40}, surface=surface)
    same(table(*pair, surface=surface), renamed)


@quick
@given(pairs, st.sampled_from(list(itertools.permutations(range(3)))), st.tuples(*[st.booleans()] * 3))
def test_flips_and_transposition(pair, axes, flips):
    """Turning the image with its spacing changes nothing, except ABC/2, whose slices are axial."""
    flipped = [np.flip(label_map, np.flatnonzero(flips)) for label_map in pair]
    turned = [label_map.transpose(axes) for label_map in flipped]
    metrics = [name for name in METRICS if "abc2" not in name]
    same(table(*turned, spacing=[SPACING[axis] for axis in axes], metrics=metrics), table(*pair, metrics=metrics))


@quick
@given(pairs, kinds, st.tuples(*[st.integers(0, 3)] * 3))
def test_translation(pair, surface, shift):
    """Where the structures lie in a larger image is of no matter, but for the diagonal of the penalties."""
    placed = [np.pad(label_map, [(step, 3 - step) for step in shift]) for label_map in pair]
    centred = [np.pad(label_map, [(0, 3)] * 3) for label_map in pair]
    same(table(*placed, surface=surface), table(*centred, surface=surface))


@quick
@given(pairs, kinds, st.sampled_from([0.1, 0.3, 7.0]))
def test_scale(pair, surface, factor):
    """With the spacing, distances scale, volumes scale by its cube, and shares within a scaled tolerance stay."""
    small = table(*pair, surface=surface, tolerance_mm=1.1)
    scaled = table(*pair, spacing=[step * factor for step in SPACING], surface=surface, tolerance_mm=1.1 * factor)
    same(scaled.loc[:, ["dice", "nsd", "nsd_voxel", "rvd"]], small)
    same(scaled.loc[:, LENGTHS], small * factor)
    same(scaled.loc[:, ["volume_ml", "abc2_ml"]], small * factor**3)


@quick
@given(pairs, label_maps, kinds)
def test_other_labels_are_background(pair, others, surface):
    """Voxels of a label that is not scored are as good as background."""
    marked = [np.where((label_map == 0) & (others == 1), 9, label_map) for label_map in pair]
    same(table(*marked, surface=surface), table(*pair, surface=surface))


@quick
@given(pairs, kinds, st.floats(0.1, 5), st.floats(0.1, 5))
def test_nsd_grows_with_the_tolerance(pair, surface, one, other):
    """What lies within a tolerance lies within a larger one."""
    low, high = (
        table(*pair, metrics=["nsd", "nsd_voxel"], tolerance_mm=tolerance, surface=surface)
        for tolerance in sorted((one, other))
    )
    assert ((low <= high) | (low.isna() & high.isna())).all()


@quick
@given(pairs, kinds)
def test_ranges_and_orders(pair, surface):
    """Shares lie in [0, 1], no distance exceeds the diagonal, percentiles and means are no larger than the maximum."""
    found = table(*pair, surface=surface)
    shares = found.loc[:, ["dice", "jaccard", "sensitivity", "precision", "nsd", "nsd_voxel"]].dropna()
    assert shares.between(0, 1).all()
    wide = found.unstack().dropna(subset=["hd"])
    assert (wide.hd <= np.linalg.norm(np.multiply((3, 4, 5), SPACING)) + 1e-9).all()
    assert (wide[["hd95", "assd", "masd"]].max(axis=1) <= wide.hd + 1e-9).all()
    assert np.allclose(wide.dice, 2 * wide.jaccard / (1 + wide.jaccard))


def test_input_is_not_written_to(blobs):
    """Scoring leaves the caller's arrays as they were, and takes read-only ones."""
    pair = [blobs(0), blobs(1)]
    before = [label_map.copy() for label_map in pair]
    for label_map in pair:
        label_map.flags.writeable = False
    table(*pair)
    assert all(np.array_equal(a, b) for a, b in zip(pair, before, strict=True))


@pytest.mark.parametrize("dtype", ["u1", "i1", "<i2", ">i2", "u2", "i4", ">u4", "i8", "u8"])
def test_any_integers(dtype, blobs):
    """The integer type and its byte order are of no matter."""
    as_given = [label_map.astype(dtype) for label_map in (blobs(0), blobs(1))]
    same(table(*as_given), table(blobs(0), blobs(1)))


def test_codes_of_any_size(blobs):
    """Codes may be far beyond any table: the values are those of small codes."""
    codes = np.array([0, 2_000_000_001, 70_000, 65_536])
    large = [codes[label_map] for label_map in (blobs(0), blobs(1))]
    same(table(*large, labels={"a": 2_000_000_001, "b": 70_000}), table(blobs(0), blobs(1)))
    unsigned = [label_map.astype(np.uint64) for label_map in large]
    unsigned[0][unsigned[0] == 65_536] = 2**63 - 1
    same(table(*unsigned, labels={"a": 2_000_000_001, "b": 70_000}), table(blobs(0), blobs(1)))


def test_codes_beyond_the_type(blobs):
    """A code that one of the label maps cannot hold is not in it."""
    scores = score(blobs(0), blobs(1).astype(np.int32), spacing_mm=SPACING, labels={"a": 1, "far": 257})
    assert set(scores.status[scores.label == "far"]) == {"both_empty"}


def test_negative_codes_are_background(blobs):
    """Some software marks what it does not know by -1."""
    marked = [np.where(label_map == 3, -1, label_map).astype(np.int8) for label_map in (blobs(0), blobs(1))]
    same(table(*marked), table(blobs(0), blobs(1)))


def test_any_memory_layout(blobs, tmp_path):
    """Fortran order, strides and memory maps are of no matter."""
    pair = blobs(0), blobs(1)
    spread = [np.repeat(label_map, 2, axis=1)[:, ::2] for label_map in pair]
    for number, label_map in enumerate(pair):
        np.save(tmp_path / f"{number}.npy", label_map)
    mapped = [np.load(tmp_path / f"{number}.npy", mmap_mode="r") for number in (0, 1)]
    for others in ([np.asfortranarray(label_map) for label_map in pair], spread, mapped):
        same(table(*others), table(*pair))
