"""What the readers of files share: how they open one, what they check, and where values lie in it."""
