"""The doctor: reads networks before they are trained, and pictures; says what is wrong, and what that rests on."""
