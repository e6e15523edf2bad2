"""A run, or somebody's log, as one page of HTML that needs nothing beside it; figures shared by all who show runs."""
