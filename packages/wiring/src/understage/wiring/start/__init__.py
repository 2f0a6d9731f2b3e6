"""The start: policy, plugins, results, progress."""
