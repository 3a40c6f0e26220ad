"""The outputs for a model graph, one per module."""
