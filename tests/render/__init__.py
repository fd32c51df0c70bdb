"""Tests of the report formats: what CI systems, editors, browsers and people read of them."""
