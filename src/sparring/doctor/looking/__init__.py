"""Two networks -> facts: how they are called, what runs, what reaches what, who is updated. Nothing of them changes."""
