"""The recurrent layers, and what stands around them."""
