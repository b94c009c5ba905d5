import pytest

from reference_models.external.channels import labels_of_channels


def bundle(channels):
    """Metadata with these channels."""
    return {"network_data_format": {"outputs": {"pred": {"channel_def": channels}}}}


def test_the_background_is_channel_zero():
    """Codes are the numbers of the channels; names are in lower case, without spaces."""
    found = labels_of_channels(bundle({"0": "Background", "2": "Left Kidney", "1": "spleen"}))
    assert found == {"spleen": 1, "left_kidney": 2}


def test_without_background_codes_begin_with_one():
    """Channel 0 of a network with several labels at a voxel is a label."""
    assert labels_of_channels(bundle({"0": "iph", "1": "ivh"})) == {"iph": 1, "ivh": 2}


@pytest.mark.parametrize("metadata", [{}, {"network_data_format": []}, bundle(["a"]), bundle({"x": "iph"})])
def test_metadata_without_channels_have_no_labels(metadata):
    """Nothing is guessed."""
    assert labels_of_channels(metadata) == {}
