"""What the readers of foreign data make of any bytes: entry points, seeds, and the fuzzer's runs."""
