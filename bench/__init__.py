"""What `make bench` measures: ratios inside one run, because machines differ and this one is noisy."""
