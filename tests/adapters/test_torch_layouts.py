"""How the elements of tensors lie in memory is as in a real run: views are refused where they really are."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from nbviz.adapters import read  # noqa: E402

IMAGE = torch.randn(2, 3, 8, 8)
LAST = torch.channels_last


class Does(nn.Module):
    def __init__(self, forward, weight=LAST):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3).to(memory_format=weight)
        self.does = forward

    def forward(self, x):
        return self.does(self.conv, x)


FORWARDS = {
    "channels last, seen flat": lambda conv, x: conv(x).permute(0, 2, 3, 1).view(-1, 6),
    "channels seen flat": lambda conv, x: conv(x).view(len(x), -1),
    "transposed": lambda conv, x: nn.functional.conv_transpose2d(x, conv.weight[:3, :2]).view(len(x), -1),
    "rolled": lambda conv, x: torch.roll(conv(x), 1, 2).view(len(x), -1),
    "asked": lambda conv, x: x.view(-1) if conv(x).is_contiguous() else x.permute(0, 2, 3, 1).view(-1),
}


@pytest.mark.parametrize("weight", [torch.contiguous_format, LAST])
@pytest.mark.parametrize("given", [torch.contiguous_format, LAST])
@pytest.mark.parametrize("forward", FORWARDS)
def test_a_convolution_keeps_channels_where_they_are(forward, given, weight):
    model, x = Does(FORWARDS[forward], weight), IMAGE.to(memory_format=given)
    same_end(model, x)


INPUTS = {
    "slice": torch.randn(4, 6)[:, :3],
    "expanded": torch.randn(4, 1).expand(4, 5),
    "transposed": torch.randn(4, 6).T,
    "large slice": torch.randn(300, 600)[:, :300],
    "empty": torch.randn(0, 3),
    "number": torch.tensor(3.0),
}


@pytest.mark.parametrize("run", [False, True])
@pytest.mark.parametrize("name", INPUTS)
def test_an_input_lies_as_its_example_does(name, run):
    same_end(Does(lambda _, x: x.view(-1)), INPUTS[name], run=run)


def same_end(model, x, *, run=False):
    """A trace ends as the model does: with an output of that shape, or refused in the same words."""
    try:
        real, refused = model(x), None
    except RuntimeError as error:
        real, refused = None, str(error)
    reading = read(model, x, run=run)
    assert refused == (reading.error and str(reading.error))
    if real is not None:
        assert reading.graph.calls[0].outputs[0].shape == tuple(real.shape)
