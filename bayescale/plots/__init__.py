"""One plot a file; the only place that imports matplotlib."""
