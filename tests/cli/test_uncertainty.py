import json

MODEL = """

class Unsure(Model):
    def predict(self, image):
        bright = image.array > self.threshold
        return ctbench.Prediction(bright.astype(np.uint8), probabilities={"hemorrhage": np.where(bright, 0.8, 0.1)})
"""


def test_probabilities_of_a_sandboxed_model_are_kept_and_scored(ctbench, made, tmp_path, monkeypatch):
    """From `run --keep-probabilities` through the child process to a table, for people and as JSON."""
    run, dataset = made
    with open("users_model.py", "a") as file:  # noqa: PTH123  # the working folder is the test's own
        file.write(MODEL)
    kept = ("users_model:Unsure", "--split", "all", "--metric", "dice", "--unsandboxed", "--keep-probabilities")
    result = ctbench("run", *kept, *dataset, "--out", "kept")
    assert result.exit_code == 0, result.err
    result = ctbench("uncertainty", "kept", "--figure", "ece", "--figure", "brier", "--resamples", "10", "--json")
    assert result.exit_code == 0, result.err
    rows = json.loads(result.out)
    assert {row["figure"] for row in rows} == {"ece", "brier"}
    assert {row["against"] for row in rows} == {"mean of readers", "each reader"}
    assert all(0 <= row["low"] <= row["high"] <= 1 for row in rows)
    printed = ctbench("uncertainty", "kept", "--domain", "image", "--resamples", "0")
    assert "Probabilities over the whole image" in printed.out
    assert ctbench("uncertainty", run).exit_code == 2
    rows = json.loads(ctbench("uncertainty", "kept", "--table", "volumes", "--json").out)
    assert {"crps_ml", "cramer_ml", "conformal_half_width_ml"} <= {row["figure"] for row in rows}
    printed = ctbench("uncertainty", "kept", "--table", "sets", "--resamples", "0")
    assert "ged_level_sets" in printed.out
    cases = ctbench("uncertainty", "kept", "--table", "cases", "--csv").out.splitlines()
    assert cases[0].startswith("label,rater,rater_kind,case,patient,ged,")
