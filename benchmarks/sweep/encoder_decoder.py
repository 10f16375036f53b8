"""A transformer of two halves, whose depths are set apart."""

from torch import nn

from benchmarks.sweep.transformer import Block, embedding, matrix
from benchmarks.sweep.vowels import PAD


class EncoderDecoder(nn.Module):
    """Logits of the next symbol of the target, from the source and the target so far."""

    def __init__(
        self, width: int, encoder_layers: int, decoder_layers: int, vocabulary: int
    ) -> None:
        super().__init__()
        self.source_symbols = embedding(vocabulary, width)
        self.encoder = nn.ModuleList(
            Block(width, encoder_layers, causal=False) for _ in range(encoder_layers)
        )
        self.source_norm = nn.RMSNorm(width)
        self.symbols = embedding(vocabulary, width)
        self.decoder = nn.ModuleList(
            Block(width, decoder_layers, memory=True) for _ in range(decoder_layers)
        )
        self.norm = nn.RMSNorm(width)
        self.output = matrix(width, vocabulary, 0.0)

    def forward(self, source, x):
        seen = (source != PAD)[:, None, None, :]
        memory = self.source_symbols(source)
        for block in self.encoder:
            memory = block(memory, own_mask=seen)
        memory = self.source_norm(memory)
        x = self.symbols(x)
        for block in self.decoder:
            x = block(x, memory, seen)
        return self.output(self.norm(x))
