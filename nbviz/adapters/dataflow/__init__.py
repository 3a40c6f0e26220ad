"""Graphs of operations as files hold them: their order, their scopes, their rows, and the calls that they become."""
