import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ctbench.consensus import METHODS, fuse, leave_one_out
from ctbench.errors import DataError, GeometryError, LabelError, UsageError
from ctbench.labels import LabelSet

BOTH = ["majority", "plurality"]
drawings = st.integers(1, 5).flatmap(
    lambda count: st.lists(arrays(np.int16, (2, 3, 4), elements=st.integers(0, 3)), min_size=count, max_size=count)
)


def codes(reference):
    """Give labels as a list in which None is indeterminate."""
    pairs = zip(reference.labels.ravel().tolist(), reference.excluded.ravel().tolist(), strict=True)
    return [None if excluded else code for code, excluded in pairs]


class TestClosedForms:
    """Votes that can be counted by hand."""

    def test_three_readers(self, row):
        """Three, two and one of three votes for a label: only more than half is a majority, a single vote is not."""
        maps = {"a": row(1, 1, 1, 0, 1), "b": row(1, 1, 0, 0, 2), "c": row(1, 0, 0, 0, 3)}
        reference = fuse(maps)
        assert codes(reference) == [1, 1, 0, 0, None]
        assert (reference.method, reference.readers) == ("majority", ("a", "b", "c"))
        assert reference.annotated.tolist() == [True]
        assert {code: mask.ravel().tolist() for code, mask in reference.possible.items()} == {
            code: [False, False, False, False, True] for code in (1, 2, 3)
        }

    @pytest.mark.parametrize("method", BOTH)
    def test_two_readers_who_disagree(self, row, method):
        """One vote each is no majority and a tie: indeterminate, with background no possible label."""
        reference = fuse([row(1, 1, 0), row(1, 0, 2)], method)
        assert codes(reference) == [1, None, None]
        assert reference.readers == ("reader1", "reader2")
        assert {code: mask.ravel().tolist() for code, mask in reference.possible.items()} == {
            1: [False, True, False],
            2: [False, False, True],
        }

    def test_most_votes_are_not_always_a_majority(self, row):
        """Two of five: the plurality has it, the majority has not; two and two of five: neither."""
        maps = [row(1, 1), row(1, 1), row(2, 2), row(3, 2), row(0, 0)]
        assert codes(fuse(maps)) == [None, None]
        assert codes(fuse(maps, "plurality")) == [1, None]

    def test_background_is_a_vote(self, row):
        """Two of four for a label and two for background is a tie, two of three for background is background."""
        assert codes(fuse([row(1), row(1), row(0), row(0)], "plurality")) == [None]
        assert codes(fuse([row(1), row(0), row(0)])) == [0]

    def test_union_and_intersection(self, row):
        """What any and what all drew, with the code that they drew it with; nothing is indeterminate."""
        maps = [row(4, 4, 0), row(4, 0, 0)]
        assert codes(fuse(maps, "union")) == [4, 4, 0]
        assert codes(fuse(maps, "intersection")) == [4, 0, 0]

    def test_union_of_empty_masks(self, row):
        """Readers who all drew nothing agree on nothing."""
        assert codes(fuse([row(0, 0), row(0, 0)], "union")) == [0, 0]

    def test_masks_may_be_bool(self, row):
        """A mask is a label map with the code 1."""
        reference = fuse([row(1, 0) > 0, row(1, 1) > 0, row(1, 1) > 0])
        assert codes(reference) == [1, 1]
        assert reference.labels.dtype == np.uint8


class TestSlices:
    """Readers who annotated different slices."""

    @pytest.fixture
    def maps(self):
        """Three readers of four slices of one voxel, who drew 1, 1 and 2 everywhere."""
        return {name: np.full((4, 1, 1), code, np.uint8) for name, code in (("a", 1), ("b", 1), ("c", 2))}

    @pytest.fixture
    def annotated(self):
        """Slice 0: all; 1: a and c; 2: c alone; 3: nobody."""
        return {name: np.array(slices, bool) for name, slices in (("a", [1, 1, 0, 0]), ("b", [1, 0, 0, 0]))} | {
            "c": np.array([1, 1, 1, 0], bool)
        }

    def test_only_those_who_annotated_a_slice_have_a_vote_in_it(self, maps, annotated):
        """Two of three win, one of two is indeterminate, one alone decides, and no reader means not annotated."""
        reference = fuse(maps, annotated=annotated)
        assert codes(reference) == [1, None, 2, 0]
        assert reference.annotated.tolist() == [True, True, True, False]
        assert reference.possible[1].ravel().tolist() == [False, True, False, False]
        assert reference.possible[2].ravel().tolist() == [False, True, False, False]

    def test_who_is_not_named_annotated_all(self, maps, annotated):
        """An absent reader and None mean every slice."""
        reference = fuse(maps, annotated={"a": annotated["a"], "b": None})
        assert codes(reference) == [1, 1, None, None]

    @pytest.mark.parametrize("method", METHODS)
    def test_marks_outside_annotated_slices_are_ignored(self, readers, method):
        """What stands in a slice that its reader did not annotate changes nothing, not even whether codes are one."""
        masks = {name: (array == 1).astype(np.uint8) for name, array in readers.items()}
        annotated = {"reader2": np.array([True, False, True, False])}
        spoiled = masks | {"reader2": np.where(annotated["reader2"][:, None, None], masks["reader2"], 9)}
        one, other = fuse(masks, method, annotated), fuse(spoiled, method, annotated)
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(one.excluded, other.excluded)
        assert one.possible.keys() == other.possible.keys()


