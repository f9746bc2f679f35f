"""Policy is data: every line, threshold and rate stands in YAML with unit, source and start date."""
