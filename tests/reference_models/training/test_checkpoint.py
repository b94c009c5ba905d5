import pytest
import torch
from torch import nn

from ctbench.errors import UsageError
from reference_models.training.checkpoint import load_checkpoint, save_checkpoint

STATE = {"settings": {"seed": 1, "width": 3}, "curves": {"loss": [0.5, 0.25]}}


def made(width=3, seed=0):
    """A layer and its optimizer, new."""
    torch.manual_seed(seed)
    network = nn.Linear(2, width)
    return network, torch.optim.Adam(network.parameters(), lr=0.1)


def step(network, optimizer):
    """One step of training, always on the same example."""
    optimizer.zero_grad()
    network(torch.ones(1, 2)).square().sum().backward()
    optimizer.step()


@pytest.fixture
def saved(tmp_path):
    """A checkpoint after two steps, its network and its optimizer."""
    network, optimizer = made()
    best = {"weight": torch.full((3, 2), 7.0)}
    for _ in range(2):
        step(network, optimizer)
    save_checkpoint(tmp_path / "c.safetensors", network, optimizer, best, STATE)
    return tmp_path / "c.safetensors", network, optimizer


def test_training_goes_on_as_if_it_had_never_stopped(saved):
    """Weights after another step are equal to the last bit, so the optimizer's memory came back too."""
    path, network, optimizer = saved
    again, new = made(seed=5)
    best, state = load_checkpoint(path, again, new, STATE["settings"])
    step(network, optimizer)
    step(again, new)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])
    assert torch.equal(best["weight"], torch.full((3, 2), 7.0))
    assert state == STATE


def test_other_settings_are_refused_with_what_differs(saved):
    """Both values are named; the network keeps what it had."""
    path, _, _ = saved
    network, optimizer = made(seed=5)
    before = network.weight.detach().clone()
    with pytest.raises(UsageError, match="width was 3, now 4"):
        load_checkpoint(path, network, optimizer, {"seed": 1, "width": 4})
    assert torch.equal(network.weight, before)


def test_a_checkpoint_of_another_network_is_refused(saved):
    """Shapes that do not fit are told with the file."""
    path, _, _ = saved
    with pytest.raises(UsageError, match=r"c\.safetensors.*another network"):
        load_checkpoint(path, *made(width=4), STATE["settings"])


@pytest.mark.parametrize("content", [b"", b"hello", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    """Nothing, text, and a safetensors file without a state."""
    path = tmp_path / "c.safetensors"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="no checkpoint"):
        load_checkpoint(path, *made(), {})


def test_an_existing_checkpoint_is_replaced(saved):
    """The folder holds the new one and no temporary file."""
    path, network, optimizer = saved
    save_checkpoint(path, network, optimizer, {}, {**STATE, "more": 1})
    assert load_checkpoint(path, *made(), {})[1]["more"] == 1
    assert [file.name for file in path.parent.iterdir() if file.is_file()] == ["c.safetensors"]
