"""Tests of signatures and timestamps."""
