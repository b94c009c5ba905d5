"""The audit of Cai et al. 2020; figures are worked out here a second time from the paper's own numbers."""

import math

import pytest
import scipy.stats

import reference_models


def test_every_asterisk_of_cai_is_there(whole):
    """33 cells each of Tables 2 and 3, and both cells of 22 comparisons of Table 4."""
    counts = whole[whole["quantity"].eq("asterisk")].groupby("table").size()
    assert counts.to_dict() == {"Table 2": 33, "Table 3": 33, "Table 4": 44}


def test_a_cell_of_cai_by_hand(one):
    """Table 3, caudate, observer 2: .94 +- .02 against .89 +- .03 among SDs .02 and .03, n 12: p as worked out here."""
    variance = (0.03**2 + 0.02**2 + 0.02**2 + 0.03**2) / 4
    p = 2 * scipy.stats.t.sf(0.05 / math.sqrt(variance * 2 / 12), 44)
    row = one(table="Table 3", label="caudate", rater="observer2", quantity="asterisk")
    assert row["p_low"] < p < row["p_high"] < 0.05
    assert (row["printed"], row["verdict"]) == ("*", "reproduced")


def test_cai_volumes_favour_the_smaller_difference(one):
    """Table 2, subarachnoid space: observer 1 has the smaller error and a star; observer 3 a larger one and none."""
    rows = [
        one(table="Table 2", label="subarachnoid_space", rater=rater, quantity="asterisk")
        for rater in ("observer1", "observer3")
    ]
    assert [row["printed"] for row in rows] == ["*", ""]
    assert [row["verdict"] for row in rows] == ["reproduced", "reproduced"]
    assert rows[0]["value_high"] < 0 < rows[1]["value_low"]


def test_central_sulcus_is_explained_by_the_scans_left_out(one):
    """.50 +- .35 against .77 +- .12 is significant with 12 scans, and not once two scans of Dice 0 are left out."""
    plain = one(table="Table 4", label="central_sulcus", rater="primary-test", quantity="asterisk")
    assert (plain["printed"], plain["verdict"]) == ("", "contradicted")
    assert plain["p_high"] < 0.05
    mean, variance = 0.6, (11 * 0.35**2 + 12 * 0.5**2 - 10 * 0.6**2) / 9
    pooled = (9 * variance + 11 * 0.12**2) / 20
    p = 2 * scipy.stats.t.sf((0.77 - mean) / math.sqrt(pooled * (1 / 10 + 1 / 12)), 20)
    explained = one(label="central_sulcus", quantity="asterisk, two scans left out of the test only")
    assert 0.05 < explained["p_low"] < p < explained["p_high"]
    assert explained["verdict"] == "reproduced"


@pytest.mark.parametrize(
    ("fields", "printed", "verdict"),
    [
        ({"rater": "inph", "quantity": "structures without a difference"}, "10 of 11", "contradicted"),
        ({"rater": "rsna", "quantity": "structures without a difference"}, "7 of 11", "reproduced"),
        ({"quantity": "share of voxels, %"}, "85.5", "contradicted"),
        ({"table": "Table 2", "label": "overall", "quantity": "observers_minus_model_share"}, "3.94", "reproduced"),
        (
            {"table": "Table 2", "label": "central_sulcus", "quantity": "observers_minus_model_share"},
            "16.81",
            "reproduced",
        ),
        ({"table": "Table 3", "label": "central_sulcus", "quantity": "observers_minus_model"}, "0.10", "reproduced"),
        ({"table": "Table 3", "label": "overall", "quantity": "sd", "rater": "observer1"}, "0.07", "reproduced"),
        (
            {"quantity": "trainable parameters, 12 classes, layer normalization with its own"},
            "31042499",
            "contradicted",
        ),
        ({"quantity": "trainable parameters, 3 classes, layer normalization with its own"}, "31042499", "reproduced"),
        ({"rater": "balanced weights", "quantity": "model 3 is better"}, "improved slightly to 0.80", "reproduced"),
    ],
)
def test_single_findings(one, fields, printed, verdict):
    """Each known agreement and disagreement of the papers with themselves is found."""
    row = one(**fields)
    assert (row["printed"], row["verdict"]) == (printed, verdict)


def test_the_parameters_are_those_of_the_network(one):
    """The count by formula is that of the layers; without normalization there are 11,776 fewer."""
    network = reference_models.network("cai-unet")
    total = sum(parameter.numel() for parameter in network.parameters())
    assert one(quantity="trainable parameters, 12 classes, layer normalization with its own")["value_low"] == total
    bare = one(quantity="trainable parameters, 12 classes, layer normalization without its own")
    assert bare["value_low"] == total - 11_776
    assert bare["verdict"] == "contradicted"


def test_validation_results_differ_by_less_than_their_sd(whole):
    """.78, .79 and .80 with an SD of .06: every comparison that the text makes holds within rounding."""
    rows = whole[whole["quantity"].eq("model 3 minus this model, within one SD")]
    assert rows[["value_low", "value_high"]].round(9).to_numpy().tolist() == [
        [0.01, 0.03],
        [0.0, 0.02],
        [0.0, 0.02],
        [-0.01, 0.01],
    ]
    assert set(rows["verdict"]) == {"reproduced"}
