"""The page of an audit."""

import pandas as pd

from ctbench.audit import COLUMNS
from ctbench.report import build_audit


def test_contradictions_stand_open_and_names_are_only_names(tmp_path):
    """Contradicted findings are shown at once, others are folded; all are counted, and markup is text."""
    numbers = {"value_low": 1.0, "value_high": 2.0, "p_low": 0.0001, "p_high": 0.04}
    words = {"paper": "<b>Nobody</b> 2020", "table": "Table 1", "label": "iph", "rater": "unet", "detail": "a sum"}
    rows = [
        words | numbers | {"quantity": "mean", "printed": "3.0", "verdict": verdict}
        for verdict in ("reproduced", "reproduced", "contradicted")
    ]
    html = build_audit(pd.DataFrame(rows, columns=list(COLUMNS)), tmp_path / "a.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;Nobody&lt;/b&gt; 2020" in html
    assert "<b>Nobody" not in html
    assert "Contradicted, n = 1" in html
    assert "<summary>Reproduced (2)</summary>" in html
    assert "&lt;.001 to .040" in html
