"""The work of a reader study."""

from ctbench.report.frames.study_work import study_work


def test_work_is_voxels_times_readings_times_structures(blobs):
    """Labels and groups count; a brief study goes through the voxels once."""
    case = next(iter(blobs))
    size = case.reader(case.readers[0]).array.size
    readings = sum(len(one.readings) for one in blobs)
    assert study_work(blobs, briefly=True) * 1e6 == size * readings
    assert study_work(blobs) == study_work(blobs, briefly=True) * len(blobs.labels.names)
