import dataclasses

import pytest

from ctbench.predictors.isolation.limits import Limits
from ctbench.predictors.isolation.policy import Isolation


def test_nothing_is_trusted_unless_it_is_said():
    """Without arguments there is a sandbox that shows nothing more than the code, with the usual limits."""
    assert Isolation() == Isolation(trust=False, mounts=(), limits=Limits())


def test_two_policies_share_no_limits_by_accident():
    """Each has limits of its own, and neither can be changed after it was made."""
    assert Isolation().limits == Isolation().limits
    with pytest.raises(dataclasses.FrozenInstanceError):
        Isolation().trust = True
