import pytest
import torch

from reference_models.deepbleed.network import VNet
from reference_models.layers import count_parameters


@pytest.mark.parametrize(
    ("dimensions", "blocks", "parameters"),
    [
        (3, "shared", 22_546_101),
        (2, "shared", 4_745_333),
        (3, "separate", 65_171_861),
        (2, "separate", 13_271_893),
    ],
)
def test_it_has_the_known_number_of_parameters(dimensions, blocks, parameters):
    """The released graph shares one convolution a block; the paper's text reads as if it did not."""
    with torch.device("meta"):
        assert count_parameters(VNet(dimensions, blocks=blocks)) == parameters


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("options", [{}, {"blocks": "separate", "activation": "prelu", "dropout": 0.1}, {"largest": 6}])
def test_the_grid_is_kept(dimensions, options):
    """One logit a voxel comes out, for any sides that are multiples of 16."""
    network = VNet(dimensions, width=2, **options)
    x = torch.randn(2, 1, *(16, 32, 16)[:dimensions])
    assert network(x).shape == x.shape


def test_shared_blocks_apply_one_convolution_again_and_again():
    """A block of three with shared weights gives what three separate convolutions of the same weights give."""
    torch.manual_seed(0)
    shared, separate = VNet(2, width=2), VNet(2, width=2, blocks="separate")
    state = {}
    for name in separate.state_dict():
        parts = name.split(".")
        if "convolutions" in parts:
            parts[parts.index("convolutions") + 1] = "0"
        state[name] = shared.state_dict()[".".join(parts)]
    separate.load_state_dict(state)
    x = torch.randn(1, 1, 16, 16)
    torch.testing.assert_close(shared(x), separate(x))


def test_levels_may_have_a_largest_width():
    """Going down none has more channels, going up twice those of its skip; at the paper's size nothing changes."""
    network = VNet(3, width=4, largest=10)
    assert [down[0].out_channels for down in network.down] == [8, 10, 10, 10]
    assert [block.convolutions[0].out_channels for block in network.up_blocks] == [20, 20, 16, 8]
    with torch.device("meta"):
        assert count_parameters(VNet(largest=256)) == count_parameters(VNet())


def test_dropout_is_in_the_two_deepest_levels_only():
    """Blocks of 8 and 16 times the width drop single activations, as Keras does; the others drop none."""
    network = VNet(2, width=2, dropout=0.1)
    with_dropout = {
        name.split(".rests")[0] for name, layer in network.named_modules() if type(layer) is torch.nn.Dropout
    }
    assert with_dropout == {"down_blocks.2", "down_blocks.3", "up_blocks.0", "up_blocks.1"}


def test_a_shared_convolution_is_normalised_anew_each_time():
    """Blocks of 2, 3, 3, 3 and 3, 3, 2, 1 repeats have as many normalisations, and one convolution each."""
    network = VNet(2, width=2, normalization="batch")
    kinds = [type(layer) for block in (*network.down_blocks, *network.up_blocks) for layer in block.modules()]
    assert kinds.count(torch.nn.BatchNorm2d) == 2 + 3 + 3 + 3 + 3 + 3 + 2 + 1
    assert kinds.count(torch.nn.Conv2d) == 8


def test_unknown_options_are_refused():
    """The message shows what was asked for."""
    with pytest.raises(ValueError, match="blocks='tied'"):
        VNet(3, blocks="tied")
