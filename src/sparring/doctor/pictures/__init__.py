"""A set of pictures -> facts, findings, words and a sheet to look at."""
