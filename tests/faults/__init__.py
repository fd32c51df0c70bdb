"""Faults of file systems, disks and processes: what they do to a build, a verification, a sum."""
