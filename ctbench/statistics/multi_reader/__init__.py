"""Multi-reader multi-case (MRMC) studies: conditions, and models, compared over populations of readers and cases."""

from ctbench.statistics.multi_reader.analysis import Components
from ctbench.statistics.multi_reader.planning import MrmcPower, mrmc_cases_needed, mrmc_power
from ctbench.statistics.multi_reader.study import Mrmc, mrmc, mrmc_against_readers, mrmc_of_scores

__all__ = [
    "Components",
    "Mrmc",
    "MrmcPower",
    "mrmc",
    "mrmc_against_readers",
    "mrmc_cases_needed",
    "mrmc_of_scores",
    "mrmc_power",
]
