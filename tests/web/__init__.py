"""Sources on the web, over servers on the loopback that the tests start."""
