import pytest

from ctbench.annotations.nnunet import labels_of_nnunet, read_dataset_json
from ctbench.errors import DataError, MissingFileError, UsageError
from ctbench.labels import LabelSet


def labels(**named):
    """The label set of these labels."""
    return labels_of_nnunet({"labels": named}, "dataset.json")


def test_plain_labels_are_a_label_set():
    """Without the background and the label that is ignored; other keys of the file do not matter."""
    content = {"labels": {"background": 0, "iph": 1, "ivh": 2, "ignore": 3}, "numTraining": 7, "file_ending": ".nii.gz"}
    assert labels_of_nnunet(content, "dataset.json") == LabelSet({"iph": 1, "ivh": 2})


def test_regions_are_groups_of_the_codes_they_hold():
    """As in BraTS: the label map holds 1 for the oedema, 2 for the necrosis, 3 for what enhances."""
    found = labels(background=0, whole=[1, 2, 3], core=[2, 3], enhancing=[3])
    assert found.codes == {"whole_rest": 1, "core_rest": 2, "enhancing": 3}
    assert found.groups == {"whole": ("whole_rest", "core_rest", "enhancing"), "core": ("core_rest", "enhancing")}


def test_codes_without_a_name_of_their_own_are_numbered_where_they_are_several():
    """Two codes of one region are told apart."""
    assert labels(background=0, whole=[1, 2]).codes == {"whole_1": 1, "whole_2": 2}


def test_labels_of_the_first_nnunet_are_read():
    """There the code comes first."""
    assert labels_of_nnunet({"labels": {"0": "background", "1": "iph"}}, "dataset.json") == LabelSet({"iph": 1})


@pytest.mark.parametrize("content", [{}, {"labels": 3}, {"labels": {"iph": "one"}}, {"labels": {"a": 1, "b": None}}])
def test_other_forms_are_refused(content):
    """The message shows what nnU-Net writes."""
    with pytest.raises(UsageError, match=r'expected \{"background": 0'):
        labels_of_nnunet(content, "dataset.json")


def test_a_file_that_is_missing_or_malformed_is_named(tmp_path):
    """Its path, and what was expected."""
    with pytest.raises(MissingFileError, match=r"has no dataset\.json"):
        read_dataset_json(tmp_path)
    for text in ("{", "[]"):
        (tmp_path / "dataset.json").write_text(text)
        with pytest.raises(DataError, match=r"dataset\.json"):
            read_dataset_json(tmp_path)
