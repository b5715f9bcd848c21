"""From a task and its data to the folder of a trained model."""
