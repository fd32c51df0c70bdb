"""Makes RO-Crates: a BuildPlan says what would be written, apply writes it."""
