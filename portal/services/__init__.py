"""Changing: one function for each act of the trade. Each owns its transaction and records its facts."""
