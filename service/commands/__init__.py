"""What `python -m service` can do, a file a group."""
