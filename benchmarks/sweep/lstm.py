"""A stack of LSTMs over bytes, for the comparison of architectures."""

from torch import nn

from benchmarks.sweep.transformer import embedding, matrix


class StackedLSTM(nn.Module):
    """Logits of the next symbol."""

    def __init__(self, width: int, layers: int, vocabulary: int) -> None:
        super().__init__()
        self.symbols = embedding(vocabulary, width)
        self.layers = nn.LSTM(width, width, layers, batch_first=True)
        self.output = matrix(width, vocabulary, 0.0)

    def forward(self, x):
        return self.output(self.layers(self.symbols(x))[0])
