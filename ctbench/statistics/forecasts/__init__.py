"""Probability forecasts against several readers: calibration, scoring rules, discrimination, soft Dice, sets, volumes.

Every voxelwise figure is computed from one table per structure and case, the number of voxels with each stored
probability and each pattern of readers' votes. Tables of cases add up.
"""

from ctbench.statistics.forecasts.calibration import Reliability, calibration_error, ks_error, reliability_diagram
from ctbench.statistics.forecasts.conformal import Coverage, conformal_coverage, conformal_half_width
from ctbench.statistics.forecasts.discrimination import auroc, average_precision
from ctbench.statistics.forecasts.figures import FIGURES, pooled_figures, pooled_outcomes
from ctbench.statistics.forecasts.label_sets import dice_match, dice_max, energy_distance
from ctbench.statistics.forecasts.scoring_rules import Brier, brier, negative_log_likelihood
from ctbench.statistics.forecasts.soft_dice import PRESETS, ThresholdDice, minimum_dice, product_dice, threshold_dice
from ctbench.statistics.forecasts.table import (
    MEAN,
    NOT_READ,
    SHARES,
    ForecastTable,
    Outcomes,
    pool_tables,
)
from ctbench.statistics.forecasts.volumes import cramer_distance, crps_ensemble, crps_normal

__all__ = [
    "FIGURES",
    "MEAN",
    "NOT_READ",
    "PRESETS",
    "SHARES",
    "Brier",
    "Coverage",
    "ForecastTable",
    "Outcomes",
    "Reliability",
    "ThresholdDice",
    "auroc",
    "average_precision",
    "brier",
    "calibration_error",
    "conformal_coverage",
    "conformal_half_width",
    "cramer_distance",
    "crps_ensemble",
    "crps_normal",
    "dice_match",
    "dice_max",
    "energy_distance",
    "ks_error",
    "minimum_dice",
    "negative_log_likelihood",
    "pool_tables",
    "pooled_figures",
    "pooled_outcomes",
    "product_dice",
    "reliability_diagram",
    "threshold_dice",
]
