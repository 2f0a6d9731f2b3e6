"""What plugin authors import: features, references, core service protocols."""
