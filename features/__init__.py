"""What was known of a household on a date.

The register (tables of facts, each row dated twice: when it was true and when it was known), the dated policy, and the
features that training, batch scoring and the API all compute with one function, :func:`features.build.build`. Knows
nothing of the other packages.
"""
