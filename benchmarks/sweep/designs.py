"""Which runs are made, and why: every design is a list of runs with names.

Nothing here trains. A run's name is its place in the table, so a sweep that was stopped goes on
with the names that are missing, and a design may grow without making anything again.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from benchmarks.sweep.runs import BATCH, RATES, Run, rate, text_run
from benchmarks.sweep.tasks import TASKS

#: Tokens of a run with plenty of data: no window of the corpus comes twice.
PLENTY = 2**22
#: Width and layers, from 2e3 to 1e6 parameters without embeddings.
LADDER = (
    (8, 3), (12, 2), (16, 2), (24, 2), (32, 2), (40, 3), (48, 3), (64, 3), (80, 4), (96, 4),
    (128, 4), (128, 6),
)  # fmt: skip
#: Shapes between them, for isoFLOP curves; and larger ones, for a GPU.
MORE = ((8, 2), (16, 3), (24, 3), (32, 3), (64, 4), (96, 6), (160, 5))
LARGE = (
    (192, 6),
    (256, 6),
    (256, 8),
    (320, 8),
    (384, 8),
    (512, 8),
    (512, 10),
    (640, 10),
    (768, 12),
)
#: FLOP of a CPU's isoFLOP curves, and of a GPU's.
BUDGETS = (4e10, 1e11, 2.5e11, 6.3e11, 1.6e12, 4e12, 1e13)
LARGE_BUDGETS = (2.5e13, 6.3e13, 1.6e14, 4e14, 1e15)


def learning_rate() -> list[Run]:
    """Five rates, a factor of two apart, at each of five widths; and six for each other model."""
    runs = []
    for width, layers in ((8, 3), (16, 2), (32, 2), (64, 3), (128, 4)):
        for times in (0.25, 0.5, 1.0, 2.0, 4.0):
            tried = 0.004 * (64 / width) ** 0.75 * times
            name = f"w{width}-{times:g}"
            tokens = 2**18 if width >= 64 else 2**19
            runs.append(text_run("learning_rate", name, (width, layers), tokens, rate=tried))
    for width in (16, 64):
        runs += [
            text_run(
                "learning_rate", f"lstm-w{width}-{times:g}", (width, 1), 2**19,
                rate=0.01 * times, architecture="lstm",
            )
            for times in (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
        ]  # fmt: skip
    made = _halves("learning_rate", 2, 2, 512)
    runs += [
        replace(made, name=f"learning_rate-halves-{times:g}", rate=0.004 * times)
        for times in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
    ]
    return sorted((replace(run, evaluations=8) for run in runs), key=lambda r: r.flops)


def addition() -> list[Run]:
    """Three-digit addition by the number of training problems, through the sharp fall."""
    sizes = np.unique(np.round(np.geomspace(256, 32768, 15)).astype(int))
    return [
        Run(
            f"addition-{size}-s{seed}", "addition", 32, 2, steps=2500, batch=64, unique=int(size),
            rate=0.01, task="addition", seed=seed,
        )
        for seed in (0, 1)
        for size in sizes
    ]  # fmt: skip


def isoflop() -> list[Run]:
    """Seven sizes at each of seven budgets, over 2.4 decades."""
    return _isoflop("isoflop", BUDGETS, LADDER + MORE)


def params() -> list[Run]:
    """Twelve sizes, each on 4.2e6 tokens, none of which comes twice."""
    return [text_run("params", _shape(shape), shape, PLENTY) for shape in LADDER]


def data() -> list[Run]:
    """Eleven amounts of text, from 4e3 to 4.2e6 bytes, in one to 64 epochs, stopped early.

    The smaller ones are repeated until the loss on other text rises; the larger would take days.
    """
    runs = []
    for power in range(12, 23):
        for epochs in (1, 2, 4, 8, 16, 32, 64):
            tokens = 2**power * epochs
            if tokens <= (2**23 if power in (18, 19) else 2**22):
                runs.append(
                    text_run(
                        "data", f"2^{power}-e{epochs}", (48, 3), tokens, patience=6,
                        unique=2**power // TASKS["text"].length,
                    )
                )  # fmt: skip
    return runs


def seeds() -> list[Run]:
    """Three more seeds of five of the sizes of `params`."""
    return [
        text_run("seeds", f"{_shape(shape)}-s{seed}", shape, PLENTY, seed=seed)
        for shape in ((8, 3), (16, 2), (24, 2), (32, 2), (48, 3))
        for seed in (1, 2, 3)
    ]


def batch() -> list[Run]:
    """One size, eight batch sizes, three learning rates each, no decay: steps to given losses."""
    runs = []
    for sequences in (1, 2, 4, 8, 16, 32, 64, 128):
        # Steps that reach about the same loss, if a critical batch is about 20 sequences.
        steps = round(500 * (1 + 20 / sequences))
        for times in (0.5, 1.0, 2.0):
            chosen = rate(32, sequences) * times
            name = f"b{sequences}-{times:g}"
            runs.append(
                text_run(
                    "batch", name, (32, 2), steps * sequences * TASKS["text"].length,
                    batch=sequences, rate=chosen, decay=0.0, evaluations=70,
                )
            )  # fmt: skip
    return runs


def lstm() -> list[Run]:
    """Eight LSTMs on the tokens of `params`."""
    return [
        text_run(
            "lstm", _shape((width, layers)), (width, layers), PLENTY,
            architecture="lstm",
        )
        for width, layers in (
            (16, 1), (24, 1), (32, 1), (48, 1), (64, 1), (96, 1), (128, 1), (192, 1),
        )
    ]  # fmt: skip


def halves() -> list[Run]:
    """Five depths of an encoder by five of a decoder."""
    depths = (1, 2, 3, 5, 8)
    return [_halves("halves", e, d, 1024) for e in depths for d in depths]


def params_large() -> list[Run]:
    """Sizes from 2.7e6 to 8.5e7 on 2.7e7 tokens, for a GPU."""
    return [text_run("params_large", _shape(s), s, 2.7e7, batch=32) for s in LARGE]


def data_large() -> list[Run]:
    """Amounts of text up to the whole corpus, for a GPU."""
    return [
        text_run(
            "data_large", f"2^{power}-e{epochs}", (256, 6), 2**power * epochs, batch=32, patience=6,
            unique=2**power // TASKS["text"].length,
        )
        for power in range(18, 25)
        for epochs in (1, 2, 4, 8, 16, 32, 64)
        if 2**power * epochs <= 2**28
    ]  # fmt: skip


def isoflop_large() -> list[Run]:
    """Seven sizes at each of five more budgets, two decades above, for a GPU."""
    return _isoflop("isoflop_large", LARGE_BUDGETS, LADDER[6:] + MORE[4:] + LARGE)


#: In the order in which they are run.
CPU: dict[str, Callable[[], list[Run]]] = {
    made.__name__: made
    for made in (learning_rate, addition, isoflop, params, data, seeds, batch, lstm, halves)
}
GPU = {made.__name__: made for made in (params_large, data_large, isoflop_large)}
DESIGNS = CPU | GPU


def _shape(shape: tuple[int, int]) -> str:
    return f"w{shape[0]}-l{shape[1]}"


def _halves(design: str, encoder: int, decoder: int, steps: int) -> Run:
    return Run(
        f"{design}-e{encoder}-d{decoder}", design, 32, decoder, steps=steps, batch=16,
        unique=steps * 16, rate=RATES["encoder_decoder"][0], task="vowels",
        architecture="encoder_decoder", encoder_layers=encoder,
    )  # fmt: skip


def _isoflop(design: str, budgets: tuple[float, ...], shapes_: tuple) -> list[Run]:
    """Return the shapes nearest to sizes from an eighth to eight times the middle one."""
    sizes = {s: text_run(design, "", s, 1e6) for s in shapes_}
    runs = []
    for budget in budgets:
        middle = 1.3e5 * (budget / 3e12) ** 0.5
        near = {
            min(sizes, key=lambda s: abs(np.log(sizes[s].size.params / (middle * times))))
            for times in (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8)
        }
        sequences = BATCH // 2 if budget < 2e11 else BATCH
        # More evaluations would cost the smallest runs more than their training.
        count = 10 if budget < 1e12 else 24
        for shape in sorted(near, key=lambda s: sizes[s].size.params):
            tokens = budget / (3.0 * sizes[shape].size.flops) * TASKS["text"].length
            name = f"{budget:.1e}-{_shape(shape)}"
            runs.append(text_run(design, name, shape, tokens, batch=sequences, evaluations=count))
    return runs
