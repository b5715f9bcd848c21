"""Builders of data sets that TensorFlow Datasets lacks, one file each."""
