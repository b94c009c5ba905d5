import numpy as np
import pytest
import SimpleITK

from ctbench.consensus import fuse, leave_one_out
from ctbench.consensus.patterns import patterns_of
from ctbench.consensus.staple import fit_staple


def plain_staple(maps, most_iterations=2000):
    """Multi-label STAPLE voxel by voxel, without patterns: the oracle. Codes of -1 are slices that nobody read.

    Returns the label map, -1 where two labels are equally probable.
    """
    codes = sorted({int(code) for array in maps for code in np.unique(array)} - {-1} | {0})
    drawn = np.stack([np.stack([np.ravel(array) == code for code in codes], axis=1) for array in maps]).astype(float)
    prior = drawn.sum(axis=(0, 1)) / drawn.sum()
    votes = drawn.sum(axis=0)
    weights = (votes == votes.max(axis=1, keepdims=True)).astype(float)
    weights[weights.sum(axis=1) > 1] = 0
    matrices = np.zeros((len(maps), len(codes), len(codes)))
    for _ in range(most_iterations):
        previous, matrices = matrices, np.stack([own.T @ weights for own in drawn])
        matrices = matrices / np.maximum(matrices.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        weights = np.tile(prior, (len(votes), 1))
        for own, matrix in zip(drawn, matrices, strict=True):
            weights *= np.where(own.any(axis=1, keepdims=True), own @ matrix, 1)
        weights = weights / np.maximum(weights.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        if np.abs(matrices - previous).max() < 1e-7:
            break
    tied = (weights >= weights.max(axis=1, keepdims=True) - 1e-9).sum(axis=1) > 1
    return np.where(tied, -1, np.array(codes)[weights.argmax(axis=1)]).reshape(maps[0].shape)


def study(seed):
    """Two to seven readers of three slices, each with errors of his own; up to four structures, codes with gaps."""
    rng = np.random.default_rng(seed)
    readers, structures = rng.integers(2, 8), rng.integers(1, 5)
    codes = np.concatenate([[0], np.sort(rng.choice(np.arange(1, 300), structures, replace=False))])
    truth = rng.integers(0, structures + 1, (3, 3, 3)).repeat(4, axis=1).repeat(5, axis=2)
    maps = []
    for rate in rng.uniform(0.02, 0.4, readers):
        wrong = rng.random(truth.shape) < rate
        maps.append(codes[np.where(wrong, rng.integers(0, structures + 1, truth.shape), truth)])
    return maps


def with_ties(reference):
    """The labels, -1 where indeterminate."""
    return np.where(reference.excluded, -1, reference.labels.astype(int))


@pytest.mark.parametrize("first", range(0, 300, 50))
def test_it_is_expectation_maximisation_voxel_by_voxel(first):
    """On 300 random studies counting patterns gives the label map of plain loops over voxels."""
    for seed in range(first, first + 50):
        maps = study(seed)
        np.testing.assert_array_equal(with_ties(fuse(maps, "staple", domain="image")), plain_staple(maps), str(seed))


def test_a_reader_who_did_not_look_has_no_factor():
    """Slices with other readers enter the same fit; what stands there is not read as background."""
    for seed in range(20):
        maps = {f"reader{number}": array for number, array in enumerate([*study(seed), *study(seed)[:2]])}
        annotated = {"reader0": np.array([True, False, True]), "reader1": np.array([False, True, True])}
        marked = [
            np.where(annotated.get(reader, np.ones(3, bool))[:, None, None], array, -1)
            for reader, array in maps.items()
        ]
        found = fuse(maps, "staple", annotated, domain="image")
        np.testing.assert_array_equal(with_ties(found), plain_staple(marked), str(seed))


def test_two_readers_who_differ_leave_voxels_indeterminate():
    """Two 4 x 4 squares one row apart: on the 8 voxels that one of them drew nothing tells who is right."""
    a, b = np.zeros((2, 1, 10, 10), np.uint8)
    a[0, 2:6, 2:6] = b[0, 3:7, 2:6] = 1
    for domain in ("box", "image"):
        reference = fuse([a, b], "staple", domain=domain)
        assert reference.excluded.sum() == 8
        assert reference.labels.sum() == 12


def test_a_tie_is_undecided():
    """Two readers who swap two labels are equally good: no label is more probable, so that none is taken."""
    a = np.array([[[1, 1, 2, 2, 0, 0, 0, 0]]], np.int16)
    b = np.array([[[2, 2, 1, 1, 0, 0, 0, 0]]], np.int16)
    reference = fuse([a, b], "staple")
    assert reference.excluded.ravel().tolist() == [True] * 4 + [False] * 4
    assert not reference.labels.any()


def test_a_poor_reader_counts_less_than_two_good_ones():
    """On a voxel where one of two good readers agrees with a poor one, votes are two to one but STAPLE knows better."""
    rng = np.random.default_rng(0)
    truth = (rng.random((1, 40, 50)) < 0.5).astype(np.uint8)
    good = [np.where(rng.random(truth.shape) < 0.02, 1 - truth, truth) for _ in range(2)]
    poor = [np.where(rng.random(truth.shape) < 0.4, 1 - truth, truth) for _ in range(3)]
    maps = [*good, *poor]
    votes = np.sum(maps, axis=0) >= 3
    assert np.mean(fuse(maps, "staple").labels != truth) < np.mean(votes != truth) / 2


def test_large_codes_and_any_integer_type_come_back():
    """Codes are numbered for the fit and given back in the readers' own type."""
    a = np.array([[[0, 900000, 7, 7]]], np.int64)
    reference = fuse([a, a, a], "staple")
    np.testing.assert_array_equal(reference.labels, a)
    assert reference.labels.dtype == np.int64
    assert not reference.excluded.any()


@pytest.mark.parametrize("readers", [3, 5, 7])
def test_odd_numbers_of_readers_are_fused_as_by_simpleitk(readers):
    """Where no vote is tied SimpleITK's filter is right: the same map, with the background of the whole image."""
    rng = np.random.default_rng(readers)
    z, y, x = np.mgrid[:12, :40, :40]
    centres, radii = rng.normal((6, 20, 20), 1.5, (readers, 3)), rng.uniform(8, 11, readers)
    maps = [
        ((z - a) ** 2 * 4 + (y - b) ** 2 + (x - c) ** 2 < r**2).astype(np.uint16)
        for (a, b, c), r in zip(centres, radii, strict=True)
    ]
    images = [SimpleITK.GetImageFromArray(array) for array in maps]
    expected = SimpleITK.GetArrayFromImage(SimpleITK.MultiLabelSTAPLE(images, 2))
    np.testing.assert_array_equal(with_ties(fuse(maps, "staple", domain="image")), expected)


def test_performance_of_one_structure_is_simpleitk_s():
    """Sensitivities and specificities of three simulated readers agree with the binary filter to six digits."""
    rng = np.random.default_rng(4)
    truth = rng.random(30_000) < 0.3
    drawn = [
        rng.random(truth.size) < np.where(truth, good, bad) for good, bad in ((0.95, 0.02), (0.87, 0.05), (0.8, 0.1))
    ]
    fit = fit_staple(patterns_of(np.array(drawn, np.int8)))
    staple = SimpleITK.STAPLEImageFilter()
    staple.SetForegroundValue(1.0)
    staple.SetMaximumIterations(10_000)
    staple.Execute([SimpleITK.GetImageFromArray(mask.astype(np.uint8)[None]) for mask in drawn])
    np.testing.assert_allclose(fit.confusion[:, 1, 1], staple.GetSensitivity(), atol=1e-6)
    np.testing.assert_allclose(fit.confusion[:, 0, 0], staple.GetSpecificity(), atol=1e-6)


def test_codes_are_names_only():
    """Other codes for the same structures change nothing but the codes."""
    for seed in range(200):
        maps = study(seed)
        codes = np.unique(maps)
        codes = codes[codes > 0]
        others = np.random.default_rng(seed).permutation(codes.size) * 7 + 1
        table = np.zeros(codes.max() + 1, int)
        table[codes] = others
        table = np.append(table, -1)  # indeterminate stays so
        found, renamed = fuse(maps, "staple"), fuse([table[array] for array in maps], "staple")
        np.testing.assert_array_equal(table[with_ties(found)], with_ties(renamed), str(seed))


@pytest.mark.parametrize("width", [1, 5, 20, 80])
def test_padding_changes_nothing_in_a_box(width):
    """The background that counts is that of the box of what anyone drew: a larger image is the same study."""
    for seed in range(10):
        maps = [array * (np.random.default_rng(seed).random(array.shape) < 0.9) for array in study(seed)]
        padded = [np.pad(array, width if width < 20 else ((0, 0), (width, width), (width, width))) for array in maps]
        inner = tuple(slice(-length - width, -width) for length in maps[0].shape)
        found = with_ties(fuse(padded, "staple"))
        core = found[inner] if width < 20 else found[:, *inner[1:]]
        np.testing.assert_array_equal(core, with_ties(fuse(maps, "staple")), str(seed))


def test_leave_one_out_references_of_three_readers_keep_ties():
    """Two readers are left for each reference: what only one of them drew is indeterminate, never background."""
    rng = np.random.default_rng(2)
    truth = np.zeros((2, 20, 20), np.uint8)
    truth[:, 5:15, 5:15] = 1
    maps = {name: np.roll(truth, rng.integers(-2, 3), axis=2) for name in ("ann", "bob", "cyd")}
    maps["bob"] = np.roll(truth, 2, axis=1)
    for reader, reference in leave_one_out(maps, "staple").items():
        one, other = (array for name, array in maps.items() if name != reader)
        np.testing.assert_array_equal(reference.excluded, one != other)
