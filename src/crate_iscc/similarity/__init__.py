"""Finds what is there twice, and what is nearly there twice, among any number of codes.

Files are the same where their digests are. They are near where their Data-Codes differ in no more
bits than a threshold, which is chosen so that unrelated files hardly ever do. A Data-Code says how
many byte runs two files share; it says nothing of what they look like. Of images the same is asked
of their pixels and of their Image-Codes.
"""
