import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctbench.datasets import counts, label_volumes, load_dataset, published, size_class, size_table
from ctbench.datasets.counting import SIZE_CLASSES
from ctbench.volume import Volume


def test_cases_are_counted_by_everything_the_table_says(reader_folder, write_catalog):
    """Splits, readers, labels that were not assessed, and subgroups are counted; empty cells are not."""
    (reader_folder.parent / "cases.csv").write_text("case,split,not_assessed,scanner\nc1,test,,GE\nc2,test,ivh,\n")
    path = write_catalog(toy={"readers": "readers/{reader}/{case}.nii.gz", "cases": "cases.csv"})
    assert counts(load_dataset(path)).to_numpy().tolist() == [
        ["all", "", 2],
        ["split", "test", 2],
        ["reader", "anna", 2],
        ["reader", "ben", 1],
        ["not_assessed", "ivh", 1],
        ["scanner", "GE", 1],
    ]


def test_volumes_are_those_of_the_first_reader(reader_folder):
    """A voxel of 5 x 0.5 x 0.5 mm is 0.00125 mL; a label that nobody drew has 0."""
    volumes = label_volumes(load_dataset(reader_folder))
    assert volumes.columns.tolist() == ["case", "split", "label", "volume_ml"]
    assert volumes["case"].tolist() == ["c1", "c1", "c2", "c2"]
    assert volumes["volume_ml"].tolist() == pytest.approx([0.00125, 0, 0.00125, 0])


def test_volumes_of_other_label_maps(reader_folder):
    """A caller may measure anything, such as a consensus, and leave out cases."""
    consensus = Volume(np.full((2, 10, 10), 2, np.uint8), (5.0, 1.0, 1.0))
    dataset = load_dataset(reader_folder)
    volumes = label_volumes(dataset, lambda case: consensus if case.id == "c2" else None)
    assert volumes[["case", "label", "volume_ml"]].to_numpy().tolist() == [["c2", "iph", 0.0], ["c2", "ivh", 1.0]]


def test_cases_by_type_and_size_class():
    """Each case counts once in its class; classes without a case are 0, and no hemorrhage is in no class."""
    volumes = pd.DataFrame(
        [
            ("test", "iph", 30.0),
            ("test", "iph", 7.0),
            ("test", "iph", 6.0),
            ("test", "iph", 0.0),
            ("test", "sah", 0.005),
        ],
        columns=["split", "label", "volume_ml"],
    )
    table = size_table(volumes)
    assert table["size"].tolist() == [*SIZE_CLASSES, "total"] * 2
    assert table["label"].tolist() == ["iph"] * 5 + ["sah"] * 5
    assert table["cases"].tolist() == [1, 2, 0, 0, 3, 0, 0, 0, 1, 1]


@given(st.floats(0, 1e4, allow_nan=False))
def test_every_volume_has_one_class(volume_ml):
    """Every positive volume is in one of the four classes."""
    assert (size_class(volume_ml) in SIZE_CLASSES) == (volume_ml > 0)


def test_the_table_has_the_shape_of_the_papers():
    """Volumes that stand for the counts of the paper's Table 1 give that table back."""
    printed = published("chang2018").query("table == 'Table 1'")
    middle = {"large": 30.0, "medium": 10.0, "small": 1.0, "punctate": 0.001}
    volumes = pd.DataFrame(
        [
            (row.subset, row.label, middle[row.size_class])
            for row in printed.rename(columns={"size": "size_class"}).itertuples()
            if row.size_class != "all"
            for _ in range(int(row.value))
        ],
        columns=["split", "label", "volume_ml"],
    )
    ours = size_table(volumes).replace({"size": {"total": "all"}}).set_index(["label", "split", "size"])["cases"]
    theirs = printed.set_index(["label", "subset", "size"])["value"].astype(int)
    assert ours.to_dict() == theirs.to_dict()