class TestProperties:
    """What holds for any readers."""

    @given(drawings, st.sampled_from(BOTH))
    def test_votes_counted_one_by_one(self, maps, method):
        """The fast way gives what counting each voxel's votes gives."""
        reference = fuse(maps, method)
        for at in np.ndindex(reference.labels.shape):
            votes = [int(array[at]) for array in maps]
            tally = sorted(((votes.count(code), code) for code in set(votes)), reverse=True)
            is_tied = len(tally) > 1 and tally[0][0] == tally[1][0]
            undecided = 2 * tally[0][0] <= len(votes) if method == "majority" else is_tied
            assert reference.excluded[at] == undecided
            assert reference.labels[at] == (0 if undecided else tally[0][1])
            for code in (1, 2, 3):
                possible = reference.possible[code][at] if code in reference.possible else False
                assert possible == (undecided and code in votes)

    @given(drawings, st.sampled_from(BOTH), st.randoms(use_true_random=False))
    def test_the_order_of_readers_does_not_matter(self, maps, method, random):
        """Shuffled readers give the same reference."""
        shuffled = random.sample(maps, len(maps))
        assert codes(fuse(shuffled, method)) == codes(fuse(maps, method))

    @given(drawings, st.sampled_from(BOTH), st.permutations([1, 2, 3]))
    def test_other_codes_give_the_same_reference_in_these_codes(self, maps, method, permuted):
        """Names of labels play no part."""
        recode = np.array([0, *permuted], np.int16)
        expected = [None if code is None else int(recode[code]) for code in codes(fuse(maps, method))]
        assert codes(fuse([recode[array] for array in maps], method)) == expected

    @pytest.mark.parametrize("method", METHODS)
    def test_one_reader_is_his_own_reference(self, readers, method):
        """Whatever the rule, nobody can disagree with himself."""
        mask = np.where(readers["reader1"] == 7, 7, 0)
        reference = fuse([mask], method)
        np.testing.assert_array_equal(reference.labels, mask)
        assert not reference.excluded.any()

    @pytest.mark.parametrize("method", METHODS)
    def test_readers_who_agree_are_the_reference(self, readers, method):
        """Five times the same mask gives that mask."""
        mask = (readers["reader1"] == 7).astype(np.int32)
        reference = fuse([mask] * 5, method)
        np.testing.assert_array_equal(reference.labels, mask)
        assert reference.labels.dtype == np.int32
        assert not reference.excluded.any()
        assert reference.possible == {}

    def test_label_maps_are_not_changed(self, readers):
        """Fusing reads only, also where a reader's other slices are blanked."""
        before = {name: array.copy() for name, array in readers.items()}
        fuse(readers, annotated={"reader1": np.array([True, False, False, True])})
        for name, array in readers.items():
            np.testing.assert_array_equal(array, before[name])


class TestLeaveOneOut:
    """References that a reader did not help to make."""

    @pytest.mark.parametrize("method", BOTH)
    def test_it_is_the_fusion_of_all_others(self, readers, method):
        """Each reader's reference is what the others give, under its own name, with the readers who made it."""
        annotated = {"reader2": np.array([True, True, False, False])}
        references = leave_one_out(readers, method, annotated)
        assert list(references) == list(readers)
        for left_out, reference in references.items():
            others = {name: array for name, array in readers.items() if name != left_out}
            rest = {name: slices for name, slices in annotated.items() if name in others}
            expected = fuse(others, method, rest)
            np.testing.assert_array_equal(reference.labels, expected.labels)
            np.testing.assert_array_equal(reference.excluded, expected.excluded)
            np.testing.assert_array_equal(reference.annotated, expected.annotated)
            assert reference.method == f"{method}-without-{left_out}"
            assert reference.readers == tuple(others)

    def test_a_slice_that_one_reader_alone_annotated_is_nobody_s_without_him(self, readers):
        """What only the left-out reader saw does not count."""
        alone = np.array([False, False, False, True])
        annotated = dict.fromkeys(readers, ~alone) | {"reader3": np.ones(4, bool)}
        references = leave_one_out(readers, annotated=annotated)
        assert references["reader3"].annotated.tolist() == [True, True, True, False]
        assert references["reader1"].annotated.all()

    def test_of_two_readers_each_is_the_other_s_reference(self, row):
        """Without one of two, the other is what is left."""
        references = leave_one_out({"a": row(1, 0), "b": row(2, 2)})
        assert codes(references["a"]) == [2, 2]
        assert codes(references["b"]) == [1, 0]

    def test_one_reader_has_no_others(self, row):
        """The message names the reader."""
        with pytest.raises(DataError, match="leaving out a leaves no reader"):
            leave_one_out({"a": row(1)})


