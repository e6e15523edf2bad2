"""SP1: how the networks are wired to each other, to their inputs and to their optimisers."""
