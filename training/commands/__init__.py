"""The commands of training, a file a group; `training.cli` puts them together."""
