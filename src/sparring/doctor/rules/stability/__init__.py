"""SP5: numbers that jump, drift, overflow or stand at a bound."""
