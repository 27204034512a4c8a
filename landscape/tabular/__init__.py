"""Tasks from one's own tables: files and frames in, environments out, with an account of every treatment."""
