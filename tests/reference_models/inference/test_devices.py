import logging

import pytest
import torch
from torch import nn

from ctbench.errors import PredictionFailedError, UsageError
from reference_models.inference.devices import (
    apply_in_batches,
    choose_device,
    choose_precision,
    denormals_as_zero,
    deterministic,
    place,
)

CPU = torch.device("cpu")
SHAPES = "shapes"


def test_auto_is_a_device_that_is_here():
    """A GPU where there is one, else the CPU."""
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize(
    ("name", "message"), [("cuda:63", "torch sees"), ("gpu", "unknown device"), ("meta", "not supported")]
)
def test_a_device_that_is_not_here_is_refused(name, message):
    """The message says what there is."""
    with pytest.raises(UsageError, match=message):
        choose_device(name)


@pytest.mark.parametrize(("device", "usual"), [("cpu", "float32"), ("cuda", "bfloat16")])
def test_the_usual_precision_depends_on_the_kind_of_device_only(device, usual, monkeypatch):
    """Two processors with different instructions compute in the same precision unless one is asked for."""
    for instructions in ({}, {"avx512_bf16": True, "amx_bf16": True}):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda found=instructions: found)
        assert choose_precision("auto", torch.device(device)) == usual


@pytest.mark.parametrize(("instruction", "warned"), [("avx512_bf16", False), ("amx_bf16", False), ("avx2", True)])
def test_bfloat16_is_said_to_be_emulated_where_it_is(instruction, warned, monkeypatch, caplog):
    """A processor without instructions for it computes it, slowly, after a warning."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {instruction: True})
    with caplog.at_level(logging.WARNING, logger="reference_models"):
        assert choose_precision("bfloat16", CPU) == "bfloat16"
    assert ("emulates" in caplog.text) == warned


def test_an_unknown_precision_is_refused():
    """The message lists the known ones."""
    with pytest.raises(UsageError, match="expected auto, float32, bfloat16"):
        choose_precision("float16", CPU)


@pytest.mark.parametrize(("precision", "dtype"), [(None, torch.float32), ("bfloat16", torch.bfloat16)])
def test_a_network_computes_in_the_precision_that_is_asked_for(precision, dtype):
    """The answer is float32 again."""
    layer, seen = nn.Conv2d(1, 1, 3), []

    def function(batch):
        seen.append(layer(batch))
        return seen[-1]

    assert apply_in_batches(function, torch.zeros(1, 1, 5, 5), 1, CPU, precision).dtype == torch.float32
    assert seen[0].dtype == dtype


def test_memory_that_does_not_suffice_halves_the_batch(caplog):
    """The answer is the same, in order, and the log says what happened."""

    def small(batch):
        if len(batch) > 2:
            raise torch.OutOfMemoryError
        return batch * 2

    inputs = torch.arange(7.0)[:, None]
    with caplog.at_level(logging.WARNING, logger="reference_models"):
        assert torch.equal(apply_in_batches(small, inputs, 8, CPU), inputs * 2)
    assert "batches of 2" in caplog.text


def test_other_errors_are_not_taken_for_lack_of_memory():
    """They pass as they are."""

    def broken(_):
        raise RuntimeError(SHAPES)

    with pytest.raises(RuntimeError, match="shapes"):
        apply_in_batches(broken, torch.zeros(2, 1), 2, CPU)


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_a_single_input_that_does_not_fit_is_said_in_a_sentence(error):
    """A GPU and a CPU without memory say so differently."""

    def full(_):
        raise error

    with pytest.raises(PredictionFailedError, match="not enough memory on cpu for a single input of 5 x 7"):
        apply_in_batches(full, torch.zeros(2, 1, 5, 7), 2, CPU)


def test_determinism_ends_with_its_block():
    """What was set before is set again."""
    assert not torch.are_deterministic_algorithms_enabled()
    with deterministic():
        assert torch.are_deterministic_algorithms_enabled()
    assert not torch.are_deterministic_algorithms_enabled()


def test_placing_changes_no_answer():
    """Channels last in memory is a layout, not a computation."""
    network = nn.Sequential(nn.Conv3d(1, 2, 3), nn.Conv3d(2, 1, 1))
    x = torch.randn(1, 1, 6, 6, 6)
    before = network(x)
    torch.testing.assert_close(place(network, CPU)(x), before, rtol=1e-4, atol=1e-5)


@pytest.mark.gpu
def test_a_gpu_gives_what_the_cpu_gives():
    """In bfloat16, to its two decimal digits."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    network = place(nn.Conv2d(1, 4, 3), torch.device("cuda"))
    x = torch.randn(5, 1, 16, 16)
    found = apply_in_batches(network, x, 2, torch.device("cuda"))
    torch.testing.assert_close(found, network.cpu()(x), rtol=0.05, atol=0.05)


def test_denormal_numbers_are_zero_inside_the_block_only():
    """A hundredth of the smallest normal number is zero there, and itself afterwards."""
    smallest = torch.tensor([torch.finfo(torch.float32).tiny])
    with denormals_as_zero():
        assert not (smallest / 100).any()
    assert (smallest / 100).any()


def test_batches_are_computed_without_denormal_numbers():
    """Whatever the network: they are zero in every prediction, and themselves afterwards."""
    smallest = torch.full((2, 1), torch.finfo(torch.float32).tiny)
    assert not apply_in_batches(lambda batch: batch / 100, smallest, 1, torch.device("cpu")).any()
    assert (smallest / 100).any()
