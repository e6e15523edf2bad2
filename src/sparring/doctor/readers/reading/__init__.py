"""What all readers of logs share: cleaning lines, finding numbers, naming them, keeping them, laying them out."""
