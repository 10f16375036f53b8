"""A command whose options are given once, but for those that take several: nothing is dropped."""

from __future__ import annotations

from collections import Counter
from typing import Any

from typer.core import TyperCommand


class GivenOnce(TyperCommand):
    """A command that refuses a second value for an option that has one.

    Without this the last one would count and the others go unseen.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; one usage error for all options that were repeated."""
        if args and not ctx.resilient_parsing:  # a shell that completes asks with half a line
            _, _, order = self.make_parser(ctx).parse_args(args=list(args))
            times = Counter(part.opts[0] for part in order if _takes_one(part))
            repeated = [option for option, count in times.items() if count > 1]
            if repeated:
                ctx.fail(f"{' and '.join(repeated)} can be given once only.")
        return super().parse_args(ctx, args)


def _takes_one(part: Any) -> bool:
    """Whether a second value would take the place of the first; a flag has none."""
    return part.param_type_name == "option" and not part.multiple and not part.is_flag
