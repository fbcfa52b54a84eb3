"""The process that owns a device: claims jobs, renders previews, runs `editing`."""
