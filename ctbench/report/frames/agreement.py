"""Frames and charts of how readers agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from ctbench.agreement import ReaderStudy, pair_summary
from ctbench.report.drawings.canvas import INK, MODEL_COLOURS
from ctbench.report.drawings.charts import pointed_at, styled
from ctbench.report.wording import metric_title

if TYPE_CHECKING:
    import altair as alt

__all__ = ["agreement_matrix", "estimate_chart", "indeterminate_shares", "statistic_title"]

_TITLES = {
    "cohen_kappa": "Cohen's kappa",
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


def agreement_matrix(study: ReaderStudy, label: str, metric: str) -> pd.DataFrame:
    """Say how far each pair of readers agrees on a structure.

    Args:
        study: of the readers.
        label: a structure, or ``overall``.
        metric: one of ``study.pairs``.

    Returns:
        Columns reader, other, mean, sd, n (cases), unit; each pair stands there in both orders.
    """
    described = pair_summary(study)
    own = described[(described["label"] == label) & (described["metric"] == metric)]
    own = own[["reader", "other", "mean", "sd", "n", "unit"]]
    turned = own.rename(columns={"reader": "other", "other": "reader"})
    return pd.concat([own, turned], ignore_index=True)[list(own.columns)]


def indeterminate_shares(study: ReaderStudy) -> pd.DataFrame:
    """Give the share of voxels on which the readers found no consensus, by structure and case.

    Returns:
        Columns case, label, share: of the voxels in which any reader drew the structure, those that the consensus of
        all leaves undecided; null where nobody drew it.
    """
    rows = study.by_reader[study.by_reader["metric"] == "indeterminate_share"]
    shares = rows.drop_duplicates(["case", "label"])[["case", "label", "value"]]
    return shares.rename(columns={"value": "share"}).reset_index(drop=True)


def estimate_chart(table: pd.DataFrame, title: str) -> alt.TopLevelMixin:
    """Draw estimates with their 95 % intervals, one line a structure.

    Args:
        table: of one statistic, with the columns label, value, low, high, n.
        title: of the axis.
    """
    import altair as alt

    rows = table.assign(pointed=pointed_at(table["label"]))
    place = alt.Y("label:N", sort=list(table["label"]), title=None, axis=alt.Axis(domain=False, ticks=False))
    shown = [
        alt.Tooltip("pointed:N", title="structure"),
        *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("value", "low", "high")),
        alt.Tooltip("n:Q"),
    ]
    base = alt.Chart(rows).encode(y=place, tooltip=shown)
    scale = alt.Scale(zero=False, nice=True)
    layers: list[Any] = [
        base.mark_rule(strokeWidth=2, color=MODEL_COLOURS[0]).encode(
            x=alt.X("low:Q", title=title, scale=scale, axis=alt.Axis(tickCount=8)), x2="high:Q"
        ),
        base.mark_point(filled=True, size=70, opacity=1, color=INK).encode(x=alt.X("value:Q", title=title)),
    ]
    return styled(alt.layer(*layers), height=24 * len(rows) + 60)
