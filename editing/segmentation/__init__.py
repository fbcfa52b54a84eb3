"""From the generator's own features to a label map, learned from a handful of pictures."""
