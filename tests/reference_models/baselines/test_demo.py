import numpy as np

from reference_models.baselines import demo
from reference_models.baselines.atlas import AtlasPredictor, AtlasWeights


def test_the_atlas_is_fitted_on_the_training_split(heads, tmp_path, monkeypatch):
    """It writes the file whose path it returns, learns the dataset's labels, and sees no other split."""
    seen = []

    class Watched:
        def split(self, name):
            """Note which split is asked for."""
            seen.append(name)
            return heads.split(name)

    monkeypatch.setattr(demo, "load_dataset", lambda name: seen.append(name) or Watched())
    monkeypatch.setattr(demo, "DEMO_WEIGHTS", tmp_path / "atlas.safetensors")
    path = demo.fit_demo_atlas()
    assert seen == ["phantom-anatomy", "train"]
    weights = AtlasWeights.load(path)
    assert weights.labels.codes == heads.labels.codes
    assert weights.trained_on == "heads"
    labels = AtlasPredictor(weights).predict(heads["h5"].image()).labels
    assert set(np.unique(labels)) <= {0, 1, 2}
    assert (labels == 2).any()
