"""The command ``bayescale demo``: the main job on data that ships."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the pictures and the fits.")] = Path(
        "bayescale-demo"
    ),
    model: Annotated[
        str, typer.Option(help="Which classifier's learning curve, such as rbf_svm or knn.")
    ] = "gradient_boosting",
) -> None:
    """Show what bayescale does, on its own data.

    Power law or broken power law? Fits both to a learning curve that ships with the package,
    compares them, forecasts, and writes pictures and fits.
    """
    from bayescale import demo

    raise typer.Exit(demo.run(out, model))
