"""Foreign checkpoints, codes and directions, read without running their code.

`generators` and `codes` are what others call. The bytes of a foreign file are only ever
looked at in a process of its own (`process` starts it, `child` is what runs there), which
has numpy but no torch, no network, no other files, and a limit on memory and time. So
nothing is imported here: the child must not pay for torch, or trust it.
"""
