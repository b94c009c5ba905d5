"""Label tables that come with ctbench, and a folder of FreeSurfer's label maps."""

import json
from pathlib import Path

import numpy as np
import pytest

from ctbench.errors import LabelError, UsageError
from ctbench.labels import LabelSet
from ctbench.predictors.folder import FolderPredictions
from ctbench.predictors.info import info_of_program
from ctbench.predictors.label_tables import LABEL_TABLES, label_table
from ctbench.volume import Volume, write_volume


def test_the_numbers_are_freesurfers():
    """Codes and sides from FreeSurfer's colour table: left below 40, right above, unpaired structures between."""
    aseg = label_table("aseg", "here")
    assert (aseg["left_hippocampus"], aseg["right_hippocampus"]) == (17, 53)
    assert (aseg["left_cerebral_gray_matter"], aseg["right_thalamus"], aseg["brainstem"]) == (3, 49, 16)
    assert len(LabelSet(aseg)) == 49  # no code twice


def test_all_numbers_of_synthseg_are_there():
    """Its 32 structures are named with these numbers of FreeSurfer."""
    synthseg = {2, 3, 4, 5, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 24, 26, 28}
    synthseg |= {41, 42, 43, 44, 46, 47, 49, 50, 51, 52, 53, 54, 58, 60}
    assert len(synthseg) == 32
    assert synthseg <= set(LABEL_TABLES["aseg"].values())


@pytest.fixture
def subjects(tmp_path):
    """Make a folder of one label map with FreeSurfer's numbers and a labels.json; returns its predictions and image."""

    def make(labels, *codes):
        array = np.zeros((4, 5, 6), np.int32)
        array[1, 1, : len(codes)] = codes
        image = Volume(np.zeros(array.shape, np.int16), (1.0, 1.0, 1.0))
        write_volume(image.with_array(array), tmp_path / "s1.nii.gz")
        (tmp_path / "labels.json").write_text(json.dumps(labels))
        return FolderPredictions(tmp_path), image

    return make


def test_a_folder_names_the_table(subjects):
    """Names, version and paper stand beside it; codes are those of the files."""
    folder, image = subjects({"labels": "aseg", "name": "freesurfer", "version": "7.4.1"}, 17, 53, 251)
    assert (folder.info.name, folder.info.version) == ("freesurfer", "7.4.1")
    assert folder.info.labels.codes_of("right_hippocampus") == (53,)
    assert folder.prediction("s1", image).labels[1, 1, :3].tolist() == [17, 53, 251]


def test_other_numbers_of_freesurfer_are_refused(subjects):
    """Parcellations of the cortex (1001 and up) are not in the table."""
    folder, image = subjects({"labels": "aseg"}, 17, 1001)
    with pytest.raises(LabelError, match="1001"):
        folder.prediction("s1", image)


def test_a_table_that_does_not_exist_is_refused(subjects):
    """The message says which there are, also where a command names it."""
    with pytest.raises(UsageError, match="names the label table 'aparc'; expected aseg"):
        subjects({"labels": "aparc"})
    with pytest.raises(UsageError, match="names the label table"):
        info_of_program({"labels": "../aseg"}, Path())


def test_a_structure_may_still_be_called_labels(subjects):
    """With a number it is a label as any other."""
    folder, _ = subjects({"labels": 3})
    assert dict(folder.info.labels.codes) == {"labels": 3}
