"""The pages that staff read in a browser: the same functions as the API, other clothes."""
