"""Complete samples: the cases for which every rater has a value, ready to be ranked or tested pair by pair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.errors import UsageError
from ctbench.statistics.direction import Direction, direction_in
from ctbench.statistics.pairing import wide
from ctbench.statistics.pairs import Numbers
from ctbench.statistics.tidy import checked, expect_one

__all__ = ["Sample", "samples"]


class Sample(NamedTuple):
    """Scores of all raters on the cases that all of them have, turned so that higher is better."""

    raters: list[str]
    absent: list[str]  # raters without any value, who take no case away from the others
    values: Numbers  # cases x raters
    clusters: NDArray[np.integer]  # the cluster of each case
    left_out: int  # cases that some rater lacks
    sign: int  # -1 where the values were turned


def samples(
    scores: pd.DataFrame, *, by: Sequence[str], cluster: str | None, direction: Direction | str | None
) -> Iterator[tuple[dict[str, Any], Sample]]:
    """Give the complete sample of each group, with the columns that name the group.

    Raises:
        UsageError: scores that are not tidy, several samples in a group, two scores of a rater for one case, or a
            metric that is good neither way.
    """
    scores = checked(scores, (*by, "case", "rater", *([cluster] if cluster else [])), coded=True)
    expect_one(scores, ("metric", "reference", "dataset"), split=by)
    for key, group in scores.groupby(list(by), sort=False, dropna=False, observed=True):
        yield dict(zip(by, key, strict=True)), _complete(group, cluster, direction)


def _complete(group: pd.DataFrame, cluster: str | None, direction: Direction | str | None) -> Sample:
    good = direction_in(group, direction)
    if good is Direction.NEITHER:
        metric = group["metric"].iloc[0]
        msg = f"metric {metric!r} is good neither way; to rank by it, say direction='higher' or 'lower'"
        raise UsageError(msg)
    table = wide(group)
    absent = list(table.columns[table.isna().all()])
    table = table.drop(columns=absent)
    complete = table.dropna()
    sign = 1 if good is Direction.HIGHER else -1
    owners = (
        complete.index if cluster is None else group.groupby("case", observed=True)[cluster].first()[complete.index]
    )
    return Sample(
        raters=[str(rater) for rater in table.columns],
        absent=[str(rater) for rater in absent],
        values=sign * complete.to_numpy(),
        clusters=pd.factorize(owners)[0],
        left_out=len(table) - len(complete),
        sign=sign,
    )
