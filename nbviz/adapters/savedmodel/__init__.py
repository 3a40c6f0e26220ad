"""Reads TensorFlow SavedModels by their protocol buffers: nothing is loaded into TensorFlow, and nothing runs."""
