"""What a forecast leans on: the smallest runs kept, single runs, and the priors."""
