"""Our posterior beside that of an independent implementation: five laws by hand in NumPyro.

Run: uv run python -m benchmarks.crosscheck [--studies chinchilla ...] [--draws 4000]

The models in `numpyro_models.py` are written from the formulas and from the priors as they are
printed, in the literature's constants; they run in an environment of their own, made by uv from
`requirements.txt`, and know nothing of this package. Both sides fit the same runs. Compared are

- the log density of priors and likelihood at many points, which may differ by one constant;
- means, standard deviations and quantiles of every constant, in units of their Monte Carlo error;
- draws that are thinned to independence, by a Kolmogorov-Smirnov test for each constant and by the
  energy distance of all of them together.

Writes results/crosscheck.csv (a row for each study and constant) and
results/crosscheck_studies.csv (a row for each study).
"""
