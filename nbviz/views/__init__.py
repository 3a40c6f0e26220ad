"""What is made of a model graph: one output per file."""
