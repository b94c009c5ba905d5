import pytest

from ctbench.datasets import check, load_dataset, problem_table
from ctbench.errors import DatasetError

FIELDS = {"image": "images/{case}.nii.gz", "readers": "readers/{reader}/{case}.nii.gz"}


def _told(problems):
    return [(problem.kind, problem.case, problem.reader) for problem in problems]


def test_a_whole_dataset_has_no_problems(reader_folder):
    """Nothing is told about a dataset that is as its entry says, even when every file is opened."""
    assert check(reader_folder) == ()
    assert check(reader_folder, deep=True) == ()
    assert problem_table(()).columns.tolist() == ["kind", "case", "reader", "path", "message"]


def test_all_problems_are_told_at_once(reader_folder, write_catalog, write_map):
    """Missing files, cases without a reader, files without a row and stray volumes are listed by file."""
    folder = reader_folder.parent
    path = write_catalog(toy=FIELDS | {"cases": "cases.csv"})
    (folder / "cases.csv").write_text("case,readers\nc1,anna;carl\nc3,\n")
    stray = write_map(folder / "readers/c1.nii.gz")
    problems = check(path)
    assert _told(problems) == [
        ("missing", "c1", "carl"),
        ("missing", "c3", ""),
        ("no_mask", "c3", ""),
        ("unmatched", "c1", "ben"),
        ("unmatched", "c2", ""),
        ("unmatched", "c2", "anna"),
        ("unmatched", "", ""),
    ]
    assert problems[-1].path == str(stray)
    assert [problem.is_fatal for problem in problems] == [True] * 3 + [False] * 4
    frame = problem_table(problems)
    assert frame["path"].tolist() == [problem.path for problem in problems]


def test_the_first_fatal_problem_is_what_loading_raises(reader_folder):
    """Checking and loading agree on what is wrong."""
    (reader_folder.parent / "images/c2.nii.gz").unlink()
    (problem,) = check(reader_folder)
    with pytest.raises(type(problem.error())) as caught:
        load_dataset(reader_folder)
    assert str(caught.value) == problem.message


def test_deep_opens_every_file(reader_folder, write_map):
    """Another grid, an unknown code and a damaged image are found, each with its file."""
    folder = reader_folder.parent
    write_map(folder / "readers/anna/c1.nii.gz", {(0, 0, 0): 9})
    write_map(folder / "readers/ben/c1.nii.gz", shape=(2, 4, 5))
    (folder / "images/c2.nii.gz").write_bytes(b"")
    assert check(reader_folder) == ()
    problems = check(reader_folder, deep=True)
    assert _told(problems) == [("unreadable", "c1", "anna"), ("unreadable", "c1", "ben"), ("unreadable", "c2", "")]
    assert "unknown label codes 9" in problems[0].message
    assert "another grid" in problems[1].message


def test_deep_opens_reference_and_truth(tmp_path, write_map, write_catalog):
    """The released mask and the truth are checked like the readers' masks."""
    write_map(tmp_path / "mask/c1.nii.gz", {(0, 0, 0): 9})
    write_map(tmp_path / "truth/c1.nii.gz", {(0, 0, 0): 8})
    path = write_catalog(toy={"reference": "mask/{case}.nii.gz", "truth": "truth/{case}.nii.gz"})
    assert [problem.message.split(":")[0] for problem in check(path, deep=True)] == [
        "case 'c1' of 'toy', reference",
        "case 'c1' of 'toy', truth",
    ]


def test_an_empty_or_absent_folder_is_one_problem(write_catalog):
    """A dataset that is not there at all is told once, not file by file."""
    for root in (".", "absent"):
        (problem,) = check(write_catalog(toy=FIELDS | {"root": root}))
        assert problem.kind == "missing"
        assert "nothing in" in problem.message


def test_slices_inside_a_matched_series_are_not_strays(builtin, lay_out, tmp_path, monkeypatch):
    """What lies in a folder that is a case's image belongs to that case."""
    monkeypatch.setenv("CTBENCH_DATA", str(tmp_path))
    lay_out(builtin["rsna-ich2019"].entry, tmp_path / "rsna-ich2019")
    (tmp_path / "rsna-ich2019/series/001/extra.nii").touch()
    assert check("rsna-ich2019") == ()


def test_a_wrong_entry_is_an_error_not_a_problem(write_catalog):
    """What is wrong with the catalogue itself is raised as by loading."""
    with pytest.raises(DatasetError, match="unknown key 'imag'; did you mean 'image'"):
        check(write_catalog(toy={"imag": "x"}))
