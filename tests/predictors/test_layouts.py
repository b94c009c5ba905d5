import pytest

from ctbench.annotations import StructureFiles
from ctbench.errors import UsageError
from ctbench.predictors.layouts import label_maps, prediction_files, strangers

LABELS = ("iph", "ivh")


@pytest.fixture
def write(tmp_path):
    """Make empty files in a folder and return it."""

    def make(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    return make


def test_a_label_map_is_named_by_its_case(write):
    """Also beside files of structures, which may be its parts."""
    folder = write("a.nii.gz", "a_iph.nii.gz")
    assert prediction_files(folder, "a", LABELS) == folder / "a.nii.gz"


def test_a_bundle_writes_a_folder_for_each_case(write):
    """The word after the underscore does not matter; two files are too many."""
    folder = write("a/a_trans.nii.gz")
    assert prediction_files(folder, "a", LABELS) == folder / "a" / "a_trans.nii.gz"
    write("a/a_seg.nii.gz")
    with pytest.raises(UsageError, match="case a has 2 predictions"):
        prediction_files(folder, "a", LABELS)


@pytest.mark.parametrize("pattern", ["a_{}.nii.gz", "a/{}.nii.gz"])
def test_structures_may_have_a_file_each(write, pattern):
    """One that has none is predicted nowhere; other structures are left out."""
    folder = write(pattern.format("ivh"), pattern.format("skull"))
    assert prediction_files(folder, "a", LABELS) == StructureFiles((("ivh", folder / pattern.format("ivh")),))


def test_a_case_without_files_has_no_prediction(write):
    """The files of another case are not its own, even if its name begins alike."""
    folder = write("ab_iph.nii.gz", "ab/ab_trans.nii.gz")
    assert prediction_files(folder, "a", LABELS) is None


def test_label_maps_of_no_case_are_strangers(write):
    """In the folder and in the folders of cases."""
    folder = write("a.nii.gz", "b_iph.nii.gz", "c/c_trans.nii.gz", "d.nii.gz", "e/skull.nii.gz", "notes.txt")
    assert strangers(folder, ["a", "b", "c"], LABELS) == ("d.nii.gz", "e/skull.nii.gz")
    assert len(label_maps(folder)) == 5


def test_neither_links_nor_names_of_labels_lead_out_of_the_folder(write, tmp_path_factory):
    """Both may be a stranger's, and could lead to the masks of the readers."""
    masks = tmp_path_factory.mktemp("masks")
    for name in ("iph.nii.gz", "a_trans.nii.gz"):
        (masks / name).touch()
    folder = write("b.nii.gz")
    (folder / "a").symlink_to(masks)
    assert prediction_files(folder, "a", LABELS) is None
    (folder / "b.nii.gz").unlink()
    (folder / "b").mkdir()
    assert prediction_files(folder, "b", [f"../../{masks.name}/iph", str(masks / "iph")]) is None


def test_probabilities_are_no_label_maps(write):
    """They lie beside one, of which they bear the name, in the folder or in that of the case."""
    folder = write("a.nii.gz", "a_iph.prob.nii.gz", "b/b_trans.nii.gz", "b/b_trans_iph.prob.nii.gz")
    assert [path.name for path in label_maps(folder)] == ["a.nii.gz", "b_trans.nii.gz"]
    assert prediction_files(folder, "b", LABELS) == folder / "b" / "b_trans.nii.gz"
