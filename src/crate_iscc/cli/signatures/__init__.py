"""The signatures of the commands: what they take, and what their help says of it."""
