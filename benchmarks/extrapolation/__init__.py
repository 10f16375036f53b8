"""Extrapolation of published curves: small x to fit, large x to forecast, many methods, one run."""
