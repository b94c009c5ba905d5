"""The tables and figures of the five papers, made anew from anybody's runs: ``ctbench paper``."""

from __future__ import annotations

from ctbench.report.papers import cai2020, chang2018, sharrock2020, wachinger2018, zhao2022
from ctbench.report.papers.part import Part
from ctbench.report.papers.writing import write_paper

__all__ = ["PAPERS", "write_paper"]

PAPERS: dict[str, tuple[Part, ...]] = {
    "cai2020": cai2020.PARTS,
    "chang2018": chang2018.PARTS,
    "sharrock2020": sharrock2020.PARTS,
    "wachinger2018": wachinger2018.PARTS,
    "zhao2022": zhao2022.PARTS,
}
"""Paper -> its tables and figures, in their order."""
