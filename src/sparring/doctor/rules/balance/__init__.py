"""SP4: one network has beaten the other, or is not trained at all."""
