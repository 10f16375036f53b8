"""A causal transformer: pre-norm, rotary places, no biases; and blocks for two halves."""

import math
from functools import lru_cache

import torch
from torch import nn
from torch.nn import functional

from benchmarks.sweep.shapes import heads

#: Slowest rotation, in places a radian: about the length of a sequence.
SLOWEST = 100.0


class Attention(nn.Module):
    """Attention over a sequence's own places, or over those of a memory.

    Places are rotations of queries and keys (Su et al. 2021, arXiv:2104.09864). With learned
    vectors of places small models took several times the steps to find what came just before.
    """

    def __init__(self, width: int, causal: bool, layers: int) -> None:
        super().__init__()
        self.heads = heads(width)
        self.causal = causal
        self.query = matrix(width, width)
        self.key_value = matrix(width, 2 * width)
        self.out = matrix(width, width, 1 / math.sqrt(2 * layers))

    def forward(self, x, memory=None, mask=None):
        batch, length, width = x.shape
        size = (batch, -1, self.heads, width // self.heads)
        query = self.query(x).view(size).transpose(1, 2)
        key, value = self.key_value(x if memory is None else memory).chunk(2, dim=-1)
        key, value = key.reshape(size).transpose(1, 2), value.reshape(size).transpose(1, 2)
        found = functional.scaled_dot_product_attention(
            rotated(query), rotated(key), value, attn_mask=mask, is_causal=self.causal
        )
        return self.out(found.transpose(1, 2).reshape(batch, length, width))


def rotated(x):
    """Return vectors turned by angles that grow with their place; (batch, head, place, size)."""
    cosine, sine = angles(x.shape[-2], x.shape[-1] // 2, x.device)
    left, right = x.chunk(2, dim=-1)
    turned = (left * cosine - right * sine, right * cosine + left * sine)
    return torch.cat(turned, dim=-1).to(x.dtype)


@lru_cache(maxsize=8)
def angles(length: int, pairs: int, device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return cosine and sine of every place and pair of numbers."""
    rates = SLOWEST ** (-torch.arange(pairs) / pairs)
    angle = torch.arange(length)[:, None] * rates
    return angle.cos().to(device), angle.sin().to(device)


class Block(nn.Module):
    """Attention, attention over a memory where there is one, and a two-layer network."""

    def __init__(self, width: int, layers: int, causal: bool = True, memory: bool = False) -> None:
        super().__init__()
        self.before_attention = nn.RMSNorm(width)
        self.attention = Attention(width, causal, layers)
        if memory:
            self.before_memory = nn.RMSNorm(width)
            self.memory = Attention(width, False, layers)
        self.before_network = nn.RMSNorm(width)
        self.up = matrix(width, 4 * width)
        self.down = matrix(4 * width, width, 1 / math.sqrt(2 * layers))

    def forward(self, x, memory=None, mask=None, own_mask=None):
        x = x + self.attention(self.before_attention(x), mask=own_mask)
        if memory is not None:
            x = x + self.memory(self.before_memory(x), memory, mask)
        return x + self.down(functional.gelu(self.up(self.before_network(x))))


class Transformer(nn.Module):
    """Logits of the next symbol."""

    def __init__(self, width: int, layers: int, vocabulary: int) -> None:
        super().__init__()
        self.symbols = embedding(vocabulary, width)
        self.blocks = nn.ModuleList(Block(width, layers) for _ in range(layers))
        self.norm = nn.RMSNorm(width)
        self.output = matrix(width, vocabulary, 0.0)

    def forward(self, x):
        x = self.symbols(x)
        for block in self.blocks:
            x = block(x)
        return self.output(self.norm(x))


def matrix(inputs: int, outputs: int, gain: float = 1.0) -> nn.Linear:
    """Return a matrix whose outputs are about as large as its inputs, times the gain."""
    made = nn.Linear(inputs, outputs, bias=False)
    nn.init.normal_(made.weight, std=gain / math.sqrt(inputs))
    return made


def embedding(count: int, width: int) -> nn.Embedding:
    """Return a table of vectors."""
    made = nn.Embedding(count, width)
    nn.init.normal_(made.weight)
    return made
