"""Bayesian scaling laws: how good the next model will be, how sure, and which law the runs follow.

Names load when first used, so that ``import bayescale`` returns at once; PyMC, nutpie, ArviZ and
matplotlib load with the first fit or plot.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bayescale.accounting import (
        PF_DAY,
        critical_batch,
        examples_ratio,
        flops,
        forward_flops,
        min_compute,
        min_steps,
        params_of,
        pf_days,
        tokens_of,
        transformer_params,
    )
    from bayescale.averaging import LearnedNObs, learn_n_obs
    from bayescale.backtest_record import Backtest
    from bayescale.backtesting import backtest
    from bayescale.batch import fit_many
    from bayescale.blocks import leave_block_out
    from bayescale.breaks import break_detectability, break_table
    from bayescale.checking.every import check_law, check_likelihood
    from bayescale.comparison import compare
    from bayescale.crossings import crossing, projection, speedup, tokens_needed
    from bayescale.datasets import fetch_dataset, list_datasets, load_dataset
    from bayescale.derived import (
        doubling_gain,
        elasticity,
        entropy_split,
        floor_share,
        overfitting,
        reducible_loss,
    )
    from bayescale.derived_record import Derived
    from bayescale.differences import Difference, difference
    from bayescale.ensembles import Ensemble, ensemble
    from bayescale.errors import (
        BayescaleError,
        BayescaleWarning,
        CheckError,
        DataError,
        DataWarning,
        FileError,
        LawError,
        PriorError,
        SamplingWarning,
        UnknownNameError,
    )
    from bayescale.experiments.choosing import NextRuns, next_runs
    from bayescale.experiments.studies import PowerStudy, power_study
    from bayescale.files import load
    from bayescale.fit_table import FitTable
    from bayescale.fitting import Fit
    from bayescale.forecasts import Forecast, Required
    from bayescale.forms.bounded_rational import BoundedRational
    from bayescale.forms.broken_power_law import BrokenPowerLaw
    from bayescale.forms.chinchilla import Chinchilla
    from bayescale.forms.composite_curve import CompositeCurve
    from bayescale.forms.critical_batch_size import CriticalBatchSize
    from bayescale.forms.data_constrained import DataConstrained
    from bayescale.forms.droppo_elibol import DroppoElibol
    from bayescale.forms.encoder_decoder import EncoderDecoder
    from bayescale.forms.inverse_logarithm import InverseLogarithm
    from bayescale.forms.kaplan_model_data import KaplanModelData
    from bayescale.forms.kaplan_model_steps import KaplanModelSteps
    from bayescale.forms.logarithmic import Logarithmic
    from bayescale.forms.multiplicative import Multiplicative
    from bayescale.forms.mutual_information import MutualInformation
    from bayescale.forms.offset_power_law import OffsetPowerLaw
    from bayescale.forms.position_loss import PositionLoss
    from bayescale.forms.power_law import PowerLaw
    from bayescale.forms.precision_aware import PrecisionAware
    from bayescale.forms.rosenfeld import Rosenfeld
    from bayescale.forms.routed_lm import RoutedLM
    from bayescale.forms.saturating_power_law import SaturatingPowerLaw
    from bayescale.forms.shifted_additive import ShiftedAdditive
    from bayescale.forms.shifted_power_law import ShiftedPowerLaw
    from bayescale.forms.sigmoid_link import SigmoidLink
    from bayescale.forms.skaling import Skaling
    from bayescale.forms.stretched_exponential import StretchedExponential
    from bayescale.forms.three_region_curve import ThreeRegionCurve
    from bayescale.forms.time_compute_trade_off import TimeComputeTradeOff
    from bayescale.forms.vapor_pressure import VaporPressure
    from bayescale.forms.vocabulary import Vocabulary
    from bayescale.group_comparison import compare_by_group
    from bayescale.information import infogain, segment_information
    from bayescale.laws import Law
    from bayescale.likelihoods.beta_binomial import BetaBinomial
    from bayescale.likelihoods.binomial import Binomial
    from bayescale.likelihoods.correlated import Correlated
    from bayescale.likelihoods.ex_gaussian import ExGaussian
    from bayescale.likelihoods.heteroscedastic import Heteroscedastic
    from bayescale.likelihoods.likelihood import Likelihood
    from bayescale.likelihoods.log_normal import LogNormal
    from bayescale.likelihoods.normal import Normal
    from bayescale.likelihoods.replicated import Replicated
    from bayescale.likelihoods.resampled import Resampled
    from bayescale.likelihoods.student_t import StudentT
    from bayescale.literature import Source, list_published, published
    from bayescale.outlook import forecast
    from bayescale.planning.allocation import frontier
    from bayescale.planning.arms import cheaper, doubling_value
    from bayescale.planning.costs import TransformerFlops, WallClock
    from bayescale.planning.envelopes import envelope
    from bayescale.planning.frontiers import Frontier
    from bayescale.planning.isoflops import isoflop
    from bayescale.planning.minima import IsoFlop
    from bayescale.planning.near_optima import NearOptimal
    from bayescale.planning.targets import TargetCost, target_cost
    from bayescale.plots.backtest import plot_backtest
    from bayescale.plots.breaks import plot_breaks
    from bayescale.plots.compare import plot_compare
    from bayescale.plots.contours import plot_loss_contours
    from bayescale.plots.fit import plot_fit
    from bayescale.plots.forecast import plot_forecast
    from bayescale.plots.frontier import plot_frontier
    from bayescale.plots.isoflop import plot_isoflop
    from bayescale.plots.next_runs import plot_next_runs
    from bayescale.plots.power_study import plot_power_study
    from bayescale.plots.prior_predictive import plot_prior_predictive
    from bayescale.plots.required import plot_required
    from bayescale.plots.rows import plot_sensitivity_to_rows
    from bayescale.plots.slices import plot_slices
    from bayescale.plots.smallest import plot_sensitivity_to_smallest
    from bayescale.pooling import partial_pooling, unpooled
    from bayescale.prior import Prior
    from bayescale.prior_predictive import PriorPredictive
    from bayescale.registry import law, list_laws
    from bayescale.reporting.checklist import Checklist
    from bayescale.sensitivity.priors import sensitivity_to_prior
    from bayescale.sensitivity.single_runs import sensitivity_to_rows
    from bayescale.sensitivity.smallest import sensitivity_to_smallest
    from bayescale.stages import TwoStage, two_stage
    from bayescale.trackers import read_runs
    from bayescale.verdicts import Verdict, verdict
    from bayescale.warming import Warming, warm

__version__: str

_HOMES = {
    "accounting": [
        "PF_DAY",
        "critical_batch",
        "examples_ratio",
        "flops",
        "forward_flops",
        "min_compute",
        "min_steps",
        "params_of",
        "pf_days",
        "tokens_of",
        "transformer_params",
    ],
    "averaging": ["LearnedNObs", "learn_n_obs"],
    "backtest_record": ["Backtest"],
    "backtesting": ["backtest"],
    "batch": ["fit_many"],
    "breaks": ["break_detectability", "break_table"],
    "checking.every": ["check_law", "check_likelihood"],
    "comparison": ["compare"],
    "group_comparison": ["compare_by_group"],
    "planning.costs": ["TransformerFlops", "WallClock"],
    "crossings": ["crossing", "projection", "speedup", "tokens_needed"],
    "datasets": ["fetch_dataset", "list_datasets", "load_dataset"],
    "derived": [
        "doubling_gain",
        "elasticity",
        "entropy_split",
        "floor_share",
        "overfitting",
        "reducible_loss",
    ],
    "derived_record": ["Derived"],
    "differences": ["Difference", "difference"],
    "ensembles": ["Ensemble", "ensemble"],
    "planning.envelopes": ["envelope"],
    "errors": [
        "BayescaleError",
        "BayescaleWarning",
        "CheckError",
        "DataError",
        "DataWarning",
        "FileError",
        "LawError",
        "PriorError",
        "SamplingWarning",
        "UnknownNameError",
    ],
    "experiments.choosing": ["NextRuns", "next_runs"],
    "files": ["load"],
    "fit_table": ["FitTable"],
    "fitting": ["Fit"],
    "forecasts": ["Forecast", "Required"],
    "planning.allocation": ["frontier"],
    "planning.arms": ["cheaper", "doubling_value"],
    "planning.frontiers": ["Frontier"],
    "planning.isoflops": ["isoflop"],
    "planning.minima": ["IsoFlop"],
    "planning.near_optima": ["NearOptimal"],
    "information": ["infogain", "segment_information"],
    "laws": ["Law"],
    "blocks": ["leave_block_out"],
    "outlook": ["forecast"],
    "likelihoods.likelihood": ["Likelihood"],
    "literature": ["Source", "list_published", "published"],
    "plots.backtest": ["plot_backtest"],
    "plots.breaks": ["plot_breaks"],
    "plots.compare": ["plot_compare"],
    "plots.contours": ["plot_loss_contours"],
    "plots.fit": ["plot_fit"],
    "plots.forecast": ["plot_forecast"],
    "plots.frontier": ["plot_frontier"],
    "plots.isoflop": ["plot_isoflop"],
    "plots.next_runs": ["plot_next_runs"],
    "plots.power_study": ["plot_power_study"],
    "plots.prior_predictive": ["plot_prior_predictive"],
    "plots.required": ["plot_required"],
    "plots.rows": ["plot_sensitivity_to_rows"],
    "plots.slices": ["plot_slices"],
    "plots.smallest": ["plot_sensitivity_to_smallest"],
    "pooling": ["partial_pooling", "unpooled"],
    "prior": ["Prior"],
    "prior_predictive": ["PriorPredictive"],
    "registry": ["law", "list_laws"],
    "reporting.checklist": ["Checklist"],
    "sensitivity.priors": ["sensitivity_to_prior"],
    "sensitivity.single_runs": ["sensitivity_to_rows"],
    "sensitivity.smallest": ["sensitivity_to_smallest"],
    "stages": ["TwoStage", "two_stage"],
    "planning.targets": ["TargetCost", "target_cost"],
    "experiments.studies": ["PowerStudy", "power_study"],
    "trackers": ["read_runs"],
    "verdicts": ["Verdict", "verdict"],
    "warming": ["Warming", "warm"],
}
_HOME = {name: f"bayescale.{home}" for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name from its room; any other name may be a likelihood or a law."""
    from bayescale.errors import nearest

    if name == "__version__":
        from importlib.metadata import version

        found = version("bayescale")
    elif name in _HOME:
        found = getattr(import_module(_HOME[name]), name)
    elif name[:1].isupper():
        from bayescale.likelihoods import likelihoods

        found = likelihoods().get(name)
        if found is None:
            import_module("bayescale.forms")
            from bayescale.registry import LAWS

            if name not in LAWS:
                raise AttributeError(f"bayescale has no {name!r}.{nearest(name, __dir__())}")
            found = LAWS[name]
    else:
        method = " A law has it: bs.PowerLaw().fit(runs, y=..., x=...)." if name == "fit" else ""
        raise AttributeError(f"bayescale has no {name!r}.{method or nearest(name, _HOME)}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Return every public name, laws and likelihoods among them."""
    import_module("bayescale.forms")
    from bayescale.likelihoods import likelihoods
    from bayescale.registry import LAWS

    return sorted({*_HOME, *LAWS, *likelihoods(), "__version__"})
