import json
import re
from pathlib import Path

import pytest

from ctbench.datasets import catalog, dataset_root, load_dataset
from ctbench.datasets.catalogs import builtin_catalog, read_catalog
from ctbench.errors import DatasetError
from ctbench.labels import LabelSet
from ctbench.matching import match_labels

ENTRIES = read_catalog(builtin_catalog())
WITH_FILES = [name for name, found in ENTRIES.items() if found.entry.has_layout and not found.entry.builder]
DESCRIBED = [name for name, found in ENTRIES.items() if not found.entry.has_layout]


def test_every_known_dataset_has_an_entry():
    """The catalogue names every dataset that the project has looked at."""
    expected = (
        "bhsd brain-icp cai2020 cause07 chang2018 cq500 ct-ich ctseg hemorica hemseg-200 instance2022 jhu-head-ct "
        "lidc-idri mbh-seg2025 mistie-ii mistie-iii moscow-ich oasis-multiatlas phantom-anatomy phantom-hemorrhage "
        "phantom-repeats qubiq rsna-ich2019"
    )
    assert " ".join(sorted(catalog())) == expected


@pytest.mark.parametrize("name", WITH_FILES)
def test_a_made_up_copy_of_its_layout_loads(name, lay_out, tmp_path, monkeypatch):
    """Files that lie where the entry says are found, and every one of them can be read and checked."""
    monkeypatch.setenv("CTBENCH_DATA", str(tmp_path))
    lay_out(ENTRIES[name].entry, dataset_root(ENTRIES[name]))
    dataset = load_dataset(name)
    assert [case.id for case in dataset] == ["001", "002"]
    for case in dataset:
        assert ENTRIES[name].entry.image is None or case.image().shape == (3, 4, 5)
        maps = [case.reader(reader) for reader in case.readers] + [case.reference()]
        read = [label_map for label_map in maps if label_map is not None]
        assert all(label_map.shape == (3, 4, 5) for label_map in read)
        assert len(read) == {"readers": 2, "reference": 1, "none": 0}[_masks(ENTRIES[name].entry)]


def test_instance_is_scored_within_a_voxel():
    """The entry of INSTANCE sets the tolerance of surface Dice to a voxel in plane and marks it as unverified."""
    entry = ENTRIES["instance2022"].entry
    assert entry.tolerance_mm == 0.42
    assert "tolerance_mm" in entry.unverified


@pytest.mark.parametrize("name", DESCRIBED)
def test_a_dataset_without_files_says_so(name):
    """A dataset that is described only cannot be loaded, and the message says why."""
    with pytest.raises(DatasetError, match="is only a description"):
        load_dataset(name)


@pytest.mark.parametrize("name", WITH_FILES)
def test_every_entry_says_how_to_get_the_files(name):
    """Where files must come from a user, the entry says how to get them and whom to cite."""
    entry = ENTRIES[name].entry
    assert entry.access
    assert entry.citation
    assert entry.root is not None
    assert entry.root.startswith("${CTBENCH_DATA}/")


@pytest.mark.parametrize("name", list(ENTRIES))
def test_what_was_not_checked_is_called_unverified(name):
    """Fields that nobody checked are listed, and the notes tell a reader about them in words."""
    entry = ENTRIES[name].entry
    said = re.search("unverified", entry.notes + entry.licence, re.IGNORECASE)
    assert bool(said) == bool(entry.unverified)


def test_phantoms_have_the_codes_of_the_papers():
    """The two phantoms carry the agreed names, codes and groups, and the anatomy is annotated on isolated slices."""
    anatomy, hemorrhage = ENTRIES["phantom-anatomy"].entry, ENTRIES["phantom-hemorrhage"].entry
    assert list(anatomy.labels.values()) == list(range(1, 12))
    assert anatomy.labels["ventricles"] == 10
    assert sorted(sum(anatomy.groups.values(), ())) == sorted(anatomy.labels)
    assert (anatomy.surface, anatomy.annotated) == ("2d", "nonempty")
    assert hemorrhage.labels == {"iph": 1, "ivh": 2, "edh_sdh": 3, "sah": 4}
    assert hemorrhage.groups == {"hemorrhage": tuple(hemorrhage.labels)}
    assert hemorrhage.surface == "3d"


def _masks(entry):
    return "readers" if entry.readers else "reference" if entry.reference else "none"


def test_labels_of_freesurfer_meet_those_of_oasis():
    """The labels.json that docs/papers.md prints for FreeSurfer has all 25 structures, under the same names."""
    page = (Path(__file__).parents[2] / "docs" / "papers.md").read_text(encoding="utf-8")
    (printed,) = re.findall(r"```json\n(\{\"right_cerebral_gray_matter.*?\})\n```", page, flags=re.DOTALL)
    codes = json.loads(printed)
    assert set(ENTRIES["oasis-multiatlas"].entry.labels) <= set(codes)
    match = match_labels(ENTRIES["oasis-multiatlas"].entry.label_set, LabelSet(codes))
    assert match.unsupported == ()
    assert match.translation[16] == 35
