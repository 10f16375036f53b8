"""Parameters and floating-point operations of every shape, by formulas that a test holds to models.

Operations are those of matrix products, two for a multiplication and an addition; attention counts
all pairs of places; training costs three times a forward pass.
"""

from dataclasses import dataclass

HEAD = 16


@dataclass(frozen=True)
class Size:
    """What a model has and costs.

    Parameters
    ----------
    params
        Parameters without embeddings and the output's matrix.
    encoder, decoder
        Of which are in the encoder and the decoder; no encoder: 0.
    embeddings
        Parameters of the embeddings of symbols and of the output's matrix.
    flops
        Operations of a forward pass over one sequence.
    """

    encoder: int
    decoder: int
    embeddings: int
    flops: int

    @property
    def params(self) -> int:
        return self.encoder + self.decoder


def heads(width: int) -> int:
    """Return the number of attention heads."""
    return max(1, width // HEAD)


def transformer(width: int, layers: int, vocabulary: int, length: int) -> Size:
    """Size of a causal transformer."""
    per_layer = 12 * width**2 + 2 * width
    operations = length * (2 * layers * 12 * width**2 + 2 * width * vocabulary)
    operations += layers * 4 * length**2 * width
    embeddings = 2 * vocabulary * width
    return Size(0, layers * per_layer + width, embeddings, operations)


def lstm(width: int, layers: int, vocabulary: int, length: int) -> Size:
    """Size of a stack of LSTMs."""
    per_layer = 8 * width**2 + 8 * width
    operations = length * (2 * layers * 8 * width**2 + 2 * width * vocabulary)
    return Size(0, layers * per_layer, 2 * vocabulary * width, operations)


def encoder_decoder(
    width: int, encoder_layers: int, decoder_layers: int, vocabulary: int, length: int
) -> Size:
    """Size of a transformer of two halves, for sources as long as targets."""
    encoder = encoder_layers * (12 * width**2 + 2 * width) + width
    decoder = decoder_layers * (16 * width**2 + 3 * width) + width
    products = 12 * encoder_layers + 16 * decoder_layers
    operations = length * (2 * products * width**2 + 2 * width * vocabulary)
    operations += (encoder_layers + 2 * decoder_layers) * 4 * length**2 * width
    # Symbols of both halves and of the output.
    return Size(encoder, decoder, 3 * vocabulary * width, operations)
