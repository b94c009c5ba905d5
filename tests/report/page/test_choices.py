"""The section about number of readers, rules and tolerances: its numbers are those of the tables."""

import pandas as pd

from ctbench.agreement import StudyChoices
from ctbench.report.page.choices import choices_section


def test_the_section_shows_the_recommendation_the_rules_and_the_line_to_paste():
    """Two readers are enough; the average is a tenth larger; the tolerance is rounded up."""
    who = {"case": "c1", "label": "iph"}
    subsets = [
        who | {"readers": size, "subset": "", "dice": dice, "volume_ml": 3.0, "indeterminate_share": 0.125}
        for size, dice in ((1, 0.871), (2, 0.962), (3, 0.965))
    ]
    rules = [who | {"rule": rule, "volume_ml": ml, "dice": 0.9} for rule, ml in (("majority", 2.0), ("staple", 2.2))]
    distances = [who | {"reader": "a", "other": "b", "distance_mm": 1.21}]
    text = choices_section(StudyChoices(pd.DataFrame(subsets), pd.DataFrame(rules), pd.DataFrame(distances)))
    for part in ("0.871", "0.962", "0.125", "1.100", "tolerance_mm:\n  iph: 1.3"):
        assert part in text
    assert text.count(">yes<") == 1
    bare = StudyChoices(pd.DataFrame(subsets), pd.DataFrame(rules), pd.DataFrame())
    assert "tolerance_mm" not in choices_section(bare)
