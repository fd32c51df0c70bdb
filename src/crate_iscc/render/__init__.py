"""Turns values into text: reports, manifests and plans, for people and for machines."""
