"""The synthetic county: a seeded microsimulation of made-up households, and the register that an office would have kept of them."""
