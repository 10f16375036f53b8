"""Histograms of ranks, small enough for a page."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from scipy import stats

from benchmarks.sbc.uniformity import BINS

#: Histograms beside each other, so that they can be read on a page.
ABREAST = 8


def drawn(table: pd.DataFrame, path: Path) -> None:
    """Draw a histogram of ranks for each quantity of each case."""
    import matplotlib.pyplot as plt

    lines = []  # of the picture: the case's name at its first, and up to ABREAST quantities
    for case, here in table.groupby("case", sort=False):
        for start in range(0, len(here), ABREAST):
            part = here.iloc[start : start + ABREAST]
            lines.append((case if start == 0 else "", part))
    figure, axes = plt.subplots(
        len(lines), ABREAST, figsize=(1.5 * ABREAST, 1.5 * len(lines)), squeeze=False,
        sharey="row", layout="constrained",
    )  # fmt: skip
    for row, (case, here) in zip(axes, lines, strict=True):
        for ax in row[len(here) :]:
            ax.axis("off")
        for ax, (_, line) in zip(row, here.iterrows(), strict=False):
            inside = line[[f"bin_{i + 1}" for i in range(BINS)]].to_numpy(float)
            band = stats.binom.ppf([0.005, 0.995], int(line["simulations"]), 1 / BINS)
            ax.axhspan(*band, color="0.88", linewidth=0)
            ax.bar((np.arange(BINS) + 0.5) / BINS, inside, width=0.9 / BINS, color="C0")
            ax.axhline(line["simulations"] / BINS, color="0.4", linewidth=0.8)
            words = textwrap.fill(str(line["quantity"]), 20, break_long_words=False)
            ax.set_title(f"{words}\np = {line['p_ecdf']:.2f}", fontsize=7.5)
            ax.tick_params(labelsize=7)
            ax.set_xticks([0, 1])
        row[0].set_ylabel(textwrap.fill(case, 18), fontsize=8.5)
    figure.supxlabel(
        "rank of the truth among posterior draws (grey: 99 % of uniform ranks)", size=8
    )
    figure.savefig(path, dpi=90)
    with Image.open(path) as picture:  # few colours, for a page
        small = picture.convert("RGB").quantize(48)
    small.save(path, optimize=True)
    plt.close(figure)
