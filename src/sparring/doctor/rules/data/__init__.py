"""SP3: what is wrong with the pictures. No such finding stops a training."""
