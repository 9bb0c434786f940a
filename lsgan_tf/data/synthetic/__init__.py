"""Data that is drawn: the mixture, digits, the handwriting stand-in."""
