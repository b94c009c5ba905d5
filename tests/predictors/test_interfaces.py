import json

import pytest

from ctbench.errors import UsageError
from ctbench.predictors.interfaces import INTERFACES, interface_of


def test_without_options_the_image_gets_two_paths_as_arguments():
    """The contract of ctbench's own; other options become arguments."""
    found = interface_of({"fold": 3})
    assert found.arguments == ("--in", "/in/image.nii.gz", "--out", "/out/prediction.nii.gz", "--fold", "3")


def test_grand_challenges_inputs_are_listed():
    """Algorithms of 2025 choose by `inputs.json` what to do, older ones by the key `interface`."""
    found = interface_of({"interface": "grand-challenge", "input": "ct", "output": "seg"})
    (one,) = json.loads(found.texts["inputs.json"])
    assert one["socket"]["slug"] == one["interface"]["slug"] == "ct"
    assert str(found.image.parent) == one["socket"]["relative_path"]
    assert found.arguments == ()


def test_braces_in_run_that_are_no_placeholder_stay():
    """JSON among the arguments of a container, and an attribute of a placeholder, which once ended in a traceback."""
    found = interface_of({"run": """sh '{"a": 1}' {in.suffix} {} --in={in}"""})
    assert found.arguments == ("sh", '{"a": 1}', "{in.suffix}", "{}", "--in=/in/image.nii.gz")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"interface": "mine"}, f"expected interface {', '.join(INTERFACES)}, got 'mine'"),
        ({"interface": "flare", "fold": 1}, "flare does not take the options fold; expected none"),
        ({"interface": "grand-challenge", "input": "ct"}, "needs -o output=SLUG"),
        ({"interface": "brats", "input": "../ct"}, "needs -o input=SLUG"),
        ({"in": "data/x.nii.gz"}, "expected in to be an absolute path"),
        ({"in": "/x.nii.gz"}, "expected in to be an absolute path in a folder"),
        ({"out": "/out/../etc"}, "expected out to be an absolute path"),
        ({"run": "sh '{in}"}, "cannot be read .*No closing quotation"),
        ({"run": "sh {image}"}, "cannot be read .*'image'"),
        ({"run": "sh", "fold": 1}, "by in, out and run does not take the options fold"),
    ],
)
def test_an_interface_that_cannot_be_is_refused(options, message):
    """Before a container is run, with what was expected."""
    with pytest.raises(UsageError, match=message):
        interface_of(options)
