import numpy as np
import pytest

from ctbench.errors import ContractError, GeometryError
from ctbench.predictors.probability_files import probability_name, probability_names, read_probability
from ctbench.volume import Volume, write_volume


def test_names_stay_in_their_folder():
    """A label may hold any sign; a path part may not. Two labels with one file name: the first has it."""
    assert probability_name("p1", "iph") == "p1_iph.prob.nii.gz"
    assert probability_name("p1", "../../etc/x") == "p1_..-..-etc-x.prob.nii.gz"
    assert list(probability_names("p1", ["a/b", "a-b", "c"])) == ["a/b", "c"]


@pytest.mark.parametrize("stored", ["floats", "codes"])
def test_floats_and_codes_are_read(tmp_path, image, stored):
    """Other tools write floats; a run's own files hold c for c / 255."""
    share = np.linspace(0, 1, image.array.size).reshape(image.shape)
    array = share.astype(np.float32) if stored == "floats" else np.rint(share * 255).astype(np.uint8)
    write_volume(image.with_array(array), tmp_path / "a_iph.prob.nii.gz")
    read = read_probability(tmp_path / "a_iph.prob.nii.gz", image)
    assert read.dtype == np.float32
    assert np.abs(read - share).max() <= (1e-6 if stored == "floats" else 0.5 / 255 + 1e-6)


def test_what_are_no_probabilities_is_refused(tmp_path, image):
    """Signed codes, and another grid."""
    write_volume(image.with_array(image.array), tmp_path / "a.nii.gz")
    with pytest.raises(ContractError, match="are int16; expected floats from 0 to 1"):
        read_probability(tmp_path / "a.nii.gz", image)
    write_volume(Volume(np.zeros((2, 2, 2), np.float32), (1.0, 1.0, 1.0)), tmp_path / "b.nii.gz")
    with pytest.raises(GeometryError):
        read_probability(tmp_path / "b.nii.gz", image)
