"""Tables and figures of cai2020."""

from ctbench.report.papers import PAPERS
from ctbench.report.papers.cai2020 import PARTS


def test_the_command_makes_these_parts():
    """`ctbench paper cai2020` finds the parts of this module."""
    assert PAPERS["cai2020"] is PARTS
