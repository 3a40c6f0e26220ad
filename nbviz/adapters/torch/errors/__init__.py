"""Says why a forward pass stopped, what to try next, and what could not be seen though it did not fail."""