class TestBadInput:
    """What cannot be fused says why."""

    def test_no_reader(self):
        """An empty mapping and an empty sequence have nobody to ask."""
        for nobody in ({}, []):
            with pytest.raises(DataError, match="no reader"):
                fuse(nobody)

    def test_different_shapes(self, row):
        """Both shapes and both readers are named."""
        with pytest.raises(GeometryError, match=r"of b has shape \(1, 1, 3\), that of a \(1, 1, 2\)"):
            fuse({"a": row(0, 0), "b": row(0, 0, 0)})

    def test_floats(self, row):
        """Whole numbers as floats are no label map either."""
        with pytest.raises(LabelError, match="label map of b is float64; expected integers"):
            fuse({"a": row(0), "b": row(0).astype(float)})

    def test_flat_maps(self):
        """A label map has three axes, be one of length 1."""
        with pytest.raises(DataError, match=r"shape \(2, 2\); expected three axes"):
            fuse([np.zeros((2, 2), int)])

    @pytest.mark.parametrize("function", [fuse, leave_one_out])
    def test_unknown_method(self, row, function):
        """The message lists the methods."""
        with pytest.raises(
            UsageError, match="'mean'; expected one of majority, plurality, staple, simple, union, inter"
        ):
            function([row(0), row(0)], "mean")

    @pytest.mark.parametrize("method", ["union", "intersection"])
    def test_several_structures_where_one_is_meant(self, row, method):
        """Two codes, be they of two readers, have no union that is one label map."""
        with pytest.raises(LabelError, match=f"{method} fuses masks of one structure, got codes 1, 2"):
            fuse([row(1, 0), row(0, 2)], method)

    def test_slices_of_an_unknown_reader(self, row):
        """A slip in a name would silently count all slices."""
        with pytest.raises(UsageError, match="annotated names bbo, who has no label map; readers: ann, bob"):
            fuse({"ann": row(0), "bob": row(0)}, annotated={"bbo": np.array([True])})

    @pytest.mark.parametrize("slices", [np.array([True, True]), np.array([1]), np.array([[True]])])
    def test_slices_that_do_not_fit(self, row, slices):
        """``annotated`` is one bool for each slice."""
        with pytest.raises(GeometryError, match=r"annotated\['reader1'\] is .*; expected bool of shape \(1,\)"):
            fuse([row(0)], annotated={"reader1": slices})


class TestRealReaders:
    """Six lung nodules, four readers each."""

    def read(self, real_data):
        """Give reader -> mask for each nodule."""
        from ctbench.volume import read_label_map

        paths = sorted((real_data / "readers_lidc").glob("*_reader?.nii.gz"))
        cases = itertools.groupby(paths, lambda path: path.name.partition("_reader")[0])
        return {case: {path.name[-13:-7]: read_label_map(path).array for path in group} for case, group in cases}

    def test_masks_of_four_readers(self, real_data):
        """Majority is three of four votes, two are a tie, and without one reader it is two of three."""
        cases = self.read(real_data)
        assert len(cases) == 6
        for maps in cases.values():
            votes = np.sum(list(maps.values()), axis=0)
            reference = fuse(maps)
            np.testing.assert_array_equal(reference.labels, votes >= 3)
            np.testing.assert_array_equal(reference.excluded, votes == 2)
            np.testing.assert_array_equal(reference.possible[1], votes == 2)
            for reader, without in leave_one_out(maps).items():
                np.testing.assert_array_equal(without.labels, votes - maps[reader] >= 2)
                assert not without.excluded.any()

    def test_staple_lies_between_intersection_and_union(self, real_data):
        """STAPLE decides on real masks, and never outside what any reader drew, nor against all."""
        for maps in self.read(real_data).values():
            staple, union, intersection = (fuse(maps, method) for method in ("staple", "union", "intersection"))
            assert not np.any(staple.labels[union.labels == 0])
            assert np.all(staple.labels[intersection.labels == 1] == 1)


