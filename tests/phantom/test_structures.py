from ctbench.phantom.structures import FORMAT, anatomy_labels, hemorrhage_labels


def test_the_eleven_structures_have_the_codes_1_to_11():
    """Codes are dense, in the order of the paper's list, and no name occurs twice."""
    assert list(anatomy_labels.values()) == list(range(1, 12))
    assert len(set(anatomy_labels)) == 11


def test_csf_and_parenchyma_share_no_structure():
    """Fluid around the brain, ventricles with septum, and tissue divide the structures among them."""
    parts = [anatomy_labels.codes_of(group) for group in ("csf", "ventricles_all", "parenchyma")]
    assert sorted(code for part in parts for code in part) == list(range(1, 12))


def test_any_hemorrhage_is_every_type():
    """The group holds all four types and nothing else."""
    assert list(hemorrhage_labels) == ["iph", "ivh", "edh_sdh", "sah"]
    assert hemorrhage_labels.codes_of("hemorrhage") == tuple(hemorrhage_labels.values())


def test_the_format_is_a_positive_number():
    """It is counted up, so it is a whole number from 1."""
    assert isinstance(FORMAT, int)
    assert FORMAT >= 1
