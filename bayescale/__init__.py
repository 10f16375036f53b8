"""Bayesian scaling laws: how good the next model will be, how sure, and which law the runs follow.

Names load when first used, so that ``import bayescale`` returns at once; PyMC, nutpie, ArviZ and
matplotlib load with the first fit or plot.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bayescale.backtesting import Backtest, backtest
    from bayescale.comparison import compare
    from bayescale.datasets import list_datasets, load_dataset
    from bayescale.ensembles import Ensemble, ensemble
    from bayescale.errors import (
        BayescaleError,
        BayescaleWarning,
        DataError,
        DataWarning,
        FileError,
        LawError,
        PriorError,
        SamplingWarning,
        UnknownNameError,
    )
    from bayescale.files import load
    from bayescale.fitting import Fit
    from bayescale.forecasting import Forecast, Required
    from bayescale.forms.broken_power_law import BrokenPowerLaw
    from bayescale.forms.power_law import PowerLaw
    from bayescale.laws import Law
    from bayescale.likelihood import Likelihood, LogNormal, Normal, StudentT
    from bayescale.plots.backtest import plot_backtest
    from bayescale.plots.breaks import plot_breaks
    from bayescale.plots.compare import plot_compare
    from bayescale.plots.fit import plot_fit
    from bayescale.plots.forecast import plot_forecast
    from bayescale.plots.required import plot_required
    from bayescale.prior import Prior
    from bayescale.registry import law, list_laws

__version__: str

_HOMES = {
    "backtesting": ["Backtest", "backtest"],
    "comparison": ["compare"],
    "datasets": ["list_datasets", "load_dataset"],
    "ensembles": ["Ensemble", "ensemble"],
    "errors": [
        "BayescaleError",
        "BayescaleWarning",
        "DataError",
        "DataWarning",
        "FileError",
        "LawError",
        "PriorError",
        "SamplingWarning",
        "UnknownNameError",
    ],
    "files": ["load"],
    "fitting": ["Fit"],
    "forecasting": ["Forecast", "Required"],
    "laws": ["Law"],
    "likelihood": ["Likelihood", "LogNormal", "Normal", "StudentT"],
    "plots.backtest": ["plot_backtest"],
    "plots.breaks": ["plot_breaks"],
    "plots.compare": ["plot_compare"],
    "plots.fit": ["plot_fit"],
    "plots.forecast": ["plot_forecast"],
    "plots.required": ["plot_required"],
    "prior": ["Prior"],
    "registry": ["law", "list_laws"],
}
_HOME = {name: f"bayescale.{home}" for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name from its room; any other name may be a law."""
    from bayescale.errors import nearest

    if name == "__version__":
        from importlib.metadata import version

        found = version("bayescale")
    elif name in _HOME:
        found = getattr(import_module(_HOME[name]), name)
    elif name[:1].isupper():
        import_module("bayescale.forms")
        from bayescale.registry import LAWS

        if name not in LAWS:
            raise AttributeError(f"bayescale has no {name!r}.{nearest(name, __dir__())}")
        found = LAWS[name]
    else:
        raise AttributeError(f"bayescale has no {name!r}.{nearest(name, _HOME)}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Return every public name, the laws among them."""
    import_module("bayescale.forms")
    from bayescale.registry import LAWS

    return sorted([*_HOME, *LAWS, "__version__"])
