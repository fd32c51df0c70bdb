"""The command line: parse, call one verb, render, exit with a code that means something.

Modules here import what a command needs inside of it, so that `--help` starts at once.
"""
