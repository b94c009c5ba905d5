import io

import pandas as pd
import pytest

from ctbench.spreadsheet import as_csv, as_parquet


@pytest.mark.parametrize(
    "evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://example.org","x")', "＝1+1"]
)
def test_nothing_in_a_csv_is_run(evil):
    """Text that a spreadsheet takes for a formula stands behind an apostrophe, in cells and heads."""
    text = as_csv(pd.DataFrame({evil: [evil], "value": [-1.5]})).decode()
    back = pd.read_csv(io.StringIO(text))
    assert back.columns.tolist() == [f"'{evil}", "value"]
    assert back.iloc[0].tolist() == [f"'{evil}", -1.5]


def test_a_csv_is_the_table():
    """Numbers, text with commas, quotes and line breaks, and what is missing come back as they were."""
    frame = pd.DataFrame({"rater": ['a,"b"', "c\nd", "<b>ü</b>"], "n": [1, 2, 3], "mean": [0.1, None, -2e-9]})
    pd.testing.assert_frame_equal(
        pd.read_csv(io.BytesIO(as_csv(frame)), dtype={"rater": object}), frame.astype({"rater": object})
    )
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(as_parquet(frame))), frame)
