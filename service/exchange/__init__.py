"""Lists in and out as files that spreadsheets read."""
