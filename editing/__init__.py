"""Part-wise image editing with a generator that also knows where every part is.

A plain PyTorch library: images, latents and label maps go in and come out. It knows no web,
no queue, no clock and no environment. Start reading at `bundle`, then `optimize`.
"""
