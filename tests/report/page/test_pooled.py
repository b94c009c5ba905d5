"""All structures as one sample, on the page."""

from ctbench.report.frames.pooled import BY_CASE, POOLED, pooled, pooled_labels, pooled_scores
from ctbench.report.page.pooled import pooled_samples
from ctbench.report.wording import fixed


def test_both_samples_are_shown_with_their_standard_errors(results):
    """A row for each sample and model with mean ± SE, and the warning that the larger sample is too large."""
    page = str(pooled_samples(results))
    scores = pooled_scores(results)
    rows = pooled(scores, baseline="unet", labels=pooled_labels(results))
    assert set(rows["unit"]) == {POOLED, BY_CASE}
    for row in rows.itertuples():
        assert f"{fixed(row.mean)} ± {fixed(row.se)}" in page
    assert "pseudo-replication" in page
    assert "tests against unet" in page
