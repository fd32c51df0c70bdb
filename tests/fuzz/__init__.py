"""What readers of foreign data make of any bytes: entry points, seeds, and runs of the fuzzer."""
