"""Neutral to smiling: EditGAN against four other methods, on pictures nobody trained on."""
