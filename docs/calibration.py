"""Write the calibration page from the results of simulations.

Run: uv run python docs/calibration.py
Reads sbc.csv, sbc_fits.csv, crosscheck_studies.csv, simulated_coverage.csv and learned_n_obs.csv in
benchmarks/results; writes docs/calibration.md. A number on the page is a number in a file. Pictures
are drawn by benchmarks/sbc.
"""

from pathlib import Path

import pandas as pd

from bayescale.registry import LAWS, find_law

find_law("PowerLaw")  # fills the registry
DOCS = Path(__file__).parent
RESULTS = DOCS.parent / "benchmarks" / "results"
LEVELS = (50, 80, 90, 95)

SBC = """# Calibration, simulated

This page is written by `docs/calibration.py` from the tables in `benchmarks/results`.

## Are posteriors what they claim to be?

`uv run python -m benchmarks.sbc` draws parameters from the priors and runs from the model, fits the
runs, and ranks the true values among 99 posterior draws. Ranks are uniform if priors, density,
sampler and weights agree (simulation-based calibration). Ranked are all parameters, the curve at
the largest input and at ten times it, and the log likelihood. Default priors are relative to the
data; here what they are relative to is held, since ranks could not be uniform if it followed from
runs that follow from the truth.

### Every form

Each form of the registry has its default likelihood and 24 runs over its example's range. Forms
whose floor and level are integrated out by default are fitted that way, with draws weighted to the
declared posterior, and a second time without ("nothing integrated out"). Fits are 4 chains of 500
draws, sampled again with twice as many where they fall short, as users have it. Two hundred
simulations put three standard deviations of a mean rank at 0.06; for smaller errors see the
densities and the two-sample tests below. The command goes on where it was stopped, and more of them
are worth a night. `SaturatingPowerLaw` has the most divergent draws, above 1 % in a tenth of its
fits, which users are told; 8 of its 200 ranks of `plateau` are the largest there is (2 expected).
Of four of these nutpie in PyMC's own coordinates draws the same posterior (`uv run python -m
benchmarks.sbc.reference`: the truth lies above .985 to .998 of its draws, .991 to .996 of ours).
Deliberately wrong densities fail in `tests/test_simulations.py`: another formula, Jacobian, prior
or noise than that of the runs.

![Histograms of ranks of every form](images/sbc_forms.png)
"""
NOISES = """
### Noise and groups

Noise is `Correlated` in the first four cases, then that of counts, of seeds and configurations, and
`LogNormal` in six pooled groups. These fits are never sampled again.

![Histograms of ranks](images/sbc.png)
"""
CROSSCHECK = """
## The same posterior by other means

`uv run python -m benchmarks.crosscheck` fits five laws twice: by this package, and by models that
are written by hand in NumPyro from the formulas and the printed priors, in the literature's
constants, and run in an environment of their own (`benchmarks/crosscheck/numpyro_models.py`; not
one line of ours is imported there). Both sides get the same runs. "Density": how far the two log
densities of priors and likelihood lie apart, in nats, over the points tried, half of them far
out. "z": differences of means, standard deviations and quantiles (5, 50, 95 %) of every constant,
in units of their Monte Carlo error. Draws that are thinned to independence are then compared
constant by constant (Kolmogorov-Smirnov) and all together (energy distance, 1999 permutations).
Kaplan's law was fitted again with two other seeds after the p-value of nu, the noise's degrees of
freedom, had been seen to be small: it is the smallest KS p-value of the first and the third, while
nu's means and quantiles agree within their Monte Carlo errors each time.

That our coordinates draw from the posterior of the literature's constants is tested in the same way
(`tests/test_same_posterior.py`): four laws are sampled by nutpie in PyMC's own coordinates of the
plain model, and without the Jacobian the test fails. `tests/test_density_property.py` holds the
sampled density to PyMC's for any law, likelihood and priors, at random.

"""
COVERAGE = """
## Do intervals beyond the data hold what they promise?

`uv run python -m benchmarks.simulated_coverage --replicates 6`: the truth is one of our forms
(power law with a floor, one break, two breaks, shifted power law) or none of them (three added
power laws, a logistic curve of log x); its noise is independent or correlated along x; 20 to 60
rows over 2.5 decades are fitted, and the curve and a new run are forecast at 2, 5 and 10 times
the largest x. All of ours are fitted with `Correlated()` but for the first row; "drift" is the
default drift. Least squares has 200 refits of a residual bootstrap, or the normal approximation
at the minimum (Laplace).
"""
SMOOTHED = """
## Smoothed rows

The rows of published vision curves are smoothed where they are fitted, and raw where they are
forecast. `uv run python -m benchmarks.learned_n_obs DATA_FOLDER` leaves out each curve in its turn,
learns from the raw rows of the family's other curves of how many evaluations a row is the mean
(`bs.learn_n_obs`), and forecasts the raw rows of the curve that was left out:

- *as it is*: `bs.forecast`, a new row scatters like a fitted one;
- *smoothed*: `bs.Correlated(smoothed=n)`, which leaves the rows' correlated noise as it is and adds
  independent noise; n is the median for another curve;
- *smoothed, mixed*: the same, over five quantiles of n, since curves differ;
- *scaled*: all of a new row's noise is √n times a fitted row's, what the law misses of the curve
  included, which is what `n_obs=n` says.

On the CIFAR curves (family c) both ways give intervals that hold about what they promise.
Multiplying what the law misses as well does no harm there, with n about 4; `smoothed=` is the
safer one where n is large or the law is stiff, since it leaves the forecast's middle where it is.

"""


