"""Builders for TensorFlow Datasets of what it lacks."""
