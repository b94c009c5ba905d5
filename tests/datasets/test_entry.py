import pytest
from pydantic import ValidationError

from ctbench.annotations import Pictures
from ctbench.datasets.entry import AnnotatedColumn, Entry

LEAST = {"title": "made up", "modality": "CT", "task": "segmentation"}


def test_the_least_entry_has_the_documented_defaults():
    """Title, modality and task suffice; distances are measured in 3D with a tolerance of 1 mm on all slices."""
    entry = Entry(**LEAST)
    assert (entry.annotated, entry.surface, entry.tolerance_mm) == ("all", "3d", 1.0)
    assert not entry.has_layout
    assert len(entry.label_set) == 0


@pytest.mark.parametrize(
    "pattern", [{"image": "{case}.nii"}, {"readers": "{reader}/{case}.nii"}, {"reference": "{case}.nii"}]
)
def test_a_pattern_of_any_file_is_a_layout(pattern):
    """Images, readers or a reference: one of them says where files are."""
    assert Entry(**LEAST, **pattern).has_layout


def test_truth_alone_is_no_layout():
    """Scores do not use the truth, so it describes no dataset."""
    assert not Entry(**LEAST, truth="{case}.nii").has_layout


def test_labels_and_groups_become_a_label_set():
    """A group of one label may be written without brackets."""
    entry = Entry(**LEAST, labels={"iph": 1, "ivh": 2}, groups={"any": ["iph", "ivh"], "one": "ivh"})
    assert entry.label_set.names == ("iph", "ivh", "any", "one")
    assert entry.label_set.codes_of("any") == (1, 2)
    assert entry.label_set.codes_of("one") == (2,)


def test_a_single_string_is_a_list_of_one():
    """One DOI and one table need no brackets."""
    entry = Entry(**LEAST, doi="10.1/x", published="table.csv", unverified="licence")
    assert (entry.doi, entry.published, entry.unverified) == (("10.1/x",), ("table.csv",), ("licence",))


def test_an_entry_cannot_be_changed():
    """What was read stays as it was read."""
    entry = Entry(**LEAST)
    with pytest.raises(ValidationError, match="frozen"):
        entry.title = "other"


def test_a_column_of_annotated_slices_needs_a_case_table():
    """With the table it is accepted, without it refused."""
    column = {"annotated": {"column": "slices"}}
    assert Entry(**LEAST, **column, cases="cases.csv").annotated == AnnotatedColumn(column="slices")
    with pytest.raises(ValidationError, match="slices"):
        Entry(**LEAST, **column)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"colour": "red"}, "colour"),
        ({"annotated": {"column": "s", "row": 1}, "cases": "c.csv"}, "row"),
        ({"image": "/etc/{case}"}, "image"),
        ({"image": "image.nii"}, "image"),
        ({"readers": "{case}.nii"}, "readers"),
        ({"readers": {"a/b": "{case}.nii"}}, "a/b"),
        ({"labels": {"iph": 1.5}}, "iph"),
        ({"tolerance_mm": {"sah": 1}}, "sah"),
        ({"tolerance_mm": -0.1}, "tolerance_mm"),
        ({"surface": "4d"}, "surface"),
        ({"builder": "no colon"}, "builder"),
        ({"pictures": {"axes": ["z", "y", "y"]}}, "expected the axes z, y, x in some order"),
        ({"pictures": {"axes": ["z", "y"]}}, "expected the axes z, y, x in some order"),
        ({"pictures": {"first": 2}}, "first"),
        ({"pictures": {"name": "{label}.png"}}, "must hold"),
        ({"unverified": ["nothing"]}, "nothing"),
        ({"readers": "{reader}/{case}", "reference": "{case}"}, "reference"),
    ],
)
def test_a_wrong_field_is_named(fields, named):
    """Each wrong field or value is refused, and the message holds its name."""
    with pytest.raises((ValidationError, ValueError), match=named):
        Entry(**LEAST, **fields)


def test_aliases_name_labels_or_nothing():
    """An alias may leave a segment out, but cannot invent a label or name a group."""
    labels = {"labels": {"iph": 1}, "groups": {"any": ["iph"]}}
    entry = Entry(**LEAST, **labels, aliases={"Blood": "iph", "*": None}, overlap="last")
    assert (dict(entry.naming.aliases), entry.naming.overlap) == ({"Blood": "iph", "*": None}, "last")
    with pytest.raises(ValidationError, match="aliases names 'any', expected names among iph"):
        Entry(**LEAST, **labels, aliases={"Blood": "any"})


@pytest.mark.parametrize("pattern", ["masks/{case}_{label}.nii.gz", "masks/{case}/{label}.nii.gz"])
def test_a_pattern_of_masks_may_have_a_file_per_structure(pattern):
    """The image cannot."""
    assert Entry(**LEAST, reference=pattern).reference == pattern
    with pytest.raises(ValidationError, match=r"must hold \{case\} and no other field"):
        Entry(**LEAST, image=pattern)


def test_a_file_of_pictures_may_hold_several_cases():
    """Only JSON and XML may; its pictures' names, first number and axes are one rule."""
    entry = Entry(
        **LEAST, readers="marks/{reader}.json", pictures={"name": "{case}/{slice}.png", "axes": ["-z", "x", "y"]}
    )
    assert entry.picture_rule == Pictures("{case}/{slice}.png", None, ("-z", "x", "y"))
    assert Entry(**LEAST, readers={"anna": "anna.xml"}).picture_rule == Pictures()
    with pytest.raises(ValidationError, match=r"must hold \{case\} and \{reader\} and no other field"):
        Entry(**LEAST, readers="marks/{reader}.nii.gz")


def test_an_ignored_code_is_background_in_label_maps():
    """It may be the code of no label, and only a released mask has one."""
    layout = {"labels": {"iph": 1}, "reference": "{case}.nii"}
    assert Entry(**LEAST, **layout, ignore=3).naming.aliases == {"3": None}
    with pytest.raises(ValidationError, match="ignore: 1 is the code of a label"):
        Entry(**LEAST, **layout, ignore=1)
    with pytest.raises(ValidationError, match="there is no reference"):
        Entry(**LEAST, labels={"iph": 1}, ignore=3)


def test_shares_of_votes_have_a_file_per_label():
    """They need labels and a pattern with the label, and know no code to ignore."""
    assert Entry(**LEAST, labels={"iph": 1}, reference="{case}_{label}.nii.gz", reference_holds="shares")
    with pytest.raises(ValidationError, match=r"write \{label\} in the pattern"):
        Entry(**LEAST, labels={"iph": 1}, reference="{case}.nii.gz", reference_holds="shares")
    with pytest.raises(ValidationError, match=r"write \{label\} in the pattern"):
        Entry(**LEAST, labels={"iph": 1}, readers="{reader}/{case}_{label}.nii.gz", reference_holds="shares")
    with pytest.raises(ValidationError, match="shares needs labels"):
        Entry(**LEAST, reference="{case}_{label}.nii.gz", reference_holds="shares")
