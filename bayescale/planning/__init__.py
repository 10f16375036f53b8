"""How to spend: the compute-optimal frontier, what targets cost, minima of sweeps."""
