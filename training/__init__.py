"""How a model is made and judged: synthetic county, panel adapters, labels, splits, fitting, evaluation, tracking, promotion."""
