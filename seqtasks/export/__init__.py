"""From a trained model to what other programs load."""
