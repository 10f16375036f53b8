"""Histograms of ranks, small enough for a page."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

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
    _saved(figure, path, 90, 48)


#: Of a sheet: inches of a histogram with its name, and of the cases' names to its left.
WIDE, HIGH, NAMES = 0.92, 0.55, 1.9


def sheet(table: pd.DataFrame, path: Path) -> None:
    """Draw the same of very many quantities: a line of small histograms for each case."""
    import matplotlib.pyplot as plt

    cases = list(table["case"].unique())
    most = int(table.groupby("case").size().max())
    figure = plt.figure(figsize=(NAMES + WIDE * most, HIGH * (len(cases) + 0.8)))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(-NAMES / WIDE, most), ylim=(-len(cases) - 0.45, 0.1))
    ax.axis("off")
    edges = 0.9 * np.arange(BINS) / BINS
    for i, case in enumerate(cases):
        here = table[table["case"] == case]
        floor, tall = -i - 0.92, 0.32  # of the histogram; a bin as uniform ranks have it is tall
        count = int(here["simulations"].median())
        words = textwrap.fill(case, 30, break_long_words=False)
        ax.text(-0.08, floor + tall, f"{words}\n{count} simulations", size=6.5, ha="right",
                va="center", linespacing=1.1)  # fmt: skip
        for j, (_, line) in enumerate(here.iterrows()):
            inside = line[[f"bin_{k + 1}" for k in range(BINS)]].to_numpy(float)
            number = int(line["simulations"])
            unit = tall * BINS / number
            low, high = unit * stats.binom.ppf([0.005, 0.995], number, 1 / BINS)
            ax.fill_between([j, j + 0.9], floor + low, floor + high, color="0.87", linewidth=0)
            colour = "C1" if line["p_ecdf"] < 0.01 else "C0"
            tops = np.minimum(unit * inside, 0.72)
            ax.bar(j + edges, tops, width=0.08, bottom=floor, align="edge", color=colour)
            ax.plot([j, j + 0.9], [floor + tall] * 2, color="0.45", linewidth=0.5)
            name = str(line["quantity"]).replace("curve at 10 times the end", "curve at 10 x end")
            ax.text(j + 0.45, floor - 0.02, textwrap.shorten(name, 26, placeholder="…"), size=5.5,
                    ha="center", va="top")  # fmt: skip
    ax.text(
        most / 2, -len(cases) - 0.3, size=7, ha="center",
        s="Rank of the truth among posterior draws. Grey: 99 % of uniform ranks; orange: p below "
        "0.01, before any correction.",
    )  # fmt: skip
    _saved(figure, path, 100, 16)


def _saved(figure: Any, path: Path, dpi: int, colours: int) -> None:
    """Write a figure with few colours, for a page."""
    import matplotlib.pyplot as plt

    figure.savefig(path, dpi=dpi)
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(colours)
    small.save(path, optimize=True)
    plt.close(figure)
