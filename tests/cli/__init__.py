"""Tests of the command line: real processes, their streams and their exit codes."""
