"""The command ``bayescale frontier``: how to divide budgets, by a saved fit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bayescale.commands.options import (
    Drift,
    Json,
    Prob,
    drift_given,
    numbers,
    one_number,
    pairs,
)
from bayescale.commands.output import fits_of, print_json, problems_of, record_of
from bayescale.errors import LawError


def frontier(
    file: Annotated[Path, typer.Argument(help="A fit of a law of two inputs.")],
    compute: Annotated[list[str], typer.Option(help="Budgets, with commas: 1e21,1e22")],
    unit: Annotated[str, typer.Option(help="FLOP or PF-days.")] = "FLOP",
    context: Annotated[
        float | None,
        typer.Option(help="Tokens of context: count a transformer's attention, too."),
    ] = None,
    vocabulary: Annotated[
        float | None, typer.Option(help="With --context: tokens of the vocabulary.")
    ] = None,
    batch: Annotated[
        float | None, typer.Option(help="Tokens in a batch, for a law of steps.")
    ] = None,
    inference_tokens: Annotated[
        float, typer.Option(help="Tokens that the model will serve.")
    ] = 0.0,
    price: Annotated[float | None, typer.Option(help="Price of a FLOP.")] = None,
    hold: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE=NUMBER", help="Every further input: unique_tokens=1e10."),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=LEVEL", help="Which group, of a fit with groups."),
    ] = None,
    y: Annotated[
        list[str] | None, typer.Option("--y", help="Also what these targets cost: 2.0,1.9")
    ] = None,
    reach: Annotated[
        float, typer.Option(help="With --y: the probability of reaching the target.")
    ] = 0.8,
    within: Annotated[
        float, typer.Option(help="Share of the loss that a near-optimal size may cost.")
    ] = 0.005,
    prob: Prob = 0.9,
    drift: Drift = None,
    as_json: Json = False,
) -> None:
    """Divide budgets between size and data.

    Of a saved fit of two inputs: the best size, tokens and loss at each budget with intervals,
    the one size to train, the sizes that are as good, and what the runs cannot tell.
    """
    from bayescale import files, tables
    from bayescale.planning import allocation, targets
    from bayescale.planning.costs import TransformerFlops

    budgets = numbers(compute, "compute")
    wanted = numbers(y, "y") if y else None
    options: dict[str, Any] = {"batch": batch, "inference_tokens": inference_tokens}
    held = pairs(hold, "hold", "ROLE=NUMBER, such as unique_tokens=1e10")
    options |= {role: one_number(text, "hold", role) for role, text in held.items()}
    if vocabulary is not None and context is None:
        raise LawError("--vocabulary goes with --context.")
    if context is not None:
        options["cost"] = TransformerFlops(context=context, vocabulary=vocabulary or 0.0)
    options |= {"price": price} | drift_given(drift)
    loaded = files.load(file)
    levels = pairs(group, "group", "COLUMN=LEVEL, such as family=A")
    source = _chosen(loaded, levels)
    front = allocation.frontier(source, budgets, unit=unit, **options)
    found = {
        "frontier": front.table(prob),
        "plan": front.plan(prob),
        "near_optimal": front.near_optimal(within).interval(prob),
        "power_law": front.power_law(prob),
    }
    if wanted is not None:
        cost = targets.target_cost(source, wanted, prob=reach, **options)
        found |= {"target_plans": cost.plans, "target_cost": cost.interval(prob)}
    if as_json:
        facts = {"doubts": list(front.doubts), "unit": unit, "drift": front.drift}
        print_json(record_of(loaded) | facts | {"probability": prob} | found)
    else:
        for name, table in (found | {"frontier": front.for_people(prob)}).items():
            tables.show(table, _title(name, front, prob, within, reach))
        for words in front.doubts:
            tables.say(words)
    raise typer.Exit(problems_of(fits_of(loaded)))


def _title(name: str, front: Any, prob: float, within: float, reach: float) -> str:
    """Return the line above a table."""
    interval = f"{prob * 100:g} % equal-tailed"
    return {
        "frontier": f"The best use of each budget in {front.unit}, by {front.terrain.name} "
        f"(median and {interval})",
        "plan": f"What to train: the size of least expected loss; {front.outcome} of one new run",
        "near_optimal": f"Sizes within {100 * within:g} % of the least loss; sure_from to sure_to: "
        f"with probability {prob:g}",
        "power_law": f"As power laws (C/C0)^power, at the middle budget ({interval})",
        "target_plans": f"What to train to reach a target with probability {reach:g}",
        "target_cost": f"The least budget if the true law were known ({interval}); inf is never",
    }[name]


def _chosen(loaded: Any, levels: dict[str, str]) -> Any:
    """Return the group that was named, whose level may be a number in the table."""
    if not levels:
        return loaded
    if loaded.runs.groups is not None:
        for column, known in zip(loaded.groups, loaded.runs.groups.levels, strict=True):
            same = [level for level in known if str(level) == levels.get(column)]
            levels |= {column: same[0]} if same else {}
    return loaded.at(**levels)
