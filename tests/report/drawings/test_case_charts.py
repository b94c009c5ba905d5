import numpy as np
import pytest

from ctbench.report.drawings.case_charts import slice_chart
from ctbench.report.drawings.colours import INK


@pytest.mark.parametrize("z", [0, 3])
def test_only_the_shown_slice_is_in_ink(z):
    """The condition of the colour is the number that people give the slice; every slice has its count."""
    drawn = slice_chart(np.array([5, 0, 2, 1]), z).to_dict()
    condition = drawn["encoding"]["color"]["condition"]
    assert condition["value"] == INK
    assert condition["test"] == f"datum.slice == {z + 1}"
    assert drawn["encoding"]["color"]["value"] != INK
    (rows,) = drawn["datasets"].values()
    assert [row["wrong"] for row in rows] == [5, 0, 2, 1]
