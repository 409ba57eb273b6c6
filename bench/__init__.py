"""Benchmarks: each figure stands beside a peer or a limit from the same run. ``make bench`` prints them."""
