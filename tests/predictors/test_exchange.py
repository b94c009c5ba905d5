from pathlib import Path

import numpy as np
import pytest

from ctbench.errors import ContractError, DataError
from ctbench.labels import LabelSet
from ctbench.predictors import PredictorInfo
from ctbench.predictors.exchange import exchange
from ctbench.volume import read_volume, write_volume

INFO = PredictorInfo(name="mine", version="1", labels=LabelSet({"iph": 1}))


def test_an_image_goes_out_and_a_prediction_comes_back(image):
    """The program finds the image's voxels in a file, and its label map is read; afterwards the folder is gone."""
    with exchange(image) as files:
        np.testing.assert_array_equal(read_volume(files.image).array, image.array)
        assert files.output.parent.is_dir()
        write_volume(image.with_array((image.array > 60).astype(np.uint8)), files.output)
        answer = files.answer(image, INFO)
    np.testing.assert_array_equal(answer.labels, image.array > 60)
    assert not files.image.parents[1].exists()


def test_a_program_that_wrote_nothing_broke_the_contract(image):
    """The message names the predictor; the folder is removed whatever happens."""
    with (
        pytest.raises(ContractError, match="mine ended with exit code 0, but wrote no prediction"),
        exchange(image) as files,
    ):
        files.answer(image, INFO)
    assert not files.image.parents[1].exists()


def test_a_file_that_cannot_be_read_hides_no_error(image, monkeypatch):
    """Why the answer was refused is said, and the other files are kept; root may read everything, so reading fails."""
    original = Path.read_bytes

    def read_bytes(path):
        if path.name == "secret.txt":
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    with exchange(image) as files:
        files.output.write_bytes(b"no label map")
        (files.outputs / "secret.txt").write_text("x")
        with pytest.raises(DataError) as caught:
            files.answer(image, INFO, printed="done")
    assert caught.value.refused == {"prediction.nii.gz": b"no label map"}
    assert caught.value.__notes__ == ["done"]
