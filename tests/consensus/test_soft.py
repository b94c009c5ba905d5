import numpy as np

from ctbench.consensus import fuse, soft_staple


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
