import io
import subprocess
import sys
from types import SimpleNamespace

import pandas as pd
import pytest

from ctbench.errors import StoreError
from ctbench.runs import run
from ctbench.runs.parquet import expect_bounded, most_rows, read_bounded


@pytest.fixture
def content():
    """A table of three rows."""
    stream = io.BytesIO()
    pd.DataFrame({"case": ["a", "b", None], "value": [1.0, None, 3.0]}).to_parquet(stream, index=False)
    return stream.getvalue()


def test_a_table_is_read_as_pandas_does(content, tmp_path):
    """From bytes and from a file, with the same types; some columns if they are named."""
    expected = pd.read_parquet(io.BytesIO(content))
    (tmp_path / "a.parquet").write_bytes(content)
    for source in (content, tmp_path / "a.parquet"):
        pd.testing.assert_frame_equal(read_bounded(source, "a table", 3), expected)
    assert list(read_bounded(content, "a table", 3, ["value"])) == ["value"]


def test_more_rows_than_there_can_be_are_not_read(content):
    """The message names the table and both numbers."""
    with pytest.raises(StoreError, match="a table has 3 rows, expected at most 2"):
        read_bounded(content, "a table", 2)


def test_a_file_that_is_none_is_named(tmp_path):
    """Bytes of anything, and a file that is not there."""
    with pytest.raises(StoreError, match="a table cannot be read"):
        read_bounded(b"PAR1 nothing", "a table", 2)
    with pytest.raises(StoreError, match="cannot be read"):
        read_bounded(tmp_path / "absent", "absent", 2)


FLIPS = """
import io, sys
import pandas as pd
from ctbench.errors import StoreError
from ctbench.runs.parquet import read_bounded
stream, table = io.BytesIO(), pd.DataFrame({"case": ["a", "b"] * 20, "value": [1.0, 3.0] * 20})
table.to_parquet(stream, index=False, write_statistics=False)
content = stream.getvalue()
for place in range(len(content)):
    for bit in (1, 4, 16):
        try:
            read_bounded(content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :], "a table", 40)
        except StoreError:
            pass
print("done")
"""


def test_no_flipped_bit_ends_the_process():
    """The file is refused, or read; pyarrow ends it where it is asked for a column whose metadata are wrong."""
    done = subprocess.run([sys.executable, "-c", FLIPS], capture_output=True, text=True, check=False)
    assert done.stdout == "done\n", done.stderr[-500:]


def metadata(rows, size):
    """Metadata that state so many rows and unpacked bytes."""
    group = SimpleNamespace(total_byte_size=size)
    return SimpleNamespace(num_rows=rows, num_row_groups=1, row_group=lambda _: group)


def test_rows_and_bytes_are_bounded_by_the_size_of_the_file():
    """A file of 1 KB has no billion rows, and three rows have no gigabyte."""
    expect_bounded(metadata(1000, 1000), 1000, "a table")
    with pytest.raises(StoreError, match="has 1000000000 rows"):
        expect_bounded(metadata(10**9, 1000), 1000, "a table", 10**10)
    with pytest.raises(StoreError, match="unpacks to 1000000000 bytes for 3 rows"):
        expect_bounded(metadata(3, 10**9), 10**6, "a table", 3)


def test_a_run_has_no_more_rows_than_it_may(blobs, bright, tmp_path):
    """The bound is far above what a run has, for a run of a model and one of readers."""
    for name, spec in (("model", bright), ("readers", "readers")):
        made = run(blobs, spec, tmp_path / name, metrics=["dice"], jobs=1)
        assert len(made.scores) < most_rows(made.manifest)
