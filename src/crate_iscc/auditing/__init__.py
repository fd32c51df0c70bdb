"""Keeps audit logs: appends records, follows their chain, signs them and has them stamped."""
