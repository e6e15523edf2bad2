"""How good are the pictures? Extractors see pictures, metrics see what extractors saw, `measure` asks both."""
