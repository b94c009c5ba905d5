"""Agreement of readers, as tables: pairs of readers, and shares of indeterminate voxels."""

from __future__ import annotations

import pandas as pd

from ctbench.agreement import ReaderStudy, pair_summary
from ctbench.report.wording import metric_title

__all__ = [
    "agreement_matrix",
    "indeterminate_shares",
    "model_number_lines",
    "of_volumes",
    "reader_number_lines",
    "statistic_title",
]

_TITLES = {
    "cohen_kappa": "Cohen's kappa",
    "overall_ccc": "Overall CCC",
    "fleiss_kappa": "Fleiss' kappa",
    "krippendorff_alpha": "Krippendorff's alpha",
    "generalised_conformity_index": "Conformity index",
    "staple_sensitivity": "Sensitivity",
    "staple_specificity": "Specificity",
    "without_dice": "Dice",
    "without_volume_change_ml": "Volume change",
    "changed_share": "Voxels changed",
    "indeterminate_share_change": "Change of indeterminate share",
}


def statistic_title(name: str) -> str:
    """Write the name of a statistic of agreement, or of a metric, as people do."""
    return _TITLES.get(name, name.replace("icc(", "ICC(") if name.startswith("icc") else metric_title(name))


def of_volumes(name: str) -> bool:
    """Return whether a statistic of agreement is that of volumes; others are of voxels, averaged over cases."""
    return name == "overall_ccc" or name.startswith("icc")


def agreement_matrix(study: ReaderStudy, label: str, metric: str) -> pd.DataFrame:
    """Return how well each pair of readers agrees on a structure.

    Args:
        study: Comparison of the readers.
        label: Name of a structure, or ``overall``.
        metric: Name of a metric in ``study.pairs``.

    Returns:
        Columns reader, other, mean, sd, n (cases), unit; one row for each order of a pair.
    """
    described = pair_summary(study)
    own = described[(described["label"] == label) & (described["metric"] == metric)]
    own = own[["reader", "other", "mean", "sd", "n", "unit"]]
    turned = own.rename(columns={"reader": "other", "other": "reader"})
    return pd.concat([own, turned], ignore_index=True)[list(own.columns)]


def indeterminate_shares(study: ReaderStudy) -> pd.DataFrame:
    """Return the share of voxels without a consensus of the readers, by structure and case.

    Returns:
        Columns case, label, share: of the voxels in which any reader drew the structure, those that the consensus of
        all leaves undecided; null where nobody drew it.
    """
    rows = study.by_reader[study.by_reader["metric"] == "indeterminate_share"]
    shares = rows.drop_duplicates(["case", "label"])[["case", "label", "value"]]
    return shares.rename(columns={"value": "share"}).reset_index(drop=True)


def reader_number_lines(numbers: pd.DataFrame) -> pd.DataFrame:
    """Return ``how_many_readers`` as lines of ``reader_number_chart``: means, down to the worst subset of readers."""
    return numbers.assign(name="consensus", lowest=numbers["dice_lowest"], highest=numbers["dice"])


def model_number_lines(ranks: pd.DataFrame) -> pd.DataFrame:
    """Return ``rank_table`` of subsets as lines of ``reader_number_chart``: a line for each model."""
    return ranks.assign(name=ranks["model"], recommended=False)
