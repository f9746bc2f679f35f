"""How a model is made and judged: synthetic county, panel adapters, labels, splits, fitting, evaluation, tracking, promotion."""

import os

# Before LightGBM loads OpenMP: its threads then sleep while they wait for one another. Where other work keeps the cores busy, spinning
# makes the same training five to fifteen times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
