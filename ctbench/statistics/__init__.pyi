# ruff: noqa: I001  # one import a module, as lazy-loader reads it
from .cohorts import cohort_tests as cohort_tests
from .diagnosis import (
    Detection as Detection,
    detection as detection,
    detection_table as detection_table,
    predictive_values as predictive_values,
    roc_auc as roc_auc,
    roc_curve as roc_curve,
)
from .direction import Direction as Direction, direction_of as direction_of
from .equivalence_margin import equivalence as equivalence
from .estimate import ALPHA as ALPHA, Estimate as Estimate
from .false_alarms import false_alarms as false_alarms
from .false_claims import false_claim as false_claim
from .gwet import gwet_ac as gwet_ac
from .kappa import (
    cohen_kappa as cohen_kappa,
    fleiss_kappa as fleiss_kappa,
    generalised_conformity_index as generalised_conformity_index,
    krippendorff_alpha as krippendorff_alpha,
)
from .limits_of_agreement import (
    BlandAltman as BlandAltman,
    bland_altman as bland_altman,
    limits_with_mean as limits_with_mean,
)
from .multi_reader import (
    Mrmc as Mrmc,
    mrmc as mrmc,
    mrmc_against_readers as mrmc_against_readers,
    mrmc_cases_needed as mrmc_cases_needed,
    mrmc_of_scores as mrmc_of_scores,
    mrmc_power as mrmc_power,
)
from .multiplicity import adjusted as adjusted
from .paired import (
    leave_one_out_tests as leave_one_out_tests,
    paired_differences as paired_differences,
    paired_tests as paired_tests,
    pooled_wilcoxon as pooled_wilcoxon,
    significance_matrix as significance_matrix,
)
from .populations import Population as Population, populated as populated
from .power import (
    SampleSize as SampleSize,
    cases_for_width as cases_for_width,
    cases_needed as cases_needed,
    paired_power as paired_power,
)
from .presence import PresenceAgreement as PresenceAgreement, presence_agreement as presence_agreement
from .proportion import clustered_proportion as clustered_proportion, failures as failures, wilson as wilson
from .ranking import rank as rank, rank_stability as rank_stability, rank_values as rank_values
from .readers import readers_minus_model as readers_minus_model, within_readers as within_readers
from .regression import (
    categorical_regression as categorical_regression,
    categorical_regression_from_summary as categorical_regression_from_summary,
    leave_one_out_regression as leave_one_out_regression,
)
from .reliability import icc as icc
from .repeats import (
    RepeatedLimits as RepeatedLimits,
    ReplicateLimits as ReplicateLimits,
    limits_with_repeats as limits_with_repeats,
    overall_ccc as overall_ccc,
    replicate_bland_altman as replicate_bland_altman,
)
from .summary import describe as describe, describe_columns as describe_columns, overall as overall
from .tidy import OVERALL as OVERALL
from .trend import loess as loess, size_correlation as size_correlation
from .volumes import VolumeAgreement as VolumeAgreement, volume_agreement as volume_agreement
