import pytest

from ctbench.predictors.testing import assert_conforms  # noqa: F401  # a fixture


def test_a_well_behaved_predictor_passes(bright, assert_conforms):  # noqa: F811  # the fixture
    """The fixture of plugin authors lets it through."""
    assert_conforms(bright())


def test_the_fixture_names_what_is_broken(broken, assert_conforms):  # noqa: F811  # the fixture
    """A plugin's own test fails with the sentence of the broken rule."""
    with pytest.raises(pytest.fail.Exception, match="returned NoneType; expected a Prediction"):
        assert_conforms(broken(lambda image: None))
