"""Tables and figures of wachinger2018."""

from ctbench.report.papers import PAPERS
from ctbench.report.papers.wachinger2018 import PARTS


def test_the_command_makes_these_parts():
    """`ctbench paper wachinger2018` finds the parts of this module."""
    assert PAPERS["wachinger2018"] is PARTS
