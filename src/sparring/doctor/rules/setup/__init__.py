"""SP2: ranges, losses, layers and rates that do not go together."""
