"""The modules of a model: their tree, their settings, and the parameters that they hold."""