def smoothed() -> str:
    """Forecasts of raw rows: a row for each family and way."""
    table = pd.read_csv(RESULTS / "learned_n_obs.csv")
    shares = [f"coverage_{level}" for level in LEVELS]
    lines = [
        "| family | curves | n | forecast | inside 50 % | 80 % | 90 % | 95 % | log score | CRPS "
        "| width of 90 % |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for (family, forecast), group in table.groupby(["family", "forecast"], sort=False):
        mean = group.mean(numeric_only=True)
        n = f"{group['n'].median():.3g} [{mean['n_lower']:.2g} to {mean['n_upper']:.2g}]"
        inside = " | ".join(f"{mean[share]:.0%}" for share in shares)
        scores = f"{mean['log_score']:.3f} | {mean['crps']:.4f} | {mean['width_90']:.3f}"
        lines.append(f"| {family} | {len(group)} | {n} | {forecast} | {inside} | {scores} |")
    words = "\nAll are means over curves; n is the median over curves of what was learned without "
    return "\n".join([*lines, words + "each, with the mean of its 90 % intervals.\n"])


def sbc(forms: bool) -> str:
    """Ranks: a row for each case, and how many tests fail."""
    table = pd.read_csv(RESULTS / "sbc.csv")
    fits = pd.read_csv(RESULTS / "sbc_fits.csv").set_index("case")
    of_form = table["case"].str.partition(",")[0].isin(list(LAWS))
    table = table[of_form == forms].reset_index(drop=True)
    p, chi = table["p_ecdf"], table["p_chi_square"]
    head = "| case | simulations | ranked | smallest p | of chi-square | mean rank |"
    more = " R-hat above 1.01 | sampled again |" if forms else ""
    lines = [head + more, "|---" * (head + more).count(" |") + "|"]
    for case, group in table.groupby("case", sort=False):
        low, high = group["mean_rank"].min(), group["mean_rank"].max()
        cells = [
            case, f"{group['simulations'].max()}", f"{len(group)}", f"{group['p_ecdf'].min():.3f}",
            f"{group['p_chi_square'].min():.3f}", f"{low:.2f} to {high:.2f}",
        ]  # fmt: skip
        if forms:
            fit = fits.loc[case]
            cells += [f"{fit['rhat_above_1.01']:.0%}", f"{fit['sampled_again']:.0%}"]
        lines.append(f"| {' | '.join(cells)} |")
    count = len(table)
    words = (
        f"\nOf {count} tests of uniformity by the ranks' distribution function the smallest "
        f"p-value is {p.min():.2g}, {holm(p)} after Holm's correction for so many; "
        f"{(p < 0.05).sum()} are below 0.05, where {0.05 * count:.1f} are expected by chance "
        f"(tests of one case are not independent). By chi-square in ten bins: {chi.min():.2g}, "
        f"{holm(chi)} after the correction, {(chi < 0.05).sum()} below 0.05.\n"
    )
    return "\n".join(["", *lines, words])


def holm(p: pd.Series) -> str:
    """Return the smallest p-value after Holm's correction."""
    return f"{min(1.0, p.min() * len(p)):.2g}"


def crosscheck() -> str:
    """The two sides compared: a row for each study."""
    table = pd.read_csv(RESULTS / "crosscheck_studies.csv")
    lines = [
        "| law | seed | draws | points | density | largest of so many z | above 2 | smallest KS p "
        "| energy p | R-hat, ours and theirs | ESS |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for _, row in table.iterrows():
        lines.append(
            f"| {row['study']} | {row['seed']} | {row['draws']} | {row['points']} | "
            f"{row['log_density_gap']:.0e} | "
            f"{row['largest_z']:.1f} of {row['comparisons']} | {row['z_above_2']} | "
            f"{row['smallest_ks_p']:.3f} | {row['energy_p']:.2f} | {row['rhat_ours']:.3f}, "
            f"{row['rhat_theirs']:.3f} | {row['ess_ours']:.0f}, {row['ess_theirs']:.0f} |"
        )
    number, above = table["comparisons"].sum(), table["z_above_2"].sum()
    words = (
        f"\nOf {number} differences {above} exceed two standard errors, where "
        f"{0.0455 * number:.0f} would by chance (constants of one law are correlated). NumPyro "
        f"{table['numpyro'].iloc[0]}, JAX {table['jax'].iloc[0]}; each constant is in "
        "`benchmarks/results/crosscheck.csv`.\n"
    )
    return "\n".join([*lines, words])


def coverage() -> str:
    """Coverage of the curve and of a new run, then by truth."""
    table = pd.read_csv(RESULTS / "simulated_coverage.csv")
    parts = []
    for of, title in (("curve", "The curve"), ("run", "A new run")):
        parts.append(f"\n### {title}\n")
        parts += _levels(table[(table["of"] == of)])
    parts.append("\n### The 90 % interval of the curve, by truth\n")
    parts += _truths(table[table["of"] == "curve"])
    return "\n".join(parts)


def _levels(table: pd.DataFrame) -> list[str]:
    """Coverage of every level and width, over distances and noises."""
    lines = []
    for truth in ("one of our forms", "none of our forms"):
        here = table[(table["truth"] == truth) & (table["noise"] == "both")]
        sets = int(here["sets"].iloc[0])
        lines += [
            f"\nThe truth is {truth} ({sets} data sets): inside the interval, means of 2, 5 and 10 "
            "times, and the median width of the 90 % interval in log y at each.\n",
            "| method | 50 % | 80 % | 90 % | 95 % | width at 2x | 5x | 10x | RMSLE at 10x |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        for method, group in here.groupby("method", sort=False):
            shares = [f"{group[f'coverage_{level}'].mean():.0%}" for level in LEVELS]
            by = group.set_index("ahead")
            widths = [f"{by.loc[ahead, 'width_90']:.2g}" for ahead in (2, 5, 10)]
            error = f"{by.loc[10, 'rmsle']:.2g}"
            lines.append(f"| {method} | {' | '.join([*shares, *widths, error])} |")
    return lines


def _truths(table: pd.DataFrame) -> list[str]:
    """Coverage at ten times the data, by truth."""
    here = table[(table["noise"] == "both") & (table["ahead"] == 10)]
    truths = [t for t in here["truth"].unique() if "our forms" not in t]
    lines = [
        "Inside at ten times the largest x.\n",
        f"| method | {' | '.join(truths)} |",
        f"|---{'|---' * len(truths)}|",
    ]
    for method, group in here.groupby("method", sort=False):
        by = group.set_index("truth")["coverage_90"]
        lines.append(f"| {method} | {' | '.join(f'{by[t]:.0%}' for t in truths)} |")
    return [*lines, ""]


def page() -> str:
    """Return the page."""
    return (
        SBC
        + sbc(True)
        + NOISES
        + sbc(False)
        + CROSSCHECK
        + crosscheck()
        + COVERAGE
        + coverage()
        + SMOOTHED
        + smoothed()
    )


def main() -> None:
    """Write the page."""
    (DOCS / "calibration.md").write_text(page())


if __name__ == "__main__":
    main()
