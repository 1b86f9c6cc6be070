"""The networks that are scored: their architectures, and how their weights are read.

Modules here import PyTorch at the top, so only functions may import them (see `evaluate` and
`capture`); nothing outside `hwmodel.accuracy` does.
"""
