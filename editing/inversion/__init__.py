"""From a picture to the latent code that draws it: an encoder, then optimization."""
