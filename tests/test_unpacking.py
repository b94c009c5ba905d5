import zipfile

import numpy as np
import pytest

from ctbench.errors import DataError, VolumeFileError
from ctbench.unpacking import expect_believable, expect_bounded_archive


@pytest.mark.parametrize(("promised", "stored"), [(1 << 30, 1), (300 << 30, 2 << 30)])
def test_what_a_scan_may_have_is_believed(promised, stored):
    """Up to 1 GiB any ratio, above it 200 to 1."""
    expect_believable("data", promised, stored)


def test_gigabytes_of_nothing_are_refused():
    """The message has both sizes and says what to do; the class of the error is the caller's."""
    with pytest.raises(VolumeFileError, match=r"^data would unpack from 1 MiB to 4 GiB; .* store them uncompressed$"):
        expect_believable("data", 4 << 30, 1 << 20, VolumeFileError)


def test_an_archive_is_counted_as_a_whole(tmp_path, monkeypatch):
    """Its members are added up; an archive of arrays, a damaged one and any other file pass."""
    np.savez(tmp_path / "whole.npz", np.zeros(100))
    (tmp_path / "other.npz").write_bytes(b"PK\3\4 damaged")
    for name in ("whole.npz", "other.npz"):
        expect_bounded_archive(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in "abc":
            archive.writestr(name, bytes(1 << 20))
    monkeypatch.setattr("ctbench.unpacking._MOST_BYTES", 2 << 20)
    with pytest.raises(DataError, match=r"bomb\.npz would unpack from 0\.00\d+ MiB to 0\.0029\d GiB"):
        expect_bounded_archive(tmp_path / "bomb.npz")
