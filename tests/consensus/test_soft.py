import numpy as np

from ctbench.consensus import fuse, soft_staple, soft_votes


def test_probabilities_sum_to_one_and_decide_as_the_fused_map(readers):
    """In every voxel the codes' probabilities sum to 1; the largest is the fused label, two equal ones a tie."""
    soft = soft_staple(readers)
    codes = [0, 1, 2, 7]
    probabilities = np.stack([soft.probability(code) for code in codes])
    np.testing.assert_allclose(probabilities.sum(axis=0), 1, atol=1e-6)
    reference = fuse(readers, "staple")
    decided = ~reference.excluded
    np.testing.assert_array_equal(np.array(codes)[probabilities.argmax(axis=0)][decided], reference.labels[decided])
    assert not soft.probability(5).any()


def test_an_intermediate_probability_follows_from_readers_confusion(readers):
    """By Bayes' rule with the fitted confusion matrices, at a voxel on which they differ."""
    soft = soft_staple(readers)
    at = np.unravel_index(soft.found.at[0], readers["reader1"].shape)
    drawn = np.searchsorted(soft.fit.patterns.codes, [array[at] for array in readers.values()])
    counts = soft.fit.patterns.counts.sum(axis=0)
    votes = (soft.fit.patterns.votes[:, :, None] == np.arange(4)).sum(axis=1)
    prior = counts @ votes / (counts @ votes).sum()
    likelihood = prior * np.prod([matrix[o] for matrix, o in zip(soft.fit.confusion, drawn, strict=True)], axis=0)
    expected = likelihood / likelihood.sum()
    np.testing.assert_allclose([soft.probability(code)[at] for code in (0, 1, 2, 7)], expected, atol=1e-6)


def test_slices_that_nobody_annotated_have_no_probability(readers):
    """Neither background nor a structure is probable where nobody looked."""
    nowhere = np.array([True, True, False, True])
    soft = soft_staple(readers, dict.fromkeys(readers, nowhere))
    assert not soft.probability(0)[2].any()
    assert soft.probability(0)[3].any()


def test_a_reader_who_was_not_asked_is_no_evidence_against_a_label(readers):
    """Without label 7 among what reader5 was asked to draw, it is as probable as without reader5.

    His label map and box are those of reader1, so that the other readers' performance is the same in both fits.
    """
    maps = {name: np.where(array == 7, array, 0) for name, array in readers.items() if name != "reader5"}
    silent = {**maps, "reader5": np.zeros_like(maps["reader1"])}
    own = soft_staple(silent, asked={"reader5": []}).probability(7)
    np.testing.assert_allclose(own, soft_staple(maps).probability(7), atol=1e-5)
    assert np.abs(soft_staple(silent).probability(7) - own).max() > 0.1


def test_soft_votes_are_shares_by_weight(row):
    """Reader a weighs 2; c was not asked for label 2. Background has the smallest share of those who drew nothing."""
    maps = {"a": row(1, 2, 0), "b": row(1, 0, 1), "c": row(0, 0, 1)}
    soft = soft_votes(maps, asked={"c": [1]}, weights={"a": 2.0})
    np.testing.assert_allclose(soft.probability(1).ravel(), [3 / 4, 0, 2 / 4])
    np.testing.assert_allclose(soft.probability(2).ravel(), [0, 2 / 3, 0], atol=1e-7)
    np.testing.assert_allclose(soft.probability(0).ravel(), [0, 1 / 3, 2 / 4], atol=1e-7)


def test_soft_votes_above_one_half_are_the_majority(readers):
    """In every voxel the label of the majority has more than one half, and no label has where it is undecided."""
    soft, reference = soft_votes(readers, weights={"reader1": 1.5}), fuse(readers, weights={"reader1": 1.5})
    above = np.stack([soft.probability(code) > 0.5 for code in (0, 1, 2, 7)])
    np.testing.assert_array_equal(above.any(axis=0), ~reference.excluded)
    np.testing.assert_array_equal(np.array([0, 1, 2, 7])[above.argmax(axis=0)], reference.labels)
