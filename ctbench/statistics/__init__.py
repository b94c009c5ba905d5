"""Statistical tests, agreement, diagnosis and ranking: pure functions of arrays and tidy tables of scores."""

from ctbench.statistics.cohorts import cohort_tests
from ctbench.statistics.diagnosis import Detection, detection, detection_table, predictive_values, roc_auc, roc_curve
from ctbench.statistics.direction import Direction, direction_of
from ctbench.statistics.equivalence_margin import equivalence
from ctbench.statistics.estimate import ALPHA, Estimate
from ctbench.statistics.false_alarms import false_alarms
from ctbench.statistics.false_claims import false_claim
from ctbench.statistics.gwet import gwet_ac
from ctbench.statistics.kappa import cohen_kappa, fleiss_kappa, generalised_conformity_index, krippendorff_alpha
from ctbench.statistics.limits_of_agreement import BlandAltman, bland_altman, limits_with_mean
from ctbench.statistics.multi_reader import (
    Mrmc,
    mrmc,
    mrmc_against_readers,
    mrmc_cases_needed,
    mrmc_of_scores,
    mrmc_power,
)
from ctbench.statistics.multiplicity import adjusted
from ctbench.statistics.paired import (
    leave_one_out_tests,
    paired_differences,
    paired_tests,
    pooled_wilcoxon,
    significance_matrix,
)
from ctbench.statistics.populations import Population, populated
from ctbench.statistics.power import SampleSize, cases_for_width, cases_needed, paired_power
from ctbench.statistics.presence import PresenceAgreement, presence_agreement
from ctbench.statistics.proportion import clustered_proportion, failures, wilson
from ctbench.statistics.ranking import rank, rank_stability, rank_values
from ctbench.statistics.readers import readers_minus_model, within_readers
from ctbench.statistics.regression import (
    categorical_regression,
    categorical_regression_from_summary,
    leave_one_out_regression,
)
from ctbench.statistics.reliability import icc
from ctbench.statistics.repeats import (
    RepeatedLimits,
    ReplicateLimits,
    limits_with_repeats,
    overall_ccc,
    replicate_bland_altman,
)
from ctbench.statistics.summary import describe, describe_columns, overall
from ctbench.statistics.tidy import OVERALL
from ctbench.statistics.trend import loess, size_correlation
from ctbench.statistics.volumes import VolumeAgreement, volume_agreement

__all__ = [
    "ALPHA",
    "OVERALL",
    "BlandAltman",
    "Detection",
    "Direction",
    "Estimate",
    "Mrmc",
    "Population",
    "PresenceAgreement",
    "RepeatedLimits",
    "ReplicateLimits",
    "SampleSize",
    "VolumeAgreement",
    "adjusted",
    "bland_altman",
    "cases_for_width",
    "cases_needed",
    "categorical_regression",
    "categorical_regression_from_summary",
    "clustered_proportion",
    "cohen_kappa",
    "cohort_tests",
    "describe",
    "describe_columns",
    "detection",
    "detection_table",
    "direction_of",
    "equivalence",
    "failures",
    "false_alarms",
    "false_claim",
    "fleiss_kappa",
    "generalised_conformity_index",
    "gwet_ac",
    "icc",
    "krippendorff_alpha",
    "leave_one_out_regression",
    "leave_one_out_tests",
    "limits_with_mean",
    "limits_with_repeats",
    "loess",
    "mrmc",
    "mrmc_against_readers",
    "mrmc_cases_needed",
    "mrmc_of_scores",
    "mrmc_power",
    "overall",
    "overall_ccc",
    "paired_differences",
    "paired_power",
    "paired_tests",
    "pooled_wilcoxon",
    "populated",
    "predictive_values",
    "presence_agreement",
    "rank",
    "rank_stability",
    "rank_values",
    "readers_minus_model",
    "replicate_bland_altman",
    "roc_auc",
    "roc_curve",
    "significance_matrix",
    "size_correlation",
    "volume_agreement",
    "wilson",
    "within_readers",
]
