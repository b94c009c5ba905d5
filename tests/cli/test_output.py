import csv
import io
import json
from dataclasses import make_dataclass
from pathlib import Path

import pandas as pd
import pytest

from ctbench.cli.output import note, note_lost_cases, print_frame, show_progress, with_interval, with_sd

FRAME = pd.DataFrame({"rater": ["net", "[bold]ann[/bold]"], "dice_mean": [0.123456789012345, None], "n": [12, 3]})
Manifest = make_dataclass("Manifest", ["cases"])


class Run:
    """A run with scores and messages, and no files."""

    def __init__(self, statuses, broken=()):
        rows = [(case, status, "why") for case, status in statuses.items() for _ in range(2)]
        self.scores = pd.DataFrame(rows, columns=["case", "status", "detail"])
        self.manifest, self.folder = Manifest(tuple(statuses)), Path("run")
        self._messages = [{"case": case, "broken_contract": True} for case in broken]

    def messages(self):
        """The log."""
        return self._messages


def test_json_has_every_digit_and_null(capsys):
    """A list of objects with the names of the columns."""
    print_frame(FRAME, as_json=True, title="not shown")
    assert json.loads(capsys.readouterr().out) == [
        {"rater": "net", "dice_mean": 0.123456789012345, "n": 12},
        {"rater": "[bold]ann[/bold]", "dice_mean": None, "n": 3},
    ]


def test_csv_has_a_line_for_each_row(capsys):
    """And nothing else."""
    print_frame(FRAME, as_csv=True, title="not shown")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["rater"] for row in rows] == FRAME["rater"].tolist()
    assert [row["dice_mean"] for row in rows] == ["0.123456789012345", ""]


def test_a_table_for_people_shows_names_as_they_are(capsys):
    """Three decimals, a dash for nothing, headings without underscores; markup in a name is text."""
    print_frame(FRAME, title="Scores")
    shown = capsys.readouterr().out
    for part in ("Scores", "dice mean", "0.123", "[bold]ann[/bold]", " - "):
        assert part in shown
    assert "0.1234" not in shown


def test_notes_go_to_standard_error(capsys):
    """Standard output holds the table only."""
    note("a note")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "a note\n")


@pytest.mark.parametrize(
    ("statuses", "broken", "code", "said"),
    [
        ({"a": "ok", "b": "both_empty"}, (), 0, ""),
        ({"a": "ok", "b": "failed"}, (), 0, "1 of 2 cases"),
        ({"a": "failed", "b": "missing"}, (), 1, "2 of 2 cases"),
        ({"a": "ok", "b": "failed"}, ("b",), 2, "1 of 2 cases"),
        ({"a": "ok", "b": "failed"}, ("a",), 0, "1 of 2 cases"),
    ],
)
def test_lost_cases_decide_on_the_exit_code(capsys, statuses, broken, code, said):
    """Some lost is no failure, all are; a broken contract of a lost case is the plugin's."""
    assert note_lost_cases(Run(statuses, broken)) == code
    assert said in capsys.readouterr().err


def test_only_the_first_lost_cases_are_listed(capsys):
    """Five, and how many more there are."""
    note_lost_cases(Run({f"c{at}": "failed" for at in range(8)}))
    said = capsys.readouterr().err
    assert said.count("why") == 5
    assert "3 more" in said


@pytest.mark.parametrize("steps", [[], [1, 2, 3]])
def test_steps_pass_through_the_bar(capsys, steps):
    """All of them, in order; nothing is drawn where there is no terminal."""
    assert list(show_progress("predict", iter(steps), len(steps))) == steps
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_a_mean_without_a_spread_stands_alone():
    """Of one case there is no SD, and of none no mean: no table says "nan"."""
    assert with_sd([0.9, -0.0001, 0.5, float("nan")], [0.1, 0.2, *[float("nan")] * 2]) == [
        "0.900 ± 0.100",
        "0.000 ± 0.200",
        "0.500",
        "-",
    ]


def test_an_interval_stands_behind_its_number():
    """As in the report, with the minus and the dash of a keyboard."""
    assert with_interval(-0.12345, -0.2, 0.1) == "-0.123 (-0.200 to 0.100)"
    assert with_interval(0.00123, 0.001, 0.002, 4) == "0.0012 (0.0010 to 0.0020)"
    assert [with_interval(value, float("nan"), float("nan")) for value in (0.5, float("nan"))] == ["0.500", "-"]
