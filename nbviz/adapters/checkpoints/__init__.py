"""Checkpoints: files, folders and dicts of tensors, without the code of the model.

Of every format the headers alone are read, by code that is here: nothing is unpickled, nothing in a file is run, and no file
outside the one (or the folder) that was named is opened. What a header claims is checked against the file before it is believed.
"""
