import pytest

from ctbench.annotations.itksnap import read_descriptions
from ctbench.errors import LabelError, MissingFileError

FILE = """################################################
# ITK-SnAP Label Description File
# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL
    0     0    0    0        0  0  0    "Clear Label"
    1   255    0    0        1  1  1    "IVH"
    2     0  255    0      0.5  1  1    "the "big" clot"
"""


def read(tmp_path, text):
    """Write a file of label descriptions and read it."""
    (tmp_path / "labels.txt").write_text(text, encoding="utf-8")
    return read_descriptions(tmp_path / "labels.txt")


def test_names_are_read_by_number(tmp_path):
    """Comments and the clear label are left out; a name may hold quotes, and the file begin with a mark of UTF-8."""
    assert read(tmp_path, FILE) == {1: "IVH", 2: 'the "big" clot'}
    assert read(tmp_path, "\ufeff" + FILE) == {1: "IVH", 2: 'the "big" clot'}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('1 255 0 0 1 1 1 "a"\n1 255 0 0 1 1 1 "b"\n', "line 2: has the number 1 twice"),
        ("1: iph\n", "line 1: has '1: iph'; expected lines like"),
        ("x" * (1 << 20 | 1), "is larger than 1 MiB"),
    ],
)
def test_other_texts_are_refused(tmp_path, text, message):
    """With the line and what was expected."""
    with pytest.raises(LabelError, match=message):
        read(tmp_path, text)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    """Not there, or not text."""
    with pytest.raises(MissingFileError, match=r"there is no file .*absent.txt"):
        read_descriptions(tmp_path / "absent.txt")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LabelError, match=r"binary.txt cannot be read as label descriptions"):
        read_descriptions(tmp_path / "binary.txt")
