from itertools import pairwise

import pytest

from ctbench.datasets import catalog, find_entry
from ctbench.datasets.catalogs import builtin_catalog, read_catalog
from ctbench.errors import DatasetError, MissingFileError


def _refusal(path, *arguments):
    with pytest.raises(DatasetError) as caught:
        find_entry(path, *arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_an_unknown_key_is_named_with_the_nearest_right_one(write_catalog):
    """A misspelt key is told with file and dataset, and what was probably meant."""
    path = write_catalog(toy={"tolerence_mm": 1})
    assert _refusal(path) == f"dataset 'toy' in {path}: unknown key 'tolerence_mm'; did you mean 'tolerance_mm'?"


def test_an_unknown_key_without_a_near_one_lists_the_known(write_catalog):
    """Where nothing is near, all keys are listed."""
    assert "unknown key 'qqq'; known: title, modality, task, labels" in _refusal(write_catalog(toy={"qqq": 1}))


def test_an_unknown_key_inside_annotated_is_named_too(write_catalog):
    """Nested keys are checked like the others."""
    path = write_catalog(toy={"annotated": {"colum": "slices"}, "cases": "cases.csv"})
    assert "unknown key 'colum'; did you mean 'column'?" in _refusal(path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"modality": "XR"}, "modality: input should be 'CT' or 'MR', got 'XR'"),
        ({"labels": {"iph": "one"}}, "labels.iph: input should be a valid integer, got 'one'"),
        ({"labels": {"iph": True}}, "labels.iph: input should be a valid integer, got True"),
        ({"labels": {"iph": 0}}, "label 'iph' has code 0; expected a positive integer"),
        ({"labels": {"iph": 1, "ivh": 1}}, "labels 'iph' and 'ivh' share code 1"),
        ({"groups": {"all": ["iph", "sah"]}}, "group 'all' has members ['iph', 'sah']"),
        ({"image": "images/x.nii"}, "image: the pattern 'images/x.nii' must hold {case}"),
        ({"readers": "{case}.nii"}, "readers: the pattern '{case}.nii' must hold {case} and {reader}"),
        ({"readers": {"../x": "{case}.nii"}}, "readers: the name '../x' cannot stand in a path"),
        ({"readers": "{case}{reader}", "reference": "{case}"}, "expected either readers or a reference, not both"),
        ({"tolerance_mm": {"sah": 1.0}}, "tolerance_mm names 'sah', expected names among iph, ivh"),
        ({"tolerance_mm": -1}, "tolerance_mm: input should be greater than or equal to 0, got -1"),
        ({"annotated": {"column": "slices"}}, "a case table (cases) is needed"),
        ({"annotated": "non-empty"}, "annotated: input should be 'all' or 'nonempty'"),
        ({"builder": "ctbench.phantom"}, "builder: string should match pattern"),
        ({"unverified": ["licenze"]}, "unverified names 'licenze'"),
    ],
)
def test_a_wrong_value_is_told_with_its_key(write_catalog, fields, message):
    """Each wrong value gives one sentence with file, dataset and key."""
    path = write_catalog(toy=fields)
    told = _refusal(path)
    assert told.startswith(f"dataset 'toy' in {path}: ")
    assert message in told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3 is not valid YAML: the key 'a' is written twice"),
        (
            "a: &a [x, x]\n" + "".join(f"{c}: &{c} [{', '.join(['*' + p] * 50)}]\n" for p, c in pairwise("abcde")),
            "aliases (*name) expand to more than 100000 values",
        ),
        ("a: &a [*a]\n", "aliases (*name) expand to more than 100000 values"),
        ("a: [1\n", "is not valid YAML"),
        ("a: !!python/object/apply:os.system [ls]\n", "is not valid YAML: could not determine a constructor"),
        ("[1, 2]\n", "is not a catalogue"),
        ("", "is not a catalogue"),
        ("toy: {}\n", "the key 'title' is missing"),
        ("title: x\nmodality: CT\n", "got 'x'; put the name of the dataset above its fields"),
        (
            "2018: {title: x, modality: CT, task: segmentation}\n",
            "the key 2018 is read as a number, not as text; quote it",
        ),
        ("../x: {title: x, modality: CT, task: segmentation}\n", "must be letters, digits"),
        ("[" * 3000, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_catalogue_is_refused(tmp_path, text, message):
    """Whatever is in the file, the answer is one sentence with the file's name."""
    path = tmp_path / "my.yaml"
    path.write_text(text)
    told = _refusal(path)
    assert str(path) in told
    assert message in told


def test_aliases_may_stand_for_what_is_written_once(tmp_path):
    """A few aliases and merged mappings, as programs write them, are fine."""
    path = tmp_path / "my.yaml"
    path.write_text(
        "a: &a {title: x, modality: CT, task: segmentation, labels: &labels {iph: 1}}\n"
        "b: {<<: *a, title: y, labels: *labels}\n"
    )
    entry = find_entry(f"{path}#b").entry
    assert (entry.title, entry.modality, entry.labels) == ("y", "CT", {"iph": 1})


def test_a_missing_or_binary_file_is_refused(tmp_path):
    """A path without a file and a file that is no text are told apart."""
    with pytest.raises(MissingFileError, match="no catalogue file at"):
        find_entry(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    assert "expected a YAML file in UTF-8" in _refusal(tmp_path / "bytes.yaml")


def test_one_of_several_is_named_after_a_hash(write_catalog):
    """FILE#NAME picks one entry; a file with several needs it."""
    path = write_catalog(toy={}, other={})
    assert find_entry(f"{path}#other").name == "other"
    assert f"name one of them as {path}#NAME" in _refusal(path)
    assert f"no dataset has the name 'othr' in {path}; did you mean 'other'?" in _refusal(f"{path}#othr")


def test_an_unknown_name_offers_the_nearest():
    """A misspelt dataset is told with what was probably meant."""
    assert _refusal("phantom-anatomi").startswith(
        "no dataset has the name 'phantom-anatomi'; did you mean 'phantom-anatomy'"
    )


def test_a_users_entry_comes_before_ours(write_catalog):
    """A user can add datasets, and put their own entry in the place of one of ours."""
    path = write_catalog(**{"ct-ich": {"title": "mine"}, "toy": {}})
    assert find_entry("ct-ich", path).entry.title == "mine"
    assert {"toy", "bhsd"} < set(catalog([path]))
    assert find_entry("ct-ich").entry.title != "mine"


def test_our_catalogue_is_found_in_a_wheel_and_in_a_checkout(tmp_path, monkeypatch):
    """The file lies in the installed package, or beside it in a checkout."""
    package = tmp_path / "ctbench"
    package.mkdir()
    monkeypatch.setattr("ctbench.datasets.catalogs.resources.files", lambda _: package)
    (tmp_path / "datasets.yaml").touch()
    assert builtin_catalog() == tmp_path / "datasets.yaml"
    (package / "datasets.yaml").touch()
    assert builtin_catalog() == package / "datasets.yaml"


def test_single_strings_may_stand_for_lists(write_catalog):
    """A DOI or a group of one need no brackets."""
    entry = find_entry(write_catalog(toy={"doi": "10.1/x", "groups": {"g": "iph"}})).entry
    assert entry.doi == ("10.1/x",)
    assert entry.label_set.codes_of("g") == (1,)


def test_a_catalogue_that_changed_is_read_again(write_catalog):
    """However soon, and though its size is the same; what is given may be changed by its owner."""
    for title in ("One", "Two"):
        path = write_catalog(toy={"title": title})
        found = read_catalog(path)
        assert found["toy"].entry.title == title
        found.clear()
        assert list(read_catalog(path)) == ["toy"]
