"""How a score is made from what was known: bundle on disk, scorer, calibration, reasons, tiers. Code, not artefacts."""
