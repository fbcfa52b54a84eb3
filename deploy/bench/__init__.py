"""Every figure that the README states, measured on this machine."""
