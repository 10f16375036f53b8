"""Which runs to make: what the next ones would tell, and what a design would, before any."""
