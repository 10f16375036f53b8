"""The priors that parameters of laws have by default, each on the quantity that carries it."""

from __future__ import annotations

import math

from bayescale.prior import Prior

#: The scale's prior where the floor is not a share of the curve.
REDUCIBLE_PRIOR = Prior("LogNormal", mu=math.log(0.5), sigma=1.5, on="relative_scale")
#: The scale's prior by default: the curve's level at the data's centre.
LEVEL_PRIOR = Prior("LogNormal", mu=0.0, sigma=0.5, on="level")
#: The same where there is no floor: the reducible loss is the whole of it.
WHOLE_PRIOR = Prior("LogNormal", mu=0.0, sigma=0.5, on="relative_scale")
#: The floor's prior by default: any share of the loss at the largest input is as likely.
FLOOR_PRIOR = Prior("Uniform", lower=0.0, upper=1.0, on="floor_share")

#: A term's prior where it does not share the level with others.
TERM_PRIOR = Prior("LogNormal", mu=math.log(0.25), sigma=1.5)
#: The prior of a term's share in the reducible loss at the reference inputs.
SHARE_PRIOR = Prior("Uniform", lower=0.0, upper=1.0)
#: The prior of an exponent.
EXPONENT_PRIOR = Prior("LogNormal", mu=math.log(0.25), sigma=0.94)
