"""Graphs of operations from files: their order, scopes, rows and calls."""
