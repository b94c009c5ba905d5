import numpy as np

from ctbench.agreement.snapshots import Snapshot
from ctbench.report.drawings.snapshots import SnapshotCard
from ctbench.report.page.snapshots import snapshot_gallery
from ctbench.volume import Volume


def test_cards_have_the_image_beside_the_tinted_one():
    """Two pictures with an image, one without; both say in words what they show, and names are text."""
    seen = Snapshot(Volume(np.ones((1, 2, 2), np.float32), (1, 1, 1)), (4, 0, 0), 9)
    with_image = Snapshot(seen.shade, seen.corner, 9, np.zeros((2, 2)), in_hu=True)
    text = snapshot_gallery([SnapshotCard("<c1>", "2 mL", "lesion", one) for one in (seen, with_image)], "how")
    assert text.count("data:image/png") == 3
    assert text.count('alt="lesion in &lt;c1&gt;, slice 5 of 9"') == 2
    assert "slice 5 of 9, 2 mL" in text
    assert snapshot_gallery([], "how") == ""
