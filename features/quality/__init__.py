"""Is the register usable: table validation with every failure said at once, by table, row, column, reason and remedy."""