def test_a_reader_who_was_not_asked_leaves_the_denominator():
    """Two of three readers were asked for label 2: one of each two is a tie, not a lost vote of three."""
    maps = {"a": np.array([[[2, 2, 1]]]), "b": np.array([[[2, 0, 1]]]), "c": np.array([[[0, 0, 0]]])}
    asked = {"c": [1]}
    plain, fused = fuse(maps), fuse(maps, asked=asked)
    assert plain.labels.tolist() == [[[2, 0, 1]]]
    assert not plain.excluded.any()
    assert (fused.labels.tolist(), fused.excluded.tolist()) == ([[[2, 0, 1]]], [[[False, True, False]]])
    alone = fuse({"a": maps["a"], "c": maps["c"]}, asked=asked)
    assert (alone.labels.tolist(), alone.excluded.tolist()) == ([[[2, 2, 0]]], [[[False, False, True]]])


def test_being_asked_for_everything_changes_nothing():
    """The rules with shares give what the rules with counts give."""
    generator = np.random.default_rng(7)
    maps = {name: generator.integers(0, 4, (3, 8, 9)) for name in "abcde"}
    annotated = {"b": np.array([True, False, True])}
    for method in ("majority", "plurality", "staple"):
        plain = fuse(maps, method, annotated)
        for fused in (
            fuse(maps, method, annotated, asked={"a": [1, 2, 3]}),
            fuse(maps, method, annotated, weights=dict.fromkeys("abcde", 0.3)),
        ):
            np.testing.assert_array_equal(fused.labels, plain.labels)
            np.testing.assert_array_equal(fused.excluded, plain.excluded)


def test_staple_takes_no_evidence_from_a_reader_who_was_not_asked():
    """With a reader who was asked for another label only, the probability is that of the other readers."""
    generator = np.random.default_rng(3)
    truth = generator.random((4, 12, 12)) < 0.3
    rates = {"a": 0.1, "b": 0.2, "c": 0.15}
    maps = {name: (truth ^ (generator.random(truth.shape) < rate)).astype(int) for name, rate in rates.items()}
    others = fuse(maps, "staple", domain="image")
    maps["d"] = np.zeros(truth.shape, int)
    fused = fuse(maps, "staple", domain="image", asked={"d": [2]})
    np.testing.assert_array_equal(fused.labels, others.labels)
    assert (fuse(maps, "staple", domain="image").labels != others.labels).any()


def test_weights_decide_the_majority():
    """One reader of weight 2 ties with two others and outvotes one."""
    maps = {"a": np.array([[[1, 1]]]), "b": np.array([[[0, 0]]]), "c": np.array([[[0, 1]]])}
    fused = fuse(maps, weights={"a": 2})
    assert (fused.labels.tolist(), fused.excluded.tolist()) == ([[[0, 1]]], [[[True, False]]])
    assert fuse(maps, "plurality", weights={"a": 2.5}).labels.tolist() == [[[1, 1]]]


def test_leaving_one_out_keeps_weights_and_questions_of_the_others():
    """They stay with their readers when another one is left out."""
    maps = {"a": np.array([[[1]]]), "b": np.array([[[0]]]), "c": np.array([[[1]]]), "d": np.array([[[0]]])}
    without = leave_one_out(maps, weights={"b": 3, "d": 0.5}, asked={"d": [2]})
    assert {reader: int(one.labels.item()) for reader, one in without.items()} == {"a": 0, "b": 1, "c": 0, "d": 0}


def test_a_group_has_the_votes_of_readers_who_were_asked_for_all_of_it():
    """Who was asked for one type only cannot deny the group."""
    maps = {"a": np.array([[[1]]]), "b": np.array([[[2]]]), "c": np.array([[[0]]]), "d": np.array([[[0]]])}
    labels = LabelSet({"iph": 1, "ivh": 2}, {"blood": ("iph", "ivh")})
    fused = fuse(maps, groups=labels, asked={"c": [1], "d": [2]})
    assert fused.structure("blood", (1, 2)).labels.item() == 1
    assert fuse(maps, groups=labels).structure("blood", (1, 2)).excluded.item()


@pytest.mark.parametrize(
    ("rules", "error", "message"),
    [
        ({"asked": {"a": [2]}}, LabelError, "holds the code 1, which this reader was not asked to draw"),
        ({"asked": {"z": [2]}}, UsageError, "asked names z"),
        ({"weights": {"a": 0}}, UsageError, "the weight of a is 0"),
        ({"weights": {"z": 1}}, UsageError, "weights names z"),
    ],
)
def test_wrong_weights_and_questions_are_refused(rules, error, message):
    """The message names the reader."""
    with pytest.raises(error, match=message):
        fuse({"a": np.array([[[1]]]), "b": np.array([[[1]]])}, **rules)
