"""The section about sessions and conditions: its numbers are those of the tables."""

from dataclasses import replace

import pandas as pd
import pytest

from ctbench.agreement import ReadingStudy, aided_effect, components, intra_and_inter
from ctbench.report.page.repeats import repeats_section


@pytest.fixture
def study():
    """Two cases, two readers, two sessions, two conditions, with values that can be told apart."""
    rows, pairs = [], []
    for number, case in enumerate(("c1", "c2")):
        for place, reader in enumerate(("ann", "<bob>")):
            for session in "12":
                for condition in ("unaided", "aided"):
                    aided = condition == "aided"
                    seconds, order = (40.0 if aided else 100.0), 4 * number + 2 * int(session) - aided
                    values = {"dice": 0.8 + 0.1 * aided + 0.01 * number, "volume_ml": 10.0 * number + place}
                    values["border_offset_mm"] = place - 0.5 + 0.1 * int(session)
                    rows += [
                        (case, reader, session, condition, seconds, order, "iph", metric, value)
                        for metric, value in values.items()
                    ]
            pairs.append((case, "iph", "unaided", "same reader", reader, "1", reader, "2", "dice", 0.9 + 0.02 * place))
        pairs.append(
            (case, "iph", "unaided", "different readers", "ann", "1", "<bob>", "1", "dice", 0.7 + 0.1 * number)
        )
    readings = pd.DataFrame(
        rows, columns=["case", "reader", "session", "condition", "seconds", "order", "label", "metric", "value"]
    )
    columns = ["case", "label", "condition", "kind", "reader", "session", "other", "other_session", "metric", "value"]
    return ReadingStudy("unaided", ("unaided", "aided"), readings, pd.DataFrame(pairs, columns=columns))


def test_the_section_shows_what_the_tables_hold(study):
    """Means, ranges and the time saved stand in it; names of readers are escaped."""
    text = repeats_section(study)
    assert {row["kind"]: row["mean"] for row in intra_and_inter(study).to_dict("records")} == {
        "same reader": pytest.approx(0.91),
        "different readers": pytest.approx(0.75),
    }
    saved = aided_effect(study).set_index("metric").loc["seconds", "saved_share"]
    assert saved == pytest.approx(0.6)
    for part in ("0.910", "0.750", "60.0 %", "Border of each reader", "&lt;bob&gt;"):
        assert part in text
    assert "<bob>" not in text


def test_without_sessions_and_times_the_section_says_so(study):
    """Of one session only the limits around the mean of all are known; conditions are not compared."""
    own = study.readings[(study.readings["session"] == "1") & (study.readings["condition"] == "unaided")]
    assert components(replace(study, readings=own))["repeatability"].isna().all()
    text = repeats_section(ReadingStudy("unaided", ("unaided",), own, study.pairs))
    assert "without a second session it is unknown" in text
    assert "paired by reader and case" not in text
