"""One training run as a record: what is trained, on what, for how long, at which rate."""

from dataclasses import dataclass

from benchmarks.sweep import shapes
from benchmarks.sweep.tasks import TASKS

#: Sequences a step: 1024 bytes of text.
BATCH = 8
#: Rate at a width of 64 and its power of the width, from the sweep `learning_rate`.
RATES = {"transformer": (0.005, -0.75), "lstm": (0.04, -0.5), "encoder_decoder": (0.006, 0.0)}


@dataclass(frozen=True)
class Run:
    """One training run.

    Parameters
    ----------
    name
        Its name in the table; unique over all designs.
    design
        The design that it is of.
    width, layers
        Of the transformer, LSTM or decoder.
    steps, batch
        Optimizer steps, and sequences a step.
    unique
        Distinct sequences that it is trained on, again and again if need be.
    rate
        Learning rate after the warm-up.
    task, architecture
        Names in `tasks.TASKS` and `models.model_of`.
    encoder_layers
        Layers of the encoder; 0 where there is none.
    seed
        Of the initial parameters and of the order of sequences.
    decay
        Share of the steps, at the end, in which the rate falls to 0.
    evaluations
        About how often the validation loss is measured, at log-spaced steps.
    patience
        Evaluations without a better one after which a run is stopped; 0: never.
    weight_decay
        AdamW's, on matrices.
    """

    name: str
    design: str
    width: int
    layers: int
    steps: int
    batch: int
    unique: int
    rate: float
    task: str = "text"
    architecture: str = "transformer"
    encoder_layers: int = 0
    seed: int = 0
    decay: float = 0.2
    evaluations: int = 24
    patience: int = 0
    weight_decay: float = 0.1

    @property
    def tokens(self) -> int:
        """Tokens whose loss counts in training."""
        return self.steps * self.batch * TASKS[self.task].counted

    @property
    def size(self) -> shapes.Size:
        task = TASKS[self.task]
        rest = (task.vocabulary, task.length)
        if self.architecture == "encoder_decoder":
            return shapes.encoder_decoder(self.width, self.encoder_layers, self.layers, *rest)
        made = {"transformer": shapes.transformer, "lstm": shapes.lstm}[self.architecture]
        return made(self.width, self.layers, *rest)

    @property
    def flops(self) -> float:
        """Operations of the training."""
        return 3.0 * self.size.flops * self.steps * self.batch


def rate(width: int, batch: int = BATCH, architecture: str = "transformer") -> float:
    """Return a learning rate: a power of the width, the root of the batch."""
    at_64, power = RATES[architecture]
    return at_64 * (width / 64) ** power * (batch / BATCH) ** 0.5


def text_run(design: str, name: str, shape: tuple[int, int], tokens: float, **options) -> Run:
    """Return a run on text for a number of tokens; none comes twice unless `unique` says so."""
    batch = options.pop("batch", BATCH)
    steps = max(1, round(tokens / (batch * TASKS["text"].length)))
    options.setdefault("unique", steps * batch)
    options.setdefault("rate", rate(shape[0], batch, options.get("architecture", "transformer")))
    return Run(f"{design}-{name}", design, *shape, steps=steps, batch=batch, **options)
