"""Runs on a local page while they go on, read from their files alone; and their generators to play with."""
