"""Rules about quality (SP6): what evaluations of the pictures show."""
