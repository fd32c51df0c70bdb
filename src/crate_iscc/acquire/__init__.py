"""From the camera to the file: the pixel code of an image while it is acquired."""

from crate_iscc.acquire.recorder import MissingFramesError, Recorder

__all__ = ["MissingFramesError", "Recorder"]
