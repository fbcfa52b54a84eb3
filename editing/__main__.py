"""`python -m editing`: every command of the library under one name."""

from importlib.util import find_spec

from editing.cli import main, register

for module in (
    "editing.inversion.cli",
    "editing.vectors.cli",
    "editing.families.cli",
    "editing.training.cli",
    "editing.seeding",
    "editing.painted",
    "editing.benchmark.cli",
    "editing.benchmark.out_of_domain",
    "editing.importers.cli",
    "editing.own_family.cli",
):
    # Slimmer installations may leave training or benchmark out.
    if find_spec(module):
        register(module, main)

if __name__ == "__main__":
    main(prog_name="python -m editing")
