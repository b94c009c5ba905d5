"""The audit of Sharrock et al. 2020; figures are worked out here a second time from the paper's own numbers."""

import pytest


def test_sharrock_signs_contradict_each_other(whole):
    """Text and Table 3 agree on the sign of the volume difference; Figure 6 says the opposite."""
    rows = whole[whole["quantity"].eq("sign of the volume difference")].set_index("table")["verdict"]
    assert rows.to_dict() == {"Volume Comparison": "reproduced", "Figure 6": "contradicted"}


@pytest.mark.parametrize(
    ("fields", "printed", "verdict"),
    [
        ({"paper": "Sharrock 2020", "table": "Results", "quantity": "scans"}, "500", "contradicted"),
        ({"table": "Figure 2", "quantity": "scans"}, "501", "reproduced"),
        ({"rater": "3D VNET 32", "quantity": "share of failures against the text, %"}, "2.0", "contradicted"),
        (
            {"rater": "2D VNET 512", "quantity": "share of failures against the minimum Dice"},
            *("0.0 %", "contradicted"),
        ),
        ({"table": "Abstract", "quantity": "best mean"}, "0.914", "contradicted"),
        ({"table": "Abstract", "quantity": "best median"}, "0.919", "reproduced"),
        ({"table": "Abstract", "quantity": "best pearson r"}, "0.979", "undecidable"),
        ({"table": "Abstract", "quantity": "best mean difference"}, "1.7", "reproduced"),
        ({"table": "Abstract", "quantity": "best rmse"}, "4.7", "reproduced"),
        ({"rater": "3D VNET 128", "quantity": "side of the cube, mm"}, "196", "contradicted"),
        ({"rater": "3D VNET 64", "quantity": "side of the cube, mm"}, "96", "reproduced"),
        ({"rater": "3D VNET 32", "quantity": "side of the cube, mm"}, "48", "reproduced"),
        ({"quantity": "share of MISTIE III scans with variable slice thickness, %"}, "7", "contradicted"),
        ({"quantity": "share of MISTIE II scans with variable slice thickness, %"}, "12", "reproduced"),
        ({"rater": "PItcHPERFeCT", "quantity": "share of failures against the minimum Dice"}, "1.0 %", "reproduced"),
    ],
)
def test_single_findings(one, fields, printed, verdict):
    """Each known agreement and disagreement of the papers with themselves is found."""
    row = one(**fields)
    assert (row["printed"], row["verdict"]) == (printed, verdict)
