"""Tables and figures of sharrock2020."""

from ctbench.report.papers import PAPERS
from ctbench.report.papers.sharrock2020 import PARTS


def test_the_command_makes_these_parts():
    """`ctbench paper sharrock2020` finds the parts of this module."""
    assert PAPERS["sharrock2020"] is PARTS
