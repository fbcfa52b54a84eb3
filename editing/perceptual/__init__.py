"""Whose eyes judge appearance? Feature extractors that an operator can put into a bundle."""

from editing.perceptual.lpips import PerceptualWeightsError, load_lpips, with_lpips

__all__ = ["PerceptualWeightsError", "load_lpips", "with_lpips"]
