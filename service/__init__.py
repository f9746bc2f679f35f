"""How people use it: import, storage, scoring and the HTTP API."""
