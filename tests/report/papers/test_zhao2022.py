"""Tables and figures of zhao2022."""

from ctbench.report.papers import PAPERS
from ctbench.report.papers.zhao2022 import PARTS


def test_the_command_makes_these_parts():
    """`ctbench paper zhao2022` finds the parts of this module."""
    assert PAPERS["zhao2022"] is PARTS
