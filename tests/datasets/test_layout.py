import pytest

from ctbench.annotations import SharedFile
from ctbench.datasets import find_entry
from ctbench.datasets.layout import Problem, survey
from ctbench.errors import DatasetError, MissingFileError

FIELDS = {"image": "images/{case}.nii.gz", "readers": "readers/{reader}/{case}.nii.gz"}


@pytest.fixture
def files(tmp_path):
    """A function that makes empty files below the root; a survey opens none of them."""

    def touch(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    return touch


@pytest.fixture
def found(tmp_path, write_catalog):
    """A function that surveys a dataset with these fields."""

    def look(**fields):
        return survey(find_entry(write_catalog(toy=fields)), tmp_path)

    return look


def kinds(result):
    """What is wrong, and with whom."""
    return [(problem.kind, problem.case, problem.reader) for problem in result.problems]


def test_cases_and_readers_come_from_the_files(files, found):
    """Sorted by name; a reader who did not read a case is not among its readers."""
    files("images/b.nii.gz", "images/a.nii.gz", "readers/r2/a.nii.gz", "readers/r1/a.nii.gz", "readers/r1/b.nii.gz")
    result = found(**FIELDS)
    assert [(case.id, case.readers) for case in result.cases] == [("a", ("r1", "r2")), ("b", ("r1",))]
    assert result.problems == ()
    assert len(result.matched) == 5


def test_the_case_table_decides_on_cases_readers_and_order(files, found, tmp_path):
    """Cases stand in the order of the table; files without a row, and readers whom it does not name, are told."""
    files("images/a.nii.gz", "images/b.nii.gz", "images/c.nii.gz")
    files("readers/r1/a.nii.gz", "readers/r1/b.nii.gz", "readers/r2/b.nii.gz")
    (tmp_path / "cases.csv").write_text("case,readers,split\nb,r1,test\na,,train\n")
    result = found(**FIELDS, cases="cases.csv")
    assert [(case.id, case.readers, case.split) for case in result.cases] == [
        ("b", ("r1",), "test"),
        ("a", ("r1",), "train"),
    ]
    assert kinds(result) == [("unmatched", "b", "r2"), ("unmatched", "c", "")]


def test_a_file_that_the_entry_needs_is_missing(files, found):
    """Image and truth of a case without them, each as a problem of its own."""
    files("readers/r1/a.nii.gz")
    result = found(**FIELDS, truth="truth/{case}.nii.gz")
    assert kinds(result) == [("missing", "a", ""), ("missing", "a", "")]
    assert result.cases[0].image_path is None


def test_two_files_for_one_are_ambiguous(files, found):
    """A star that matches twice is told with the case."""
    files("images/a_1.nii.gz", "images/a_2.nii.gz", "readers/r1/a.nii.gz")
    result = found(image="images/{case}_*.nii.gz", readers=FIELDS["readers"])
    assert kinds(result) == [("ambiguous", "a", "")]


def test_a_case_that_nobody_read_has_no_mask(files, found):
    """For segmentation only: a classification needs no masks."""
    files("images/a.nii.gz")
    assert kinds(found(**FIELDS)) == [("no_mask", "a", "")]
    assert kinds(found(image=FIELDS["image"], task="classification")) == []


def test_readers_who_are_named_one_by_one_are_needed_in_every_case(files, found):
    """A mapping of readers says who read; a file that is not there is missing, with the reader's name."""
    files("images/a.nii.gz", "anna/a.nii.gz")
    result = found(image=FIELDS["image"], readers={"anna": "anna/{case}.nii.gz", "ben": "ben/{case}.nii.gz"})
    assert kinds(result) == [("missing", "a", "ben")]
    assert result.cases[0].readers == ("anna",)


def test_a_case_table_that_is_not_there_is_an_error(files, found):
    """The survey cannot know the cases."""
    files("images/a.nii.gz")
    with pytest.raises(MissingFileError, match=r"cases\.csv"):
        found(**FIELDS, cases="cases.csv")


@pytest.mark.parametrize(
    ("kind", "fatal", "error"),
    [
        ("missing", True, MissingFileError),
        ("ambiguous", True, DatasetError),
        ("no_mask", True, DatasetError),
        ("unreadable", True, DatasetError),
        ("unmatched", False, DatasetError),
    ],
)
def test_a_problem_becomes_the_error_of_its_kind(kind, fatal, error):
    """Only a file that is not used lets a dataset load; the message is that of the problem."""
    problem = Problem(kind, "a", "", "a.nii.gz", "what is wrong")
    assert problem.is_fatal is fatal
    found = problem.error(" (and 2 more)")
    assert type(found) is error
    assert str(found) == "what is wrong (and 2 more)"


STRUCTURES = {"labels": {"edh_sdh": 3, "sdh": 1, "iph": 2}, "readers": "masks/{reader}/{case}_{label}.nii.gz"}


def test_one_file_per_structure_makes_one_mask(files, found):
    """The name of a structure is a label, whatever its case; the longest label counts; a missing one is empty."""
    files("masks/r1/a_edh_sdh.nii.gz", "masks/r1/a_IPH.nii.gz", "masks/r2/a_b_sdh.nii.gz")
    result = found(**STRUCTURES)
    assert result.problems == ()
    masks = {(case.id, name): mask.files for case in result.cases for name, mask in case.reader_paths.items()}
    assert {key: [(name, path.name) for name, path in mask] for key, mask in masks.items()} == {
        ("a", "r1"): [("IPH", "a_IPH.nii.gz"), ("edh_sdh", "a_edh_sdh.nii.gz")],
        ("a_b", "r2"): [("sdh", "a_b_sdh.nii.gz")],
    }
    assert len(result.cases[0].mask_files()) == 2


def test_a_structure_that_is_no_label_lists_both_sides(files, found):
    """As for the segments of other formats; an alias maps it, or leaves it out."""
    files("masks/r1/a_iph.nii.gz", "masks/r1/a_clot.nii.gz")
    result = found(**STRUCTURES)
    assert kinds(result) == [("unknown_label", "a", "r1")]
    assert result.problems[0].is_fatal
    expected = "a_clot.nii.gz is the mask of 'clot', which is no label of 'toy'; the labels: edh_sdh, iph, sdh"
    assert expected in result.problems[0].message
    assert found(**STRUCTURES, aliases={"clot": "sdh"}).problems == ()
    assert found(**STRUCTURES, aliases={"Clot": None}).problems == ()
    assert found(**STRUCTURES, aliases={"*": None}).problems == ()


def test_two_files_of_one_structure_are_ambiguous(files, found):
    """A star may match two."""
    files("masks/r1/a_1_iph.nii.gz", "masks/r1/a_2_iph.nii.gz")
    pattern = "masks/{reader}/{case}_*_{label}.nii.gz"
    assert kinds(found(labels={"iph": 1}, readers=pattern)) == [("ambiguous", "a", "r1")]


def test_label_descriptions_belong_to_a_reader(files, found, tmp_path):
    """One file for each reader, or for each case; the reference has its own."""
    files("masks/r1/a.nii.gz", "masks/r1/labels.txt")
    result = found(readers="masks/{reader}/{case}.nii.gz", label_descriptions="masks/{reader}/labels.txt")
    assert result.cases[0].descriptions["r1"] == tmp_path / "masks/r1/labels.txt"
    assert tmp_path / "masks/r1/labels.txt" in result.cases[0].mask_files()
    result = found(reference="masks/r1/{case}.nii.gz", label_descriptions="{case}.txt")
    assert result.cases[0].descriptions == {"": tmp_path / "a.txt"}


@pytest.mark.parametrize("pattern", ["readers/{reader}/{case}.nii.gz", "readers/{case}/{reader}/mask.nii.gz"])
def test_a_broken_link_is_missing_by_name(files, found, tmp_path, pattern):
    """A mask that was not fetched is a reader who would be left out without a word."""
    names = [pattern.format(reader=reader, case="a") for reader in ("r1", "r2")]
    files("images/a.nii.gz", *names)
    (tmp_path / names[1]).unlink()
    (tmp_path / names[1]).symlink_to("../../store/nowhere")
    result = found(image="images/{case}.nii.gz", readers=pattern)
    assert kinds(result) == [("missing", "a", "r2")]
    assert "is a broken link to ../../store/nowhere; fetch the file" in result.problems[0].message


def test_a_file_of_pictures_holds_all_cases(files, found, tmp_path):
    """JSON and XML need no {case}; the readers of a case may stand in the case table."""
    files("images/a.nii.gz", "images/b.nii.gz", "marks/r1.json", "marks/r2.json")
    result = found(image=FIELDS["image"], readers="marks/{reader}.json")
    assert [(case.id, case.readers) for case in result.cases] == [("a", ("r1", "r2")), ("b", ("r1", "r2"))]
    assert result.cases[1].reader_paths["r2"] == SharedFile(tmp_path / "marks/r2.json", "b")
    assert result.problems == ()
    (tmp_path / "cases.csv").write_text("case,readers\na,r2\n")
    result = found(image=FIELDS["image"], readers="marks/{reader}.json", cases="cases.csv")
    assert [(case.id, case.readers) for case in result.cases] == [("a", ("r2",))]


def test_a_pattern_that_names_one_of_several_structures_is_refused(files, found):
    """Else the files of the others would be left out without a word."""
    files("images/a.nii.gz", "readers/r1/a_iph.nii.gz", "readers/r1/a_ivh.nii.gz")
    result = found(image=FIELDS["image"], readers="readers/{reader}/{case}_iph.nii.gz")
    assert kinds(result) == [("one_structure", "a", "r1")]
    (problem,) = result.problems
    assert problem.is_fatal
    assert "for one file per structure write 'readers/{reader}/{case}_{label}.nii.gz'" in problem.message
    assert kinds(found(image=FIELDS["image"], readers="readers/{reader}/{case}_{label}.nii.gz")) == []


def test_a_pattern_may_name_the_only_structure_with_a_file(files, found):
    """A label map that is called after one of its labels, or files that another pattern names."""
    files("images/a.nii.gz", "readers/r1/a_iph.nii.gz", "truth/a_ivh.nii.gz", "iph/a.nii.gz")
    fields = {"image": FIELDS["image"], "truth": "truth/{case}_ivh.nii.gz"}
    assert kinds(found(**fields, readers="readers/{reader}/{case}_iph.nii.gz")) == []
    assert kinds(found(**fields, readers={"r1": "iph/{case}.nii.gz"})) == []
