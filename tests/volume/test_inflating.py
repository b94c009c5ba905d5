import gzip
import io
import zlib

import pytest

from ctbench.errors import VolumeFileError
from ctbench.volume.inflating import CHUNK, inflated

CONTENT = bytes(range(256)) * 1000


def joined(data, path="a.gz"):
    """All that is inflated of data."""
    return b"".join(inflated(io.BytesIO(data), path))


@pytest.mark.parametrize("data", [gzip.compress(CONTENT), zlib.compress(CONTENT), gzip.compress(CONTENT, 0)])
def test_gzip_and_zlib_come_back(data):
    """Both formats, shorter and longer than a chunk."""
    assert len(gzip.compress(CONTENT, 0)) > CHUNK
    assert joined(data) == CONTENT


def test_a_short_file_is_inflated_in_pieces_of_a_megabyte():
    """Zeros a thousand times as long as their file, also where a member ends with a piece."""
    pieces = list(inflated(io.BytesIO(gzip.compress(bytes(2**22)) + gzip.compress(bytes(2**22 + 1))), "a.gz"))
    assert max(map(len, pieces)) == 2**20
    assert sum(map(len, pieces)) == 2**23 + 1


def test_members_are_joined_and_zeros_behind_them_are_padding():
    """As block gzip writes them."""
    assert joined(gzip.compress(b"ab") + gzip.compress(b"cd") + bytes(600)) == b"abcd"


@pytest.mark.parametrize(("cut", "said"), [(-1, "truncated"), (-9, "truncated"), (1, "truncated")])
def test_cut_data_are_refused_by_their_file(cut, said):
    """Be it the checksum alone that is lost."""
    with pytest.raises(VolumeFileError, match=rf"a\.gz is {said}"):
        joined(gzip.compress(CONTENT)[:cut])


def test_wrong_data_are_refused_by_their_file():
    """The checksum counts."""
    data = bytearray(gzip.compress(CONTENT))
    data[-6] ^= 1
    with pytest.raises(VolumeFileError, match=r"a\.gz is damaged"):
        joined(bytes(data))
