import pytest

from ctbench.annotations.codes import TERMS, Code, label_of, term_of
from ctbench.datasets import find_entry

GROUPS_OF = {
    "cerebellum": 7140,
    "caudate": 7140,
    "subarachnoid_space": 7140,
    "insular_cortex": 7153,
    "ventricles": 7153,
}


@pytest.fixture(scope="module")
def dictionary():
    """SNOMED CT codes of DICOM PS3.16: value -> its meanings, and value -> its context groups."""
    concepts = pytest.importorskip(
        "pydicom.sr._concepts_dict", reason="the extra `annotations` is not installed"
    ).concepts
    meanings, groups = {}, {}
    for entries in concepts["SCT"].values():
        for value, (meaning, found) in entries.items():
            meanings.setdefault(value, set()).add(meaning.casefold())
            groups.setdefault(value, set()).update(found)
    return meanings, groups


@pytest.mark.parametrize("label", TERMS)
def test_every_code_stands_in_the_dictionary_of_dicom_with_its_meaning(dictionary, label):
    """No code of the table is invented."""
    meanings, _ = dictionary
    for code in filter(None, TERMS[label]):
        assert code.scheme == "SCT"
        assert code.meaning.casefold() in meanings[code.value]


@pytest.mark.parametrize(("label", "group"), GROUPS_OF.items())
def test_structures_are_of_the_context_groups_that_the_module_names(dictionary, label, group):
    """The codes of brain structures come from the groups for brain structures."""
    assert group in dictionary[1][TERMS[label].kind.value]


def test_a_structure_without_a_code_has_the_private_one():
    """Of the eleven structures six have a code; the name is the code of the others, and within DICOM's length."""
    structures = find_entry("phantom-anatomy").entry.labels
    private = [name for name in structures if term_of(name).kind.scheme == "99CTBENCH"]
    assert private == ["brainstem_cerebrum", "dural_folds_sinuses", "septum_pellucidum", "lentiform", "central_sulcus"]
    assert term_of("brainstem_cerebrum").kind == Code("99CTBENCH", "brainstem_cerebr", "brainstem_cerebrum")


def test_a_label_is_found_by_the_code_of_its_structure_only():
    """Hemorrhages share the code of a bleeding, so that it names none of them."""
    assert label_of(Code("SCT", "11000004", "whatever it is called")) == "caudate"
    assert label_of(Code("SCT", "50960005", "Hemorrhage")) is None
    assert label_of(Code("SRT", "11000004", "Caudate Nucleus")) is None
